/**
 * All sessions of this node: who is let in and how fast, who is sent home, who is told where to go next. The pace of
 * arrivals is this node's own: whatever stampedes towards it waits in line here, without an error.
 */
import type { ClientMessage, ServerMessage } from '../../wire/client.js';
import { CLOSE, HalodError } from '../../wire/errors.js';
import { LIMITS } from '../../wire/limits.js';
import { formatPosition } from '../../wire/position.js';
import type { HistoryResult, NodeCore } from '../api.js';
import type { AppendRequest } from '../channel/types.js';
import type { Feeds } from '../feed/feeds.js';
import { Session, SessionReader } from './session.js';
import type { SessionRequest, SessionSink } from './types.js';

export interface SessionsPorts {
  readonly feeds: Feeds;
  /** By the table that holds once a leaving node has left: the node that serves this channel's readers best. */
  homeOf(channel: string): { readonly self: boolean; readonly id: string; readonly url: string };
  /** Where readers of the channel go should this node die, best first; for '' any live nodes. */
  nextUrls(channel: string): readonly string[];
  /** Nodes that would take over sessions of this one. */
  heirs(): number;
  publish(request: AppendRequest, now: number): void;
  history: NodeCore['history'];
  presence: NodeCore['presence'];
  renderHistory(channel: string, result: HistoryResult): Extract<ServerMessage, { type: 'history' }>['messages'];
  newId(): string;
  /** Something was asked for: the node looks after its queues at the end of this turn. */
  touched(): void;
  readonly self: string;
  readonly url: string;
  iteration(): string;
  /** This node serves whoever comes, whatever the table says. */
  readonly relay: boolean;
}

export const SESSION_TIMES = {
  /** Sessions that wait for admission are looked at this often. */
  admitMs: 20,
  /** News for many sessions go out in shares of this many … */
  sweepSessions: 500,
  /** … this often. */
  sweepMs: 50,
} as const;

const HELD_MAX = 256;

export class Sessions {
  readonly feeds: Feeds;
  readonly all = new Set<Session>();
  readonly #ports: SessionsPorts;
  readonly #admission: Admission;
  /** Sessions in line, with what they have said meanwhile. */
  readonly #waiting = new Map<Session, ClientMessage[]>();
  /** Questions of each session that wait for another node's answer. */
  readonly #asking = new Map<Session, number>();
  #sweep: Session[] = [];
  #sweepAt = Number.POSITIVE_INFINITY;
  #spreadTold = 0;

  constructor(ports: SessionsPorts, sessionsPerSecond: number) {
    this.#ports = ports;
    this.feeds = ports.feeds;
    this.#admission = new Admission(sessionsPerSecond);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  open(sink: SessionSink, request: SessionRequest, now: number): Session {
    const session = new Session(this, sink, request);
    if (request.user !== '' && this.#redirect(session, `@${request.user}`)) return session;
    if (this.all.size >= LIMITS.connectionsMax) {
      session.close(CLOSE.tooMany, 'this node has as many connections as it may have', now);
    } else if (this.#waiting.size === 0 && this.#admission.take(now)) {
      this.#admit(session, now);
    } else {
      this.#waiting.set(session, []);
    }
    return session;
  }

  /** What a session in line has said is answered once it is let in. */
  hold(session: Session, message: ClientMessage): void {
    const held = this.#waiting.get(session);
    if (held === undefined) return;
    if (held.length < HELD_MAX) held.push(message);
    else session.close(CLOSE.tooMany, 'too many messages before the connection was let in', 0);
  }

  forget(session: Session): void {
    this.all.delete(session);
    this.#waiting.delete(session);
    this.#asking.delete(session);
  }

  /** An anonymous reader is sent to the owner of the first channel it subscribes to. */
  sendHome(session: Session, channel: string, _now: number): boolean {
    return session.user === '' && session.homeChannel === '' && this.#redirect(session, channel);
  }

  welcome(session: Session): ServerMessage {
    return {
      type: 'connected',
      node: this.#ports.self,
      url: this.#ports.url,
      user: session.user,
      iteration: this.#ports.iteration(),
      pingMs: LIMITS.clientPingMs,
      next: this.#nextOf(session),
      spreadMs: this.spreadMs(),
    };
  }

  /** Over how long the sessions of this node would have to spread to fit the budget of the nodes they would go to. */
  spreadMs(): number {
    const heirs = Math.max(1, this.#ports.heirs());
    return Math.ceil((this.all.size / heirs / this.#admission.perSecond) * 1_000);
  }

  publish(request: AppendRequest, now: number): void {
    this.#ports.publish(request, now);
  }

  history(session: Session, m: Extract<ClientMessage, { type: 'history' }>, now: number): void {
    const { ref, channel } = m;
    const answer: Parameters<NodeCore['history']>[3] = (result) => {
      this.#answered(session);
      if (session.state === 'closed' || session.sink.full === true) return;
      if (!result.ok) return session.send({ type: 'error', ref, channel, error: result.error });
      const messages = this.#ports.renderHistory(channel, result.value);
      session.send({ type: 'history', ref, messages, position: positionText(result.value), gap: result.value.gap });
    };
    const limit = Math.min(m.limit ?? 100, LIMITS.historyMessagesMax);
    this.#ask(session, () => this.#ports.history(channel, m.after ?? '', limit, answer, now));
  }

  presence(session: Session, m: Extract<ClientMessage, { type: 'presence' }>, now: number): void {
    const { ref, channel } = m;
    const answer: Parameters<NodeCore['presence']>[1] = (result) => {
      this.#answered(session);
      if (session.state === 'closed') return;
      if (!result.ok) return session.send({ type: 'error', ref, channel, error: result.error });
      session.send({ type: 'presence', ref, users: result.value, count: result.value.length });
    };
    this.#ask(session, () => this.#ports.presence(channel, answer, now));
  }

  /** @throws HalodError `too-many`: a small frame could make nodes send each other gigabytes. */
  #ask(session: Session, question: () => void): void {
    const asking = this.#asking.get(session) ?? 0;
    if (asking >= LIMITS.asksPerSession) {
      throw new HalodError('too-many', `a connection asks for at most ${LIMITS.asksPerSession} things at a time`);
    }
    this.#asking.set(session, asking + 1);
    try {
      question();
    } catch (error) {
      this.#answered(session);
      throw error;
    }
  }

  #answered(session: Session): void {
    const asking = this.#asking.get(session) ?? 0;
    if (asking > 1) this.#asking.set(session, asking - 1);
    else this.#asking.delete(session);
  }

  touched(): void {
    this.#ports.touched();
  }

  newId(): string {
    return this.#ports.newId();
  }

  /** Users that read the channel through this node. */
  usersOf(channel: string): string[] {
    const users = new Set<string>();
    for (const reader of this.feeds.readersOf(channel)) {
      if (reader instanceof SessionReader && reader.session.user !== '') users.add(reader.session.user);
    }
    return [...users];
  }

  /** The table changed: everyone learns anew where to go should this node die. */
  onTable(now: number): void {
    this.#startSweep(now);
  }

  nextWakeAt(now: number): number {
    const admitAt = this.#waiting.size === 0 ? Number.POSITIVE_INFINITY : now + SESSION_TIMES.admitMs;
    return Math.min(admitAt, this.#sweepAt);
  }

  tick(now: number): void {
    for (const [session, held] of this.#waiting) {
      if (!this.#admission.take(now)) break;
      this.#waiting.delete(session);
      this.#admit(session, now);
      for (const message of held) session.onMessage(message, now);
    }
    if (now < this.#sweepAt) return;
    for (const session of this.#sweep.splice(-SESSION_TIMES.sweepSessions)) {
      if (session.state !== 'open' || !session.movable) continue;
      session.send({ type: 'next', next: this.#nextOf(session), spreadMs: this.#spreadTold });
    }
    this.#sweepAt = this.#sweep.length === 0 ? Number.POSITIVE_INFINITY : now + SESSION_TIMES.sweepMs;
  }

  #admit(session: Session, now: number): void {
    this.all.add(session);
    session.open(now);
    // those who came first were told a spread for fewer: tell them again once it has doubled
    if (this.spreadMs() > 2 * this.#spreadTold + 50) this.#startSweep(now);
  }

  #startSweep(now: number): void {
    this.#spreadTold = this.spreadMs();
    this.#sweep = [...this.all];
    this.#sweepAt = Math.min(this.#sweepAt, now + SESSION_TIMES.sweepMs);
  }

  #redirect(session: Session, channel: string): boolean {
    if (session.relay || this.#ports.relay) return false;
    const home = this.#ports.homeOf(channel);
    if (home.self) return false;
    session.send({ type: 'redirect', url: home.url, reason: `${home.id} serves ${channel}` });
    session.close(CLOSE.redirect, 'served by another node', 0);
    return true;
  }

  #nextOf(session: Session): readonly string[] {
    return this.#ports.nextUrls(session.homeChannel);
  }
}

function positionText(result: HistoryResult): string {
  return formatPosition(result.position);
}

/**
 * The budget of new sessions. A tenth may come at once and the rest flows in evenly, so no window of a second ever sees
 * more than the budget.
 */
class Admission {
  readonly perSecond: number;
  #tokens: number;
  #at = 0;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
    this.#tokens = this.#burst;
  }

  take(now: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1_000) * this.perSecond * 0.9);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  get #burst(): number {
    return Math.max(1, this.perSecond / 10);
  }
}
