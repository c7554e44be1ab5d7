/**
 * Sessions on their way home after the table changed. The node that receives sets the pace: senders say how many wait,
 * it deals out its budget among them, and each sender lets that many go, spread evenly. Until its turn comes a session
 * is served where it is.
 */
import type { NodeId } from '../../wire/ids.js';
import type { RoutingMessage } from '../../wire/routing.js';
import type { Random } from '../random.js';
import type { Session } from './session.js';

export const MOVE_TIMES = {
  /** Senders ask, and receivers deal, this often. */
  roundMs: 250,
  /** An ask counts for this long. */
  askMs: 1_000,
  /** A session that has not moved by then is asked again later … */
  deadlineMs: 10_000,
  /** … this many times, then it is served in place until its home is another node. */
  asksMax: 3,
} as const;

export interface MovesPorts {
  readonly random: Random;
  send(to: NodeId, message: RoutingMessage): void;
  homeOf(channel: string): { readonly self: boolean; readonly id: NodeId; readonly url: string };
  sessions(): ReadonlySet<Session>;
  /** Sessions in line at this node's door use up its budget too. */
  waiting(): number;
}

export class Moves {
  readonly #ports: MovesPorts;
  readonly #perSecond: number;
  #dirty = false;
  #roundAt = 0;
  /** By where they belong; looked at again before each is sent. */
  readonly #waiting = new Map<NodeId, Session[]>();
  readonly #leaving: { session: Session; home: NodeId; deadlineAt: number }[] = [];
  readonly #asks = new Map<NodeId, { waiting: number; at: number }>();

  constructor(ports: MovesPorts, sessionsPerSecond: number) {
    this.#ports = ports;
    this.#perSecond = sessionsPerSecond;
  }

  /** Sessions that are not where they belong and can move. */
  get misplaced(): number {
    let count = this.#leaving.length;
    for (const sessions of this.#waiting.values()) count += sessions.length;
    return count;
  }

  get settled(): boolean {
    return !this.#dirty && this.misplaced === 0;
  }

  onTable(): void {
    this.#dirty = true;
  }

  onAsk(from: NodeId, waiting: number, now: number): void {
    this.#asks.set(from, { waiting, at: now });
  }

  onGrant(from: NodeId, count: number, spreadMs: number, now: number): void {
    const waiting = this.#waiting.get(from);
    if (waiting === undefined) return;
    let sent = 0;
    while (sent < count) {
      const session = waiting.pop();
      if (session === undefined) break;
      if (session.state !== 'open') continue;
      const home = this.#ports.homeOf(session.homeChannel);
      if (home.self || home.id !== from) continue;
      const afterMs = Math.floor(((sent + this.#ports.random.next()) * spreadMs) / count);
      session.state = 'moving';
      session.send({ type: 'move', url: home.url, afterMs, deadlineMs: MOVE_TIMES.deadlineMs });
      this.#leaving.push({ session, home: from, deadlineAt: now + spreadMs + MOVE_TIMES.deadlineMs });
      sent++;
    }
    if (waiting.length === 0) this.#waiting.delete(from);
  }

  nextWakeAt(): number {
    const idle = !this.#dirty && this.#waiting.size === 0 && this.#leaving.length === 0 && this.#asks.size === 0;
    return idle ? Number.POSITIVE_INFINITY : this.#roundAt;
  }

  tick(now: number): void {
    if (now < this.#roundAt) return;
    this.#roundAt = now + MOVE_TIMES.roundMs;
    if (this.#dirty) this.#scan();
    this.#expire(now);
    this.#ask();
    this.#deal(now);
  }

  #scan(): void {
    this.#dirty = false;
    this.#waiting.clear();
    for (const session of this.#ports.sessions()) {
      if (session.state !== 'open' || !session.movable || session.relay) continue;
      if (session.homeChannel === '') continue;
      const home = this.#ports.homeOf(session.homeChannel);
      if (session.ignoredHome !== home.id) session.movesIgnored = 0;
      if (home.self || session.movesIgnored >= MOVE_TIMES.asksMax) continue;
      const waiting = this.#waiting.get(home.id) ?? [];
      waiting.push(session);
      this.#waiting.set(home.id, waiting);
    }
  }

  /** A session that let its deadline pass has not moved: served here, and asked again. */
  #expire(now: number): void {
    for (let i = this.#leaving.length - 1; i >= 0; i--) {
      const { session, home, deadlineAt } = this.#leaving[i]!;
      if (session.state === 'moving' && now < deadlineAt) continue;
      this.#leaving.splice(i, 1);
      if (session.state !== 'moving') continue;
      session.state = 'open';
      session.ignoredHome = home;
      session.movesIgnored++;
      this.#dirty = true;
    }
  }

  #ask(): void {
    for (const [to, sessions] of this.#waiting) {
      this.#ports.send(to, { type: 'move-ask', waiting: sessions.length });
    }
  }

  /** Shares out what the budget leaves for one round, in proportion to who waits, at least one each. */
  #deal(now: number): void {
    let total = 0;
    for (const [from, ask] of this.#asks) {
      if (now > ask.at + MOVE_TIMES.askMs) this.#asks.delete(from);
      else total += ask.waiting;
    }
    if (total === 0) return;
    // the door lets nine tenths of the budget in evenly; what already stands in line comes first
    const budget = Math.max(
      0,
      Math.floor((this.#perSecond * 0.9 * MOVE_TIMES.roundMs) / 1_000) - this.#ports.waiting(),
    );
    for (const [from, ask] of this.#asks) {
      const count = Math.min(ask.waiting, Math.max(1, Math.floor((budget * ask.waiting) / total)));
      this.#asks.delete(from);
      if (budget > 0) this.#ports.send(from, { type: 'move-grant', count, spreadMs: MOVE_TIMES.roundMs });
    }
  }
}
