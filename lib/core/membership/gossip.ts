/**
 * News on its way to others: at most one item a member, each sent to a few peers a round for some rounds. Records come
 * before claims, so that an answer overtakes the accusation. What no round reached, the comparison of views repairs;
 * so rounds can be few, and fewest when there is most to tell.
 */
import type { NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import type { Claim, MemberRecord, MembershipMessage } from '../../wire/membership.js';
import type { MembershipTiming } from './options.js';

/** Above this many waiting items each is sent in a round less, and above the second figure in one round only. */
const FEW = 3;
const CROWD = 64;
/** Among more than so many members, accusers that come later are told in one round only. */
const MANY = 200;
/** Two flushes are at least this far apart. */
const FLUSH_GAP_MS = 25;

export interface GossipSource {
  recordOf(id: NodeId): MemberRecord | undefined;
  claimOf(id: NodeId): Claim | undefined;
  /** Up to `count` peers to tell. */
  targets(count: number): readonly NodeId[];
  liveCount(): number;
  send(to: NodeId, message: MembershipMessage): void;
}

export class Gossip {
  readonly #timing: MembershipTiming;
  readonly #source: GossipSource;
  /** Rounds left by member. */
  readonly #records = new Map<NodeId, number>();
  readonly #claims = new Map<NodeId, number>();
  /** When to tell of more accusers, by suspect. */
  readonly #gathering = new Map<NodeId, number>();
  /** When the first of those is due; not a number once the first may have been taken out. */
  #gatheredAt = Number.POSITIVE_INFINITY;
  #lastFlush = Number.NEGATIVE_INFINITY;
  dueAt = Number.POSITIVE_INFINITY;

  constructor(timing: MembershipTiming, source: GossipSource) {
    this.#timing = timing;
    this.#source = source;
  }

  get waiting(): number {
    return this.#records.size + this.#claims.size + this.#gathering.size;
  }

  tellRecord(id: NodeId, now: number): void {
    this.#tell(this.#records, id, now);
  }

  tellClaim(id: NodeId, now: number): void {
    this.#tell(this.#claims, id, now);
  }

  /**
   * More accusers of a suspicion that was told already: they ride along with what is told of it anyway, and from `at` on are
   * told all together, in few rounds. They only have to reach somebody who passes the verdict.
   */
  tellMore(id: NodeId, now: number, at: number): void {
    if (this.#claims.has(id) || this.#gathering.has(id)) return;
    const due = Math.max(at, now + this.#timing.gossipIntervalMs);
    this.#gathering.set(id, due);
    this.#gatheredAt = Math.min(this.#gatheredAt, due);
    this.dueAt = Math.min(this.dueAt, due);
  }

  /** The accusation was answered, or its subject is gone. */
  dropClaim(id: NodeId): void {
    if (this.#claims.size > 0) this.#claims.delete(id);
    if (this.#gathering.size > 0 && this.#gathering.delete(id)) this.#gatheredAt = Number.NaN;
  }

  flush(now: number): void {
    this.#lastFlush = now;
    if (!(now < this.#gatheredAt)) this.#gather(now);
    const records = take(this.#records, LIMITS.newsRecordsMax, (id) => this.#source.recordOf(id));
    const claims = take(this.#claims, LIMITS.newsClaimsMax, (id) => this.#source.claimOf(id));
    if (records.length > 0 || claims.length > 0) {
      const news: MembershipMessage = { type: 'news', records, claims };
      const crowded = this.waiting > CROWD;
      for (const peer of this.#source.targets(crowded ? 1 : this.#timing.gossipFanout)) this.#source.send(peer, news);
    }
    const left = this.#records.size + this.#claims.size;
    const againMs = left > LIMITS.newsRecordsMax ? FLUSH_GAP_MS : this.#timing.gossipIntervalMs;
    this.dueAt = Math.min(left > 0 ? now + againMs : Number.POSITIVE_INFINITY, this.#gatheredAt);
  }

  /** What has been gathered for long enough becomes news. */
  #gather(now: number): void {
    this.#gatheredAt = Number.POSITIVE_INFINITY;
    for (const [id, due] of this.#gathering) {
      if (due > now) this.#gatheredAt = Math.min(this.#gatheredAt, due);
      else {
        this.#gathering.delete(id);
        if (!this.#claims.has(id)) this.#claims.set(id, this.#source.liveCount() > MANY ? 1 : 2);
      }
    }
  }

  /** With less to tell, one more: of a lone death one node in 10,000 would else miss the suspicion, and come in 1.5 s late. */
  #rounds(): number {
    if (this.waiting > CROWD) return 1;
    const enough = Math.ceil(Math.log10(this.#source.liveCount() + 1));
    return Math.max(2, this.waiting > FEW ? enough - 1 : enough);
  }

  #tell(queue: Map<NodeId, number>, id: NodeId, now: number): void {
    const rounds = this.#rounds();
    queue.delete(id);
    queue.set(id, rounds);
    this.dueAt = Math.min(this.dueAt, Math.max(now + this.#timing.urgentMs, this.#lastFlush + FLUSH_GAP_MS));
  }
}

/** Takes from the front; what has rounds left goes to the back. */
function take<T>(queue: Map<NodeId, number>, max: number, content: (id: NodeId) => T | undefined): T[] {
  const taken: T[] = [];
  if (queue.size === 0) return taken;
  const again: [NodeId, number][] = [];
  for (const [id, rounds] of queue) {
    if (taken.length >= max) break;
    const item = content(id);
    queue.delete(id);
    if (item === undefined) continue;
    taken.push(item);
    if (rounds > 1) again.push([id, rounds - 1]);
  }
  for (const [id, rounds] of again) queue.set(id, rounds);
  return taken;
}
