/** A client core under a script: virtual time, a fake network whose every word the test says, all that comes out kept. */

import { ClientCore } from '../../lib/client/core/core.js';
import type {
  ClientCoreOptions,
  ClientGap,
  ClientPorts,
  ClientRandom,
  ClientState,
  ConnectionId,
  ExportedState,
} from '../../lib/client/core/ports.js';
import type { ClientMessage, PublishOutcome, ServerMessage, WireMessage } from '../../lib/wire/client.js';
import type { ErrorBody } from '../../lib/wire/errors.js';

type Of<T, M extends { type: string }> = Extract<M, { type: T }>;

/** Mulberry32. */
export function seeded(seed: number): ClientRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    name: (bytes) =>
      Array.from({ length: Math.ceil((bytes * 4) / 3) }, () => ALPHABET[Math.floor(next() * 64)]).join(''),
  };
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export interface Link {
  readonly conn: ConnectionId;
  readonly url: string;
  readonly sent: ClientMessage[];
  /** Set once the core has closed it. */
  closedWith: number | undefined;
}

export class Script implements ClientPorts {
  now = 1_000;
  readonly random: ClientRandom;
  readonly core: ClientCore;
  readonly links: Link[] = [];
  readonly states: ClientState[] = [];
  readonly messages: WireMessage[] = [];
  readonly gaps: ClientGap[] = [];
  readonly stood: { channel: string; position: string; recovered: boolean }[] = [];
  readonly over: { channel: string; error: ErrorBody | undefined }[] = [];
  readonly problems: ErrorBody[] = [];
  /** Everything that reached the application, in order: ids, and `gap:reason`. */
  readonly seen: string[] = [];
  tokensAsked = 0;
  #flush = false;

  constructor(options: Partial<ClientCoreOptions> = {}, restored?: ExportedState, seed = 1) {
    this.random = seeded(seed);
    this.core = new ClientCore({ urls: ['http://a'], ...options }, this, restored);
  }

  // ports

  open(conn: ConnectionId, url: string): void {
    this.links.push({ conn, url, sent: [], closedWith: undefined });
  }

  send(conn: ConnectionId, message: ClientMessage): void {
    const link = this.#link(conn);
    if (link.closedWith !== undefined) throw new Error(`sent to a closed connection: ${JSON.stringify(message)}`);
    link.sent.push(message);
  }

  close(conn: ConnectionId, code: number): void {
    this.#link(conn).closedWith = code;
  }

  flushSoon(): void {
    this.#flush = true;
  }

  needToken(): void {
    this.tokensAsked++;
  }

  state(state: ClientState): void {
    this.states.push(state);
  }

  message(_channel: string, message: WireMessage): void {
    this.messages.push(message);
    this.seen.push(message.id);
  }

  gap(gap: ClientGap): void {
    this.gaps.push(gap);
    this.seen.push(`gap:${gap.reason}`);
  }

  subscribed(channel: string, position: string, recovered: boolean): void {
    this.stood.push({ channel, position, recovered });
  }

  ended(channel: string, error: ErrorBody | undefined): void {
    this.over.push({ channel, error });
  }

  problem(error: ErrorBody): void {
    this.problems.push(error);
  }

  // what a test says

  start(): this {
    this.core.start(this.now);
    return this;
  }

  get last(): Link {
    return this.links[this.links.length - 1]!;
  }

  /** The newest connection opens and is welcomed. */
  welcome(extra: Partial<Of<'connected', ServerMessage>> = {}, link = this.last): Link {
    this.core.opened(link.conn, this.now);
    const node = link.url.replace('http://', '');
    const connected = { type: 'connected', node, url: link.url, user: '', iteration: 'i', pingMs: 25_000 } as const;
    this.hear(link, { ...connected, next: [], spreadMs: 0, ...extra });
    return link;
  }

  hear(link: Link, ...messages: ServerMessage[]): void {
    for (const message of messages) this.core.message(link.conn, message, this.now);
    this.flush();
  }

  /** Answers every subscribe that has not been answered on this connection. */
  stand(link = this.last, position = '1~'): void {
    for (const m of this.take(link, 'subscribe')) {
      const at = m.after === 'now' || m.after === 'start' || m.after === undefined ? position : m.after;
      this.hear(link, { type: 'subscribed', channel: m.channel, position: at, recovered: true });
    }
  }

  /** The messages of a type that the core has sent there since the last time. */
  take<T extends ClientMessage['type']>(link: Link, type: T): Of<T, ClientMessage>[] {
    const taken = link.sent.filter((m) => m.type === type) as Of<T, ClientMessage>[];
    link.sent.splice(0, link.sent.length, ...link.sent.filter((m) => m.type !== type));
    return taken;
  }

  lose(link: Link, code = 1006, reason = ''): void {
    this.core.closed(link.conn, code, reason, this.now);
    this.flush();
  }

  /** Lets time pass, waking the core whenever it wants to be woken. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (let i = 0; i < 100_000; i++) {
      const at = Math.max(this.now, this.core.nextWakeAt());
      if (at > end) break;
      this.now = at;
      this.core.tick(this.now);
      this.flush();
    }
    this.now = end;
  }

  publish(channel: string, data: string, id?: string): { outcome: PublishOutcome | undefined } {
    const result: { outcome: PublishOutcome | undefined } = { outcome: undefined };
    const done = (outcome: PublishOutcome): void => {
      if (result.outcome !== undefined) throw new Error('answered twice');
      result.outcome = outcome;
    };
    this.core.publish(channel, data, id, done, this.now);
    return result;
  }

  flush(): void {
    while (this.#flush) {
      this.#flush = false;
      this.core.flush(this.now);
    }
  }

  #link(conn: ConnectionId): Link {
    return this.links.find((link) => link.conn === conn)!;
  }
}

/** A message as a node sends it. `at` is `lineage.number`, with other lineages after it. */
export function message(
  channel: string,
  id: string,
  at: string,
  chain?: readonly [publisher: string, seq: number],
): Of<'message', ServerMessage> {
  const bare = { type: 'message', id, channel, data: id, position: `1~${at}`, time: 0 } as const;
  return chain === undefined ? bare : { ...bare, publisher: chain[0], seq: chain[1] };
}

/** The names of lineages have 8 characters. */
export const L1 = 'lineage1';
export const L2 = 'lineage2';
