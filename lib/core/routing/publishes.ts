/**
 * The way of a publish to its owner: one array look-up, then straight there. What comes back as `moved`, or is not
 * answered because a link broke, is tried again with the same id until its deadline, so a retry can never double it.
 * A node that is asked by a peer passes on at most once more, and leaves retrying to the node where the publish entered.
 */
import type { LineageId, NodeId, Slot } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import { firstOf } from '../../wire/position.js';
import { AnswersReader, type Forward, ForwardsReader } from '../../wire/publishes.js';
import { type AppendRequest, type AppendResult, idOf, type PassedOn } from '../channel/types.js';

export const PUBLISH_TIMES = {
  /** From its arrival until `timeout` is answered. The caller may go on with the same id. */
  deadlineMs: 10_000,
  /** Wait before the next try, while the table has not changed. */
  retryMs: 40,
  /** Nodes that may pass a publish on: the one where it entered, and one that was no owner any more. */
  hopsMax: 2,
} as const;

export interface PublishPorts {
  readonly self: NodeId;
  forward(to: NodeId, publish: Forward, req: number, ageMs: number): void;
  /** `id`: the one it was published under. `onceHeld`: it counts once the node that asked holds the entry. */
  answer(to: NodeId, req: number, id: string, result: AppendResult, onceHeld: boolean): void;
  /** Everything of the lineage up to s is stored here. */
  holds(lid: LineageId, s: number): boolean;
  slotOf(channel: string): Slot;
  ownerOf(slot: Slot): NodeId | undefined;
  owns(slot: Slot): boolean;
  append(request: AppendRequest, now: number): void;
}

/**
 * Who gets the answer: whoever published here, or the peer that passed the publish on, under its own number. That number
 * means this publish only on the link it came over: a peer that has started anew counts from 1 again, and would take an
 * answer to its former self for that of another publish, which would then count as stored.
 */
type Origin =
  | { done(result: AppendResult): void; readonly from?: undefined }
  | { readonly from: NodeId; readonly req: number; readonly link: number };

/**
 * A publish that entered at this node (`retries`) or came from a peer. One object from its arrival to its answer: those
 * under way outlive a collection of the young, so what they are made of is copied.
 */
class Publish implements AppendRequest, PassedOn {
  readonly channel: string;
  readonly ownId: string;
  readonly publisher: string;
  readonly seq: number;
  readonly data: AppendRequest['data'];
  readonly firstTriedAt: number;
  readonly slot: Slot;
  /** Nodes that passed it on before this one. */
  readonly hops: number;
  readonly deadlineAt: number;
  /** The owner to which it was handed last. */
  to: NodeId | null = null;
  readonly #publishes: Publishes;
  readonly #origin: Origin;
  #answered = false;
  #entrusted = false;
  /** What was to be answered while the node that asked was entrusted with it. */
  #kept: AppendResult | null = null;

  constructor(
    publishes: Publishes,
    request: Pick<AppendRequest, 'channel' | 'ownId' | 'publisher' | 'seq' | 'data'>,
    origin: Origin,
    slot: Slot,
    hops: number,
    firstTriedAt: number,
    deadlineAt: number,
  ) {
    this.channel = request.channel;
    this.ownId = request.ownId;
    this.publisher = request.publisher;
    this.seq = request.seq;
    this.data = request.data;
    this.firstTriedAt = firstTriedAt;
    this.slot = slot;
    this.hops = hops;
    this.deadlineAt = deadlineAt;
    this.#publishes = publishes;
    this.#origin = origin;
  }

  get answered(): boolean {
    return this.#answered;
  }

  get passedOn(): PassedOn | undefined {
    return this.#origin.from === undefined ? undefined : this;
  }

  get by(): NodeId {
    return this.#origin.from!;
  }

  entrust(result: AppendResult): void {
    const origin = this.#origin;
    if (this.#answered || origin.from === undefined) return;
    this.#entrusted = true;
    this.#publishes.answer(origin, idOf(this), result, true);
  }

  withdraw(): void {
    this.#entrusted = false;
    if (this.#kept !== null) this.finish(this.#kept);
  }

  done(result: AppendResult): void {
    if (this.#answered) return;
    if (!result.ok && this.hops === 0 && mayRetry(result.code)) return this.#publishes.later(this);
    this.finish(result);
  }

  finish(result: AppendResult): void {
    if (this.#answered) return;
    if (this.#entrusted && result.ok) {
      this.#kept = result;
      return;
    }
    this.#answered = true;
    const origin = this.#origin;
    if (origin.from === undefined) origin.done(result);
    else this.#publishes.answer(origin, idOf(this), result, false);
  }
}

function mayRetry(code: string): boolean {
  return code === 'moved' || code === 'draining' || code === 'starting';
}

const MOVED: AppendResult = { ok: false, code: 'moved', message: 'the slot is moving to another node' };
const TIMEOUT: AppendResult = {
  ok: false,
  code: 'timeout',
  message: 'not confirmed in time; it may or may not be stored. Retry with the same id',
};
const FULL: AppendResult = { ok: false, code: 'overloaded', message: 'too many publishes are under way on this node' };

export class Publishes {
  readonly #ports: PublishPorts;
  /** Sent to an owner, by request number; insertion order is deadline order but for those sent again. */
  readonly #forwarded = new Map<number, Publish>();
  /** None of those sent again is due before. */
  #againDueAt = Number.POSITIVE_INFINITY;
  /** To be tried again, in the order in which they failed. */
  #waiting: Publish[] = [];
  #retryAt = Number.POSITIVE_INFINITY;
  #req = 0;
  /** A number for each link, new whenever it broke or was made; of the peers heard of last. */
  readonly #links = new Map<NodeId, number>();
  #linkCount = 0;

  constructor(ports: PublishPorts) {
    this.#ports = ports;
  }

  get inFlight(): number {
    return this.#forwarded.size + this.#waiting.length;
  }

  /** A publish that enters the cluster here. */
  publish(request: AppendRequest, now: number): void {
    if (this.inFlight >= LIMITS.publishesInFlightMax) return request.done(FULL);
    const slot = this.#ports.slotOf(request.channel);
    const { firstTriedAt } = request;
    this.#route(new Publish(this, request, request, slot, 0, firstTriedAt, now + PUBLISH_TIMES.deadlineMs), now);
  }

  /** @throws Error where the bytes are malformed: the link is then closed */
  onForwards(from: NodeId, bytes: Uint8Array, now: number): void {
    const deadlineAt = now + PUBLISH_TIMES.deadlineMs;
    const m = new ForwardsReader(bytes);
    const link = this.#linkWith(from);
    while (m.next()) {
      const origin = { from, req: m.req, link };
      this.#route(new Publish(this, m, origin, this.#ports.slotOf(m.channel), m.hops, now - m.ageMs, deadlineAt), now);
    }
  }

  /** @throws Error where the bytes are malformed: the link is then closed */
  onAnswers(from: NodeId, bytes: Uint8Array): void {
    const m = new AnswersReader(bytes);
    while (m.next()) {
      const publish = this.#forwarded.get(m.req);
      if (publish?.to !== from) continue;
      // what was pushed before it was not taken: the owner learns of that, and answers anew
      if (m.onceHeld && !this.#isHeld(m.position)) continue;
      this.#forwarded.delete(m.req);
      publish.done(m.resultFor(publish));
    }
  }

  /** The table changed: what waits goes out at once. */
  onTable(now: number): void {
    if (this.#waiting.length > 0) this.#retryAt = now;
  }

  /** The link broke: what was under way there may be stored or not; the id makes asking again harmless. */
  onPeerReset(peer: NodeId): void {
    this.#links.delete(peer);
    this.#links.set(peer, ++this.#linkCount);
    if (this.#links.size > LIMITS.membersMax) this.#links.delete(this.#links.keys().next().value!);
    for (const [req, publish] of this.#forwarded) {
      if (publish.to !== peer) continue;
      this.#forwarded.delete(req);
      publish.done(MOVED);
    }
  }

  /** Nothing where the link is another by now: whoever asked has given this request up. */
  answer(
    to: { readonly from: NodeId; readonly req: number; readonly link: number },
    id: string,
    result: AppendResult,
    onceHeld: boolean,
  ): void {
    if (to.link === this.#linkWith(to.from)) this.#ports.answer(to.from, to.req, id, result, onceHeld);
  }

  later(publish: Publish): void {
    this.#waiting.push(publish);
    if (this.#retryAt === Number.POSITIVE_INFINITY) this.#retryAt = -1;
  }

  nextWakeAt(now: number): number {
    if (this.#waiting.length > 0) return this.#retryAt < 0 ? now + PUBLISH_TIMES.retryMs : this.#retryAt;
    const first = this.#forwarded.values().next();
    return first.done === true ? Number.POSITIVE_INFINITY : Math.min(first.value.deadlineAt, this.#againDueAt);
  }

  tick(now: number): void {
    for (const [req, publish] of this.#forwarded) {
      if (publish.deadlineAt > now) break;
      this.#forwarded.delete(req);
      publish.finish(TIMEOUT);
    }
    if (now >= this.#againDueAt) this.#expireAnywhere(now);
    if (this.#waiting.length === 0) return;
    if (this.#retryAt < 0) this.#retryAt = now + PUBLISH_TIMES.retryMs;
    if (now < this.#retryAt) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#retryAt = Number.POSITIVE_INFINITY;
    for (const publish of waiting) {
      if (publish.deadlineAt <= now) publish.finish(TIMEOUT);
      else {
        this.#route(publish, now);
        this.#againDueAt = Math.min(this.#againDueAt, publish.deadlineAt);
      }
    }
  }

  /** What was sent again stands behind younger ones. Not at each of their deadlines: all are looked at. */
  #expireAnywhere(now: number): void {
    let dueAt = Number.POSITIVE_INFINITY;
    for (const [req, publish] of this.#forwarded) {
      if (publish.deadlineAt > now) {
        dueAt = Math.min(dueAt, publish.deadlineAt);
        continue;
      }
      this.#forwarded.delete(req);
      publish.finish(TIMEOUT);
    }
    this.#againDueAt = Math.max(dueAt, now + PUBLISH_TIMES.retryMs);
  }

  #isHeld(position: string): boolean {
    const { lid, s } = firstOf(position);
    return this.#ports.holds(lid, s);
  }

  #linkWith(peer: NodeId): number {
    return this.#links.get(peer) ?? 0;
  }

  #route(publish: Publish, now: number): void {
    if (this.#ports.owns(publish.slot)) return this.#ports.append(publish, now);
    const owner = this.#ports.ownerOf(publish.slot);
    if (owner === undefined || owner === this.#ports.self || publish.hops >= PUBLISH_TIMES.hopsMax) {
      return publish.done(MOVED);
    }
    const req = ++this.#req;
    publish.to = owner;
    this.#forwarded.set(req, publish);
    const ageMs = Math.max(0, Math.round(now - publish.firstTriedAt));
    this.#ports.forward(owner, publish, req, ageMs);
  }
}
