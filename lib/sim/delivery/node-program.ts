/**
 * The real node core as a program of the simulated world. Frames between nodes are the real bytes; clients' connections
 * are streams inside the link between a client's host and the node's, and their messages pass through the real JSON.
 */
import type { NodePorts, SessionHandle } from '../../core/api.js';
import type { Removal } from '../../core/channel/inspection.js';
import type { Mutation } from '../../core/channel/mutations.js';
import type { ChannelsOptions } from '../../core/channel/options.js';
import type { JournalPort } from '../../core/channel/ports.js';
import type { Entry } from '../../core/channel/types.js';
import type { MembershipTiming } from '../../core/membership/options.js';
import type { Member } from '../../core/membership/types.js';
import { Core } from '../../core/node.js';
import { ALL_GRANTS } from '../../core/session/grants.js';
import type { SessionSink } from '../../core/session/types.js';
import type { ClientMessage, ServerMessage } from '../../wire/client.js';
import { entryFields, messageJson, readJsonFrame, serverJson } from '../../wire/codec-client.js';
import type { NodeId } from '../../wire/ids.js';
import { idOfKey, idOfNumber, keyOfNumber, stamp, verifyStamp } from '../membership/member-program.js';
import type { DownReason, ProcessPorts, Program } from '../world.js';
import { type CallMessage, Calls } from './calls.js';

/** What a client's host and a node's say to each other: one stream per connection of the client. */
export type StreamMessage =
  | { readonly conn: number; readonly text: string }
  | { readonly conn: number; readonly close: number; readonly reason: string };

export interface DeliveryNodeOptions {
  readonly slots: number;
  readonly channels: ChannelsOptions;
  readonly timing: MembershipTiming;
  readonly seeds: readonly string[];
  readonly sessionsPerSecond: number;
  /** Whether the host keeps a journal for it. */
  readonly journal?: boolean;
  readonly mutations: ReadonlySet<Mutation>;
  /** What the checkers want to hear of. */
  log(host: number, topic: string, text: string): void;
  /** A node has stored it, as owner or as copy. */
  stored?(entry: Entry): void;
  /** Its retention has removed messages. */
  removed?(host: number, removal: Removal): void;
}

export const isClient = (id: string): boolean => id.startsWith('client-');

export class NodeProgram implements Program {
  readonly id: NodeId;
  readonly boot: number;
  readonly core: Core;
  readonly #options: DeliveryNodeOptions;
  readonly #ports: ProcessPorts;
  readonly #sessions = new Map<string, { session: SessionHandle; peer: string }>();
  readonly #calls: Calls;
  #flushWanted = false;
  #exit = false;
  #fences = 0;

  constructor(options: DeliveryNodeOptions, ports: ProcessPorts) {
    this.#options = options;
    this.#ports = ports;
    const key = keyOfNumber(ports.host);
    this.id = idOfNumber(ports.host);
    const last = (ports.memory.get('boot') as number | undefined) ?? 0;
    this.boot = Math.max(last + 1, Math.floor(ports.wallNow()));
    ports.memory.set('boot', this.boot);
    this.core = new Core(
      {
        membership: {
          cluster: 'sim',
          id: this.id,
          key,
          boot: this.boot,
          url: ports.url,
          weight: 1,
          zone: '',
          version: '1.0.0',
          seeds: options.seeds.filter((url) => url !== ports.url),
          timing: options.timing,
        },
        table: { slots: options.slots, copies: options.channels.copies, tolerance: 0 },
        channels: options.channels,
        relay: false,
        sessionsPerSecond: options.sessionsPerSecond,
        drainTimeoutMs: 8_000,
        renderHistory: () => [],
        mutations: options.mutations,
      },
      this.#nodePorts(key, options),
    );
    this.#calls = new Calls({ core: this.core, send: (to, message) => ports.send(to, '', message) });
  }

  start(now: number): void {
    if (this.#options.journal) this.core.restore(editionsOn(this.#ports).flat(), now);
    this.core.start(now);
    this.#after(now);
  }

  tick(now: number): void {
    if (now >= this.core.nextWakeAt()) this.core.tick(now);
    this.#calls.tick(now);
    this.#after(now);
  }

  nextWakeAt(): number {
    return Math.min(this.core.nextWakeAt(), this.#calls.nextWakeAt());
  }

  onLinkUp(peer: string, boot: number, now: number, dialed?: string): void {
    if (!isClient(peer)) this.core.onLinkUp(peer as NodeId, boot, now, dialed);
    this.#after(now);
  }

  onLinkDown(peer: string, why: DownReason, now: number): void {
    if (isClient(peer)) this.#dropStreams(peer, now);
    else this.core.onLinkDown(peer as NodeId, why, now);
    this.#after(now);
  }

  onDialFailed(url: string, why: 'refused' | 'timeout' | 'self', now: number): void {
    this.core.onDialFailed(url, why, now);
    this.#after(now);
  }

  onMessage(from: string, message: unknown, now: number): void {
    if (isClient(from)) {
      const m = message as StreamMessage | CallMessage;
      if ('call' in m) this.#calls.onCall(from, m, now);
      else this.#onStream(from, m, now);
    } else this.core.onFrame(from as NodeId, message as Uint8Array, now);
    this.#after(now);
  }

  onCommand(command: string, now: number): void {
    if (command === 'drain') this.core.drain(now);
    if (command.startsWith('overlook ')) this.#overlook(command.slice('overlook '.length));
    this.#after(now);
  }

  /** Its view lacks this host from now on, whatever it hears, as after a bug of membership; none: it is whole again. */
  #overlook(host: string): void {
    const { membership } = this.core;
    const id = host === 'nobody' ? '' : idOfNumber(Number(host));
    membership.members = () =>
      Object.getPrototypeOf(membership)
        .members.call(membership)
        .filter((m: Member) => m.id !== id);
  }

  #onStream(from: string, m: StreamMessage, now: number): void {
    const key = `${from}/${m.conn}`;
    const stream = this.#sessions.get(key);
    if ('close' in m) {
      this.#sessions.delete(key);
      stream?.session.onClosed(now);
      return;
    }
    const messages: ClientMessage[] = [];
    readJsonFrame(m.text, {
      message: (message) => void messages.push(message),
      refused: (error) => {
        throw new Error(`the client sent what the node refuses: ${error.message}`);
      },
    });
    for (const message of messages) {
      const known = this.#sessions.get(key);
      if (known === undefined) this.#greet(from, m.conn, message, now);
      else known.session.onMessage(message, now);
    }
  }

  #greet(from: string, conn: number, message: ClientMessage, now: number): void {
    const first = message.type === 'connect' ? message : undefined;
    let closed = false;
    const key = `${from}/${conn}`;
    const post = (text: string) => {
      if (!closed) this.#ports.send(from, '', { conn, text } satisfies StreamMessage);
    };
    const sink: SessionSink = {
      entry: (entry: Entry) => post(messageJson(entryFields(entry))),
      send: (m: ServerMessage) => post(serverJson(m)),
      close: (code, reason) => {
        if (!closed) this.#ports.send(from, '', { conn, close: code, reason } satisfies StreamMessage);
        closed = true;
        this.#sessions.delete(key);
      },
    };
    const session = this.core.openSession(
      sink,
      {
        user: first?.user ?? '',
        grants: ALL_GRANTS,
        relay: first?.relay ?? false,
        movable: true,
        ...(first?.after === undefined ? {} : { after: first.after }),
      },
      now,
    );
    if (closed) return;
    this.#sessions.set(key, { session, peer: from });
    if (first === undefined) session.onMessage(message, now);
  }

  #dropStreams(peer: string, now: number): void {
    for (const [key, stream] of this.#sessions) {
      if (stream.peer !== peer) continue;
      this.#sessions.delete(key);
      stream.session.onClosed(now);
    }
    this.#calls.drop(peer, now);
  }

  /** The turn is over: one frame to each peer. */
  #after(now: number): void {
    const { stored, removed } = this.#options;
    const { inspection } = this.core.channels;
    if (stored !== undefined) for (const entry of inspection.news()) stored(entry);
    for (let round = 0; round < 8 && (this.#flushWanted || this.#calls.settle(now)); round++) {
      this.#flushWanted = false;
      this.core.flush(now);
    }
    if (removed !== undefined) for (const removal of inspection.removals()) removed(this.#ports.host, removal);
    if (inspection.fences > this.#fences) {
      this.#fences = inspection.fences;
      this.#ports.moment('fence');
    }
    if (this.#exit) this.#ports.exit();
  }

  #nodePorts(key: Uint8Array, options: DeliveryNodeOptions): NodePorts {
    const ports = this.#ports;
    return {
      random: ports.random,
      ...(options.journal ? { journal: journalOn(ports) } : {}),
      sendFrame: (peer, url, bytes) => ports.send(peer, url, new Uint8Array(bytes)),
      closeLink: (peer, why, reason) => {
        if (why === 'misbehaved') options.log(ports.host, 'misbehaved', reason);
        ports.close(peer);
      },
      dial: (url) => ports.dial(url),
      flushSoon: () => {
        this.#flushWanted = true;
      },
      deliver: () => undefined,
      sign: (bytes) => stamp(key, bytes),
      verify: verifyStamp,
      idOf: idOfKey,
      wallNow: () => Math.floor(ports.wallNow()),
      stateChanged: (state) => {
        options.log(ports.host, 'state', state);
        if (state === 'left') this.#exit = true;
      },
      drained: () => undefined,
      superseded: () => {
        this.#exit = true;
      },
      log: (topic, text) => options.log(ports.host, topic, text),
    };
  }
}

/** The host's disk: each edition with its records. */
function editionsOn({ memory }: ProcessPorts): Uint8Array[][] {
  const editions = (memory.get('journal') as Uint8Array[][] | undefined) ?? [];
  memory.set('journal', editions);
  return editions;
}

function journalOn(ports: ProcessPorts): JournalPort {
  return {
    append: (record) => void editionsOn(ports).at(-1)!.push(record),
    begin: () => void editionsOn(ports).push([]),
    complete: () => {
      const editions = editionsOn(ports);
      editions.splice(0, editions.length - 1);
    },
  };
}
