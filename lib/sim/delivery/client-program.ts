/**
 * The real client core as a program of the simulated world: it reads channels, publishes, goes away and comes back with
 * what it exported, and writes everything that the application would see into the run's history.
 */

import { ClientCore } from '../../client/core/core.js';
import type { ClientDefences, ExportedState } from '../../client/core/ports.js';
import type { ClientMessage, ServerMessage, WireMessage } from '../../wire/client.js';
import { entryOf, type HistoryBody } from '../checkers/history.js';
import type { DownReason, ProcessPorts, Program } from '../world.js';
import type { StreamMessage } from './node-program.js';

export interface ClientPlan {
  readonly user: string;
  readonly reads: readonly string[];
  /** Channels it publishes to in turn, one message every `everyMs` on average, until `untilMs` of world time. */
  readonly writes: readonly string[];
  readonly everyMs: number;
  /** Publishes without an answer at most. */
  readonly window: number;
  /** Plain HTTP instead of the library; `relayed`: it asks every node to serve it itself. */
  readonly bare?: 'redirected' | 'relayed';
}

export interface ClientWorld {
  readonly urls: readonly string[];
  readonly defences: ClientDefences;
  readonly publishDeadlineMs: number;
  /** World time. */
  now(): number;
  publishing(): boolean;
  record(event: HistoryBody): void;
}

interface Stream {
  readonly url: string;
  peer: string | undefined;
}

export class ClientProgram implements Program {
  readonly id: string;
  readonly boot: number;
  readonly #plan: ClientPlan;
  readonly #world: ClientWorld;
  readonly #ports: ProcessPorts;
  #core: ClientCore;
  readonly #streams = new Map<number, Stream>();
  #due: { conn: number; url: string }[] = [];
  #flush = false;
  #publishAt = 0;
  #life = 0;
  readonly #seqs = new Map<string, number>();
  #name: string;
  #awayUntil = 0;
  #exported: ExportedState | undefined;
  /** The entry of the message at hand, as the node names it: the application's position may begin with another. */
  #at: string | undefined;

  constructor(plan: ClientPlan, world: ClientWorld, ports: ProcessPorts) {
    this.#plan = plan;
    this.#world = world;
    this.#ports = ports;
    this.id = `client-${ports.host}`;
    this.boot = 1;
    this.#name = `${this.id}.0`;
    this.#core = this.#newCore(undefined);
  }

  get pending(): number {
    return this.#core.pending;
  }

  get state(): string {
    return this.#core.state.state;
  }

  start(now: number): void {
    this.#publishAt = now + 100 + this.#ports.random.next() * this.#plan.everyMs;
    this.#begin(now);
    this.#after(now);
  }

  tick(now: number): void {
    if (this.#awayUntil > 0) {
      if (now >= this.#awayUntil) this.#comeBack(now);
    } else {
      this.#core.tick(now);
      if (now >= this.#publishAt && this.#plan.writes.length > 0) this.#publish(now);
    }
    this.#after(now);
  }

  nextWakeAt(): number {
    if (this.#awayUntil > 0) return this.#awayUntil;
    const publishAt = this.#plan.writes.length > 0 ? this.#publishAt : Number.POSITIVE_INFINITY;
    return Math.min(this.#core.nextWakeAt(), publishAt);
  }

  onLinkUp(peer: string, _boot: number, now: number, dialed?: string): void {
    for (const [conn, stream] of this.#streams) {
      if (stream.peer !== undefined || stream.url !== dialed) continue;
      stream.peer = peer;
      this.#core.opened(conn, now);
    }
    this.#after(now);
  }

  onLinkDown(peer: string, _why: DownReason, now: number): void {
    for (const [conn, stream] of [...this.#streams]) {
      if (stream.peer !== peer) continue;
      this.#streams.delete(conn);
      this.#core.closed(conn, 1006, 'the connection broke', now);
    }
    this.#after(now);
  }

  onDialFailed(url: string, _why: 'refused' | 'timeout' | 'self', now: number): void {
    for (const [conn, stream] of [...this.#streams]) {
      if (stream.peer !== undefined || stream.url !== url) continue;
      this.#streams.delete(conn);
      this.#core.closed(conn, 1006, 'nobody answers', now);
    }
    this.#after(now);
  }

  onMessage(from: string, message: unknown, now: number): void {
    const m = message as StreamMessage;
    if (this.#streams.get(m.conn)?.peer === from) {
      if ('close' in m) {
        this.#streams.delete(m.conn);
        this.#core.closed(m.conn, m.close, m.reason, now);
      } else {
        const message = JSON.parse(m.text) as ServerMessage;
        if (message.type === 'message') this.#at = entryOf(message.position);
        this.#core.message(m.conn, message, now);
      }
    }
    this.#after(now);
  }

  /** `away MS`: the application stops and starts again later with what the client exported. */
  onCommand(command: string, now: number): void {
    const ms = Number(command.slice('away '.length));
    if (!command.startsWith('away ') || this.#awayUntil > 0 || this.#core.pending > 0) return;
    this.#exported = this.#core.exportState();
    this.#core.close();
    this.#streams.clear();
    this.#awayUntil = now + ms;
    this.#after(now);
  }

  #comeBack(now: number): void {
    this.#awayUntil = 0;
    this.#rename();
    this.#core = this.#newCore(this.#exported);
    this.#begin(now);
  }

  #begin(now: number): void {
    for (const channel of this.#plan.reads) {
      const restored = this.#exported !== undefined;
      this.#world.record({ kind: 'sub', client: this.id, ch: channel, after: restored ? 'position' : 'now' });
      this.#core.subscribe(channel, restored ? undefined : 'now');
    }
    this.#core.start(now);
  }

  /** Where the order across a break is not promised, the history sees a new publisher. */
  #rename(): void {
    this.#life++;
    this.#name = `${this.id}.${this.#life}`;
    this.#seqs.clear();
  }

  #publish(now: number): void {
    this.#publishAt = now + this.#plan.everyMs * (0.5 + this.#ports.random.next());
    if (!this.#world.publishing() || this.#core.pending >= this.#plan.window) return;
    const ch = this.#plan.writes[Math.floor(this.#ports.random.next() * this.#plan.writes.length)]!;
    const n = (this.#seqs.get(ch) ?? 0) + 1;
    this.#seqs.set(ch, n);
    const p = this.#name;
    const hash = `${p}/${ch}/${n}`;
    this.#world.record({ kind: 'pub-invoke', ch, p, n, hash });
    const data = JSON.stringify({ p, n, hash });
    this.#core.publish(
      ch,
      data,
      undefined,
      (outcome) => {
        if (!('error' in outcome)) {
          const at = entryOf(outcome.position);
          this.#world.record({ kind: 'pub-ok', ch, p, n, copies: outcome.copies, ...(at === undefined ? {} : { at }) });
          return;
        }
        this.#world.record({ kind: 'pub-unknown', ch, p, n });
        if (p === this.#name) this.#rename();
      },
      now,
    );
  }

  #newCore(restored: ExportedState | undefined): ClientCore {
    const { user } = this.#plan;
    const client = this.id;
    const record = this.#world.record;
    return new ClientCore(
      {
        urls: this.#world.urls,
        user,
        defences: this.#world.defences,
        publishDeadlineMs: this.#world.publishDeadlineMs,
      },
      {
        random: this.#ports.random,
        open: (conn, url) => {
          this.#streams.set(conn, { url, peer: undefined });
          this.#due.push({ conn, url });
        },
        send: (conn, message) => this.#send(conn, message),
        close: (conn, code, reason) => {
          const stream = this.#streams.get(conn);
          this.#streams.delete(conn);
          if (stream?.peer !== undefined) {
            this.#ports.send(stream.peer, stream.url, { conn, close: code, reason } satisfies StreamMessage);
          }
        },
        flushSoon: () => {
          this.#flush = true;
        },
        needToken: () => undefined,
        state: (state) => record({ kind: 'state', client, state: state.state, reason: state.reason }),
        message: (ch, m) => this.#onMessage(ch, m),
        gap: ({ channel, reason, position }) => record({ kind: 'gap', client, ch: channel, reason, position }),
        subscribed: (ch, position, recovered) => record({ kind: 'subscribed', client, ch, position, recovered }),
        ended: () => undefined,
        problem: (error) => record({ kind: 'node', node: client, event: 'problem', detail: error.message }),
      },
      restored,
    );
  }

  #send(conn: number, message: ClientMessage): void {
    const stream = this.#streams.get(conn);
    if (stream?.peer === undefined) return;
    this.#ports.send(stream.peer, stream.url, { conn, text: textOf(message) } satisfies StreamMessage);
  }

  #onMessage(ch: string, m: WireMessage): void {
    const { p, n, hash } = m.data as { p: string; n: number; hash: string };
    const at = this.#at;
    this.#world.record({ kind: 'callback', client: this.id, ch, p, n, hash, ...(at === undefined ? {} : { at }) });
  }

  #after(now: number): void {
    for (let round = 0; round < 8 && (this.#flush || this.#due.length > 0); round++) {
      const due = this.#due;
      this.#due = [];
      for (const { url } of due) this.#ports.dial(url);
      if (!this.#flush) continue;
      this.#flush = false;
      if (this.#awayUntil === 0) this.#core.flush(now);
    }
  }
}

/** A frame as the drivers write it: data is JSON text already. */
function textOf(message: ClientMessage): string {
  if (message.type !== 'publish') return JSON.stringify(message);
  const { messages, ...rest } = message;
  const items = messages.map(({ data, ...item }) => {
    if (typeof data !== 'string') throw new Error('the simulated clients publish JSON');
    return `${JSON.stringify(item).slice(0, -1)},"data":${data}}`;
  });
  return `${JSON.stringify(rest).slice(0, -1)},"messages":[${items.join()}]}`;
}
