/** Questions to other nodes that one answer or a deadline ends: history at its owner, presence at everybody. */
import { ERRORS, type ErrorCode } from '../wire/errors.js';
import type { NodeId, Slot } from '../wire/ids.js';
import { LIMITS } from '../wire/limits.js';
import { formatPosition, type Position, parsePosition } from '../wire/position.js';
import type { RoutingMessage } from '../wire/routing.js';
import type { Answer, HistoryResult } from './api.js';
import type { Entry, ReadResult } from './channel/types.js';

export const ASK_TIMES = { historyMs: 5_000, presenceMs: 1_000, retryMs: 50 } as const;

export interface AsksPorts {
  readonly self: NodeId;
  send(to: NodeId, message: RoutingMessage): void;
  slotOf(channel: string): Slot;
  ownerOf(slot: Slot): NodeId | undefined;
  serves(slot: Slot): boolean;
  read(channel: string, after: 'start' | Position, limit: number, now: number): ReadResult;
  latest(channel: string, limit: number): { readonly entries: readonly Entry[]; readonly position: Position };
  /** Live peers other than this node. */
  peers(): readonly NodeId[];
  usersOf(channel: string): readonly string[];
}

interface HistoryAsk {
  readonly channel: string;
  /** '' asks for the latest messages; else moves on with what has come. */
  after: string;
  readonly limit: number;
  /** What has come so far: one read is shorter than one answer may be. */
  readonly entries: Entry[];
  bytes: number;
  gap: boolean;
  readonly answer: Answer<HistoryResult>;
  readonly deadlineAt: number;
  /** 0 while it waits for its next try. */
  req: number;
  to: NodeId | undefined;
  retryAt: number;
}

interface PresenceAsk {
  readonly req: number;
  readonly waitingFor: Set<NodeId>;
  readonly users: Set<string>;
  readonly answer: Answer<readonly string[]>;
  readonly deadlineAt: number;
}

type Read = Extract<RoutingMessage, { type: 'read' }>;
type ReadAnswer = Extract<RoutingMessage, { type: 'read-answer' }>;

export class Asks {
  readonly #ports: AsksPorts;
  readonly #histories = new Set<HistoryAsk>();
  readonly #presences = new Map<number, PresenceAsk>();
  /** Odd, so that it never equals the number of a feed's read. */
  #req = 1;

  constructor(ports: AsksPorts) {
    this.#ports = ports;
  }

  history(channel: string, after: string, limit: number, answer: Answer<HistoryResult>, now: number): void {
    if (this.#histories.size >= LIMITS.publishesInFlightMax) return answer(failure('overloaded'));
    if (after !== '' && after !== 'start' && after !== 'now') parsePosition(after);
    const ask: HistoryAsk = {
      channel,
      after,
      limit,
      entries: [],
      bytes: 0,
      gap: false,
      answer,
      deadlineAt: now + ASK_TIMES.historyMs,
      req: 0,
      to: undefined,
      retryAt: 0,
    };
    this.#histories.add(ask);
    this.#try(ask, now);
  }

  presence(channel: string, answer: Answer<readonly string[]>, now: number): void {
    if (this.#presences.size >= LIMITS.publishesInFlightMax) return answer(failure('overloaded'));
    const peers = this.#ports.peers();
    const users = new Set(this.#ports.usersOf(channel));
    if (peers.length === 0) return answer({ ok: true, value: [...users].sort() });
    this.#req += 2;
    const req = this.#req;
    this.#presences.set(req, {
      req,
      waitingFor: new Set(peers),
      users,
      answer,
      deadlineAt: now + ASK_TIMES.presenceMs,
    });
    for (const peer of peers) this.#ports.send(peer, { type: 'presence-ask', req, channel });
  }

  // this node is asked

  onRead(from: NodeId, m: Read, now: number): void {
    const head = { type: 'read-answer', req: m.req, channel: m.channel } as const;
    if (!this.#ports.serves(this.#ports.slotOf(m.channel))) {
      const nothing = { owner: false, gap: null, entries: [], position: '1~', complete: false, catchingUp: false };
      return this.#ports.send(from, { ...head, ...nothing });
    }
    const result = this.#read(m.channel, m.after, m.limit, now);
    this.#ports.send(from, {
      ...head,
      owner: true,
      gap: result.gap && { reason: result.gap.reason, position: formatPosition(result.gap.position) },
      entries: result.entries,
      position: formatPosition(result.position),
      complete: result.complete,
      catchingUp: result.catchingUp,
    });
  }

  onPresenceAsk(from: NodeId, req: number, channel: string): void {
    this.#ports.send(from, { type: 'presence-answer', req, users: this.#ports.usersOf(channel) });
  }

  // answers

  /** True where the answer was to a question asked here. */
  onReadAnswer(from: NodeId, m: ReadAnswer, now: number): boolean {
    for (const ask of this.#histories) {
      if (ask.req !== m.req || ask.to !== from) continue;
      ask.req = 0;
      if (!m.owner) ask.retryAt = now + ASK_TIMES.retryMs;
      else if (!this.#take(ask, m, m.position)) this.#try(ask, now);
      return true;
    }
    return false;
  }

  onPresenceAnswer(from: NodeId, req: number, users: readonly string[]): void {
    const ask = this.#presences.get(req);
    if (ask === undefined || !ask.waitingFor.delete(from)) return;
    for (const user of users) ask.users.add(user);
    if (ask.waitingFor.size === 0) this.#finishPresence(ask);
  }

  onPeerReset(peer: NodeId, now: number): void {
    for (const ask of this.#histories) {
      if (ask.to !== peer || ask.req === 0) continue;
      ask.req = 0;
      ask.retryAt = now + ASK_TIMES.retryMs;
    }
    for (const ask of [...this.#presences.values()]) {
      if (ask.waitingFor.delete(peer) && ask.waitingFor.size === 0) this.#finishPresence(ask);
    }
  }

  nextWakeAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const ask of this.#histories) at = Math.min(at, ask.req === 0 ? ask.retryAt : ask.deadlineAt);
    for (const ask of this.#presences.values()) at = Math.min(at, ask.deadlineAt);
    return at;
  }

  tick(now: number): void {
    for (const ask of [...this.#histories]) {
      if (now >= ask.deadlineAt) {
        this.#histories.delete(ask);
        ask.answer(failure('timeout'));
      } else if (ask.req === 0 && now >= ask.retryAt) {
        this.#try(ask, now);
      }
    }
    // who has not answered by now is counted as having nobody: presence is what is known, not a promise
    for (const ask of [...this.#presences.values()]) if (now >= ask.deadlineAt) this.#finishPresence(ask);
  }

  #try(ask: HistoryAsk, now: number): void {
    const slot = this.#ports.slotOf(ask.channel);
    if (this.#ports.serves(slot)) {
      for (let done = false; !done; ) {
        const result = this.#read(ask.channel, ask.after, ask.limit - ask.entries.length, now);
        done = this.#take(ask, result, formatPosition(result.position));
      }
      return;
    }
    const owner = this.#ports.ownerOf(slot);
    if (owner === undefined || owner === this.#ports.self) {
      ask.retryAt = now + ASK_TIMES.retryMs;
      return;
    }
    this.#req += 2;
    ask.req = this.#req;
    ask.to = owner;
    const { req, channel, after } = ask;
    this.#ports.send(owner, { type: 'read', req, channel, after, limit: ask.limit - ask.entries.length });
  }

  /** One read more; true where that is the answer. */
  #take(
    ask: HistoryAsk,
    read: Pick<ReadAnswer, 'entries' | 'complete' | 'catchingUp'> & { gap: object | null },
    position: string,
  ): boolean {
    const { entries } = ask;
    for (const entry of read.entries) {
      entries.push(entry);
      ask.bytes += entry.data.length;
    }
    if (read.gap !== null) ask.gap = true;
    const stuck = read.entries.length === 0 && read.gap === null;
    const full = entries.length >= ask.limit || ask.bytes >= LIMITS.historyAnswerBytes;
    ask.after = position;
    if (!read.complete && !read.catchingUp && !stuck && !full) return false;
    this.#histories.delete(ask);
    ask.answer({ ok: true, value: { entries, position: parsePosition(position), gap: ask.gap } });
    return true;
  }

  #finishPresence(ask: PresenceAsk): void {
    this.#presences.delete(ask.req);
    ask.answer({ ok: true, value: [...ask.users].sort() });
  }

  /** '' reads the latest messages, 'now' none of them: both end at the head. */
  #read(channel: string, after: string, limit: number, now: number): ReadResult {
    if (after === '' || after === 'now') {
      const count = after === 'now' ? 0 : Math.min(limit, LIMITS.historyMessagesMax);
      return { ...this.#ports.latest(channel, count), gap: null, complete: true, catchingUp: false };
    }
    const count = Math.min(limit, LIMITS.catchUpReadMax);
    return this.#ports.read(channel, after === 'start' ? after : parsePosition(after), count, now);
  }
}

function failure(code: ErrorCode): { ok: false; error: { code: ErrorCode; message: string; retry: boolean } } {
  return { ok: false, error: { code, message: ERRORS[code].means, retry: ERRORS[code].retry } };
}
