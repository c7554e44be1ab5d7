/**
 * A client without the library, as anyone writes one with plain HTTP: it polls from the position of the last answer, now
 * and then at another node, and publishes messages that have an id and no number, again and again until an answer is
 * final. It remembers nothing but positions.
 */
import type { WireMessage } from '../../wire/client.js';
import { entryOf, type HistoryBody } from '../checkers/history.js';
import type { DownReason, ProcessPorts, Program } from '../world.js';
import type { CallAnswer, CallMessage, PollCall, PublishCall } from './calls.js';
import type { ClientPlan, ClientWorld } from './client-program.js';

const WAIT_MS = 1_000;
/** A call is given up this long after it should have been answered. */
const PATIENCE_MS = 1_500;
const PUBLISH_TRY_MS = 3_000;
/** Before the next try. */
const PAUSE_MS = [50, 250] as const;
const REDIRECTS_MAX = 5;
/** Share of polls that go to any node, not to the one that answered last. */
const WANDERING = 0.2;

interface Call {
  readonly url: string;
  readonly what: { readonly poll: PollCall } | { readonly publish: PublishCall };
  readonly deadlineAt: number;
  peer: string | undefined;
  done(answer: CallAnswer | undefined, now: number): void;
}

interface Polling {
  readonly channel: string;
  position: string;
  /** Who answered last. */
  url: string;
  redirects: number;
  askAt: number;
}

interface Publishing {
  readonly ch: string;
  readonly n: number;
  readonly call: PublishCall;
  readonly deadlineAt: number;
  tryAt: number;
  /** A try went without an answer: the message may be stored. */
  isOpen: boolean;
}

interface PollBody {
  readonly messages: readonly WireMessage[];
  readonly position: string;
  readonly gaps?: readonly { readonly reason: Extract<HistoryBody, { kind: 'gap' }>['reason'] }[];
}

const NEVER = Number.POSITIVE_INFINITY;

export class BareProgram implements Program {
  readonly id: string;
  readonly boot = 1;
  readonly #plan: ClientPlan;
  readonly #world: ClientWorld;
  readonly #ports: ProcessPorts;
  readonly #calls = new Map<number, Call>();
  readonly #peers = new Map<string, string>();
  readonly #pollings: Polling[];
  readonly #publishings = new Set<Publishing>();
  readonly #seqs = new Map<string, number>();
  #lastCall = 0;
  #publishAt = NEVER;

  constructor(plan: ClientPlan, world: ClientWorld, ports: ProcessPorts) {
    this.#plan = plan;
    this.#world = world;
    this.#ports = ports;
    this.id = `client-${ports.host}`;
    this.#pollings = plan.reads.map((channel) => ({ channel, position: '', url: '', redirects: 0, askAt: NEVER }));
  }

  get pending(): number {
    return this.#publishings.size;
  }

  get isReading(): boolean {
    return this.#pollings.every(({ position }) => position !== '');
  }

  start(now: number): void {
    if (this.#plan.writes.length > 0) this.#publishAt = now + 100 + this.#ports.random.next() * this.#plan.everyMs;
    for (const polling of this.#pollings) {
      this.#world.record({ kind: 'sub', client: this.id, ch: polling.channel, after: 'now', bare: true });
      polling.url = this.#anyUrl();
      this.#ask(polling, now);
    }
  }

  nextWakeAt(): number {
    let at = this.#publishAt;
    for (const { deadlineAt } of this.#calls.values()) at = Math.min(at, deadlineAt);
    for (const { askAt } of this.#pollings) at = Math.min(at, askAt);
    for (const { tryAt } of this.#publishings) at = Math.min(at, tryAt);
    return at;
  }

  tick(now: number): void {
    for (const [number, call] of [...this.#calls]) {
      if (now < call.deadlineAt) continue;
      if (call.peer !== undefined) this.#ports.send(call.peer, call.url, { call: number, hangUp: true });
      this.#end(number, undefined, now);
    }
    for (const polling of this.#pollings) if (now >= polling.askAt) this.#ask(polling, now);
    for (const publishing of this.#publishings) if (now >= publishing.tryAt) this.#try(publishing, now);
    if (now >= this.#publishAt) this.#publish(now);
  }

  onLinkUp(peer: string, _boot: number, _now: number, dialed?: string): void {
    if (dialed === undefined) return;
    this.#peers.set(dialed, peer);
    for (const [number, call] of this.#calls) {
      if (call.peer !== undefined || call.url !== dialed) continue;
      call.peer = peer;
      this.#ports.send(peer, call.url, { call: number, ...call.what } satisfies CallMessage);
    }
  }

  onLinkDown(peer: string, _why: DownReason, now: number): void {
    for (const [url, known] of this.#peers) if (known === peer) this.#peers.delete(url);
    for (const [number, call] of [...this.#calls]) if (call.peer === peer) this.#end(number, undefined, now);
  }

  onDialFailed(url: string, _why: 'refused' | 'timeout' | 'self', now: number): void {
    for (const [number, call] of [...this.#calls]) {
      if (call.peer === undefined && call.url === url) this.#end(number, undefined, now);
    }
  }

  onMessage(from: string, message: unknown, now: number): void {
    const { call: number, ...answer } = message as { call: number } & CallAnswer;
    if (this.#calls.get(number)?.peer === from) this.#end(number, answer as CallAnswer, now);
  }

  // calls

  #call(url: string, what: Call['what'], deadlineAt: number, done: Call['done']): void {
    const number = ++this.#lastCall;
    const peer = this.#peers.get(url);
    this.#calls.set(number, { url, what, deadlineAt, peer, done });
    if (peer === undefined) this.#ports.dial(url);
    else this.#ports.send(peer, url, { call: number, ...what } satisfies CallMessage);
  }

  #end(number: number, answer: CallAnswer | undefined, now: number): void {
    const call = this.#calls.get(number);
    this.#calls.delete(number);
    call?.done(answer, now);
  }

  #anyUrl(): string {
    const { urls } = this.#world;
    return urls[Math.floor(this.#ports.random.next() * urls.length)]!;
  }

  #pauseMs(): number {
    return PAUSE_MS[0] + this.#ports.random.next() * (PAUSE_MS[1] - PAUSE_MS[0]);
  }

  // reading

  #ask(polling: Polling, now: number): void {
    polling.askAt = NEVER;
    const { channel, position } = polling;
    const waitMs = position === '' ? 0 : WAIT_MS;
    const poll = { channel, after: position, waitMs, relay: this.#plan.bare === 'relayed' };
    this.#call(polling.url, { poll }, now + waitMs + PATIENCE_MS, (answer, at) => this.#answered(polling, answer, at));
  }

  #answered(polling: Polling, answer: CallAnswer | undefined, now: number): void {
    if (answer !== undefined && 'redirect' in answer && polling.redirects < REDIRECTS_MAX) {
      polling.redirects++;
      polling.url = answer.redirect;
      return this.#ask(polling, now);
    }
    polling.redirects = 0;
    if (answer === undefined || !('polled' in answer)) {
      polling.url = this.#anyUrl();
      polling.askAt = now + this.#pauseMs();
      return;
    }
    this.#take(polling, JSON.parse(answer.polled) as PollBody);
    if (this.#ports.random.next() < WANDERING) polling.url = this.#anyUrl();
    this.#ask(polling, now);
  }

  #take(polling: Polling, { messages, position, gaps = [] }: PollBody): void {
    const { record } = this.#world;
    const of = { client: this.id, ch: polling.channel };
    if (polling.position === '') record({ kind: 'subscribed', ...of, recovered: true, position });
    polling.position = position;
    // the answer does not say how far a gap reaches when messages come with it
    const reach = messages.length === 0 ? { position } : {};
    for (const { reason } of gaps) record({ kind: 'gap', ...of, reason, ...reach });
    for (const message of messages) {
      const { p, n, hash } = message.data as { p: string; n: number; hash: string };
      const at = entryOf(message.position);
      record({ kind: 'callback', ...of, p, n, hash, ...(at === undefined ? {} : { at }) });
    }
  }

  // publishing

  #publish(now: number): void {
    const { writes, everyMs, window } = this.#plan;
    this.#publishAt = now + everyMs * (0.5 + this.#ports.random.next());
    if (!this.#world.publishing() || this.pending >= window) return;
    const ch = writes[Math.floor(this.#ports.random.next() * writes.length)]!;
    const n = (this.#seqs.get(ch) ?? 0) + 1;
    this.#seqs.set(ch, n);
    const p = this.id;
    const hash = `${p}/${ch}/${n}`;
    this.#world.record({ kind: 'pub-invoke', ch, p, n, hash, unordered: true });
    const call = { channel: ch, id: hash, data: JSON.stringify({ p, n, hash }) };
    const deadlineAt = now + this.#world.publishDeadlineMs;
    const publishing: Publishing = { ch, n, call, deadlineAt, tryAt: now, isOpen: false };
    this.#publishings.add(publishing);
    this.#try(publishing, now);
  }

  #try(publishing: Publishing, now: number): void {
    publishing.tryAt = NEVER;
    const { call: publish } = publishing;
    const deadlineAt = now + PUBLISH_TRY_MS;
    this.#call(this.#anyUrl(), { publish }, deadlineAt, (answer, at) => this.#stored(publishing, answer, at));
  }

  #stored(publishing: Publishing, answer: CallAnswer | undefined, now: number): void {
    const { ch, n } = publishing;
    const of = { ch, p: this.id, n };
    if (answer !== undefined && 'published' in answer) {
      const { copies, position } = answer.published;
      const at = entryOf(position);
      this.#publishings.delete(publishing);
      return this.#world.record({ kind: 'pub-ok', ...of, copies, ...(at === undefined ? {} : { at }) });
    }
    const isFinal = answer !== undefined && 'error' in answer && !answer.error.retry;
    if (isFinal && !publishing.isOpen) {
      this.#publishings.delete(publishing);
      return this.#world.record({ kind: 'pub-fail', ...of, code: answer.error.code });
    }
    publishing.isOpen = true;
    if (!isFinal && now < publishing.deadlineAt) {
      publishing.tryAt = now + this.#pauseMs();
      return;
    }
    this.#publishings.delete(publishing);
    this.#world.record({ kind: 'pub-unknown', ...of });
  }
}
