/**
 * Repairs what gossip missed. Every frame carries its sender's view digest; two nodes whose digests stay unequal compare
 * their views part by part (16 parts of the ids' hash, each again of 16) until only single members differ, and exchange
 * those. Both sides send what they have, so one comparison leaves both with the maximum, and no message exceeds its bound
 * however large the cluster: what did not fit is found by the next comparison.
 */
import type { NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import type { Claim, MemberRecord, MembershipMessage, SyncList, SyncPart } from '../../wire/membership.js';
import type { Random } from '../random.js';
import type { MembershipTiming } from './options.js';
import { type Entry, hashOf, inIdOrder, type View } from './view.js';

/** A part with at most so many members is sent as a list. */
const LIST_MAX = 8;
/** Who holds less than half of what this node holds is sent so many members at random instead of a comparison. */
const SAMPLE_MAX = 200;
/** A comparison of the very same two views is repeated only after so many delays, in case it was lost. */
const REPEAT = 5;
/** While much is missing, comparisons follow each other this much faster. */
const HURRY = 6;

interface Comparison {
  readonly beganAt: number;
  readonly mine: string;
  readonly theirs: string;
  readonly againAt: number;
}

export interface SyncPorts {
  send(to: NodeId, message: MembershipMessage): void;
  claimOf(id: NodeId): Claim | undefined;
  random: Random;
}

export class Sync {
  readonly #timing: MembershipTiming;
  readonly #view: View;
  readonly #ports: SyncPorts;
  /** What those peers last said whose view differs. */
  readonly #differing = new Map<NodeId, string>();
  /** What the two digests were when a comparison with that peer was begun. */
  readonly #compared = new Map<NodeId, Comparison>();
  #hurried = true;
  #lastAt = Number.NEGATIVE_INFINITY;
  dueAt = Number.POSITIVE_INFINITY;
  /** When a peer last had the very same view. */
  agreedAt: number | undefined;

  constructor(timing: MembershipTiming, view: View, ports: SyncPorts) {
    this.#timing = timing;
    this.#view = view;
    this.#ports = ports;
  }

  onDigest(from: NodeId, digest: string, now: number): void {
    if (digest === this.#view.digest) {
      this.agreedAt = now;
      this.#hurried = false;
      if (this.#differing.size > 0) this.#differing.delete(from);
      return;
    }
    this.#differing.delete(from);
    const last = this.#compared.get(from);
    // Nothing has changed here or there since: what keeps them apart is a suspicion that one of them has to wait for.
    if (last && now < last.againAt && last.theirs === digest && last.mine === this.#view.digest) return;
    this.#differing.set(from, digest);
    if (this.dueAt === Number.POSITIVE_INFINITY) this.dueAt = now + this.#delayMs() * (0.5 + this.#ports.random.next());
  }

  onLinkDown(peer: NodeId): void {
    this.#differing.delete(peer);
    this.#compared.delete(peer);
  }

  tick(now: number): void {
    this.dueAt = Number.POSITIVE_INFINITY;
    const mine = this.#view.digest;
    let peer: NodeId | undefined;
    for (const [id, digest] of this.#differing) {
      if (digest === mine) this.#differing.delete(id);
      else peer = id;
    }
    if (peer === undefined) return;
    this.#compare(peer, this.#differing.get(peer) as string, now);
    if (this.#differing.size > 0) this.dueAt = now + this.#delayMs() * (0.5 + this.#ports.random.next());
  }

  #compare(peer: NodeId, theirs: string, now: number): void {
    if (!this.begin(peer, now)) return;
    const againAt = now + REPEAT * this.#timing.syncDelayMs;
    this.#compared.set(peer, { mine: this.#view.digest, theirs, beganAt: now, againAt });
    this.#differing.delete(peer);
  }

  /** Something else than gossip shows that this peer sees the cluster otherwise: no time is given to gossip then. */
  compareNotes(peer: NodeId, theirs: string, now: number): void {
    const mine = this.#view.digest;
    if (theirs === mine) return;
    const last = this.#compared.get(peer);
    if (last && now < last.beganAt + this.#timing.syncDelayMs) return;
    if (last && now < last.againAt && last.theirs === theirs && last.mine === mine) return;
    this.#compare(peer, theirs, now);
  }

  /** Compares with this peer at once, unless a comparison has just begun. */
  begin(peer: NodeId, now: number): boolean {
    if (now - this.#lastAt < this.#timing.syncDelayMs / HURRY) return false;
    this.#lastAt = now;
    const parts = [{ bits: 0, prefix: 0, digests: this.#view.parts.digests(0, 0) }];
    this.#ports.send(peer, { type: 'sync', count: this.#view.size, parts, lists: [] });
    return true;
  }

  onSync(from: NodeId, count: number, parts: readonly SyncPart[], lists: readonly SyncList[]): void {
    if (parts.length > 0 && count * 2 < this.#view.size) {
      this.#sendRecords(from, this.#sample(SAMPLE_MAX));
      return;
    }
    if (count > this.#view.size * 1.2) this.#hurried = true;
    this.#answerParts(from, parts);
    this.#answerLists(from, lists);
  }

  /** Forgotten members too: whoever has an older record of one can only so learn that it is gone. */
  onWant(from: NodeId, ids: readonly NodeId[]): void {
    const records: MemberRecord[] = [];
    for (const id of ids) {
      const record = this.#view.get(id)?.record ?? this.#view.tombstones.get(id)?.record;
      if (record) records.push(record);
    }
    this.#sendRecords(from, records);
  }

  #delayMs(): number {
    return this.#hurried ? this.#timing.syncDelayMs / HURRY : this.#timing.syncDelayMs;
  }

  #answerParts(from: NodeId, theirs: readonly SyncPart[]): void {
    const { parts } = this.#view;
    const deeper: SyncPart[] = [];
    const lists: SyncList[] = [];
    let listed = 0;
    for (const part of theirs) {
      const own = parts.digests(part.bits, part.prefix);
      const start = this.#ports.random.below(16);
      for (let i = 0; i < 16; i++) {
        const at = (start + i) % 16;
        if (own[at] === part.digests[at]) continue;
        const bits = part.bits + 4;
        const prefix = (part.prefix | (at << (32 - bits))) >>> 0;
        const count = parts.countWithin(bits, prefix);
        if (count <= LIST_MAX || bits >= 12) {
          if (lists.length >= LIMITS.syncListsMax || listed + count > LIMITS.syncEntriesMax) continue;
          listed += count;
          const entries = inIdOrder(parts.within(bits, prefix));
          lists.push({ bits, prefix, entries: entries.map((e) => [e.id, e.low >>> 0] as const) });
        } else if (deeper.length < LIMITS.syncPartsMax) {
          deeper.push({ bits, prefix, digests: parts.digests(bits, prefix) });
        }
      }
    }
    if (deeper.length > 0 || lists.length > 0)
      this.#ports.send(from, { type: 'sync', count: this.#view.size, parts: deeper, lists });
  }

  #answerLists(from: NodeId, lists: readonly SyncList[]): void {
    const want: NodeId[] = [];
    const give: MemberRecord[] = [];
    const verdicts: Claim[] = [];
    for (const list of lists) {
      const theirs = new Map(list.entries);
      for (const entry of inIdOrder(this.#view.parts.within(list.bits, list.prefix))) {
        const hash = theirs.get(entry.id);
        theirs.delete(entry.id);
        if (hash === entry.low >>> 0) continue;
        if (hash === hashOf(entry, undefined)) {
          // The peer lacks nothing but the verdict; the record is the longer part and known.
          const claim = this.#ports.claimOf(entry.id);
          if (claim && verdicts.length < LIMITS.newsClaimsMax) verdicts.push(claim);
          continue;
        }
        const peerIsAhead = hash === hashOf(entry, entry.record);
        // Told already: this node only waits before it passes the verdict too.
        if (peerIsAhead && entry.suspicion?.condemned) continue;
        if (hash !== undefined) want.push(entry.id);
        if (peerIsAhead) continue;
        if (give.length < LIMITS.syncEntriesMax) give.push(entry.record);
      }
      for (const id of theirs.keys()) {
        want.push(id);
        // Forgotten here: the peer is told, and may still know of a newer life.
        const claim = this.#ports.claimOf(id);
        if (claim && verdicts.length < LIMITS.newsClaimsMax) verdicts.push(claim);
      }
    }
    if (verdicts.length > 0) this.#ports.send(from, { type: 'news', records: [], claims: verdicts });
    if (want.length > 0) this.#ports.send(from, { type: 'want', ids: want.slice(0, LIMITS.syncEntriesMax) });
    this.#sendRecords(from, give);
  }

  #sendRecords(to: NodeId, all: readonly MemberRecord[]): void {
    for (let i = 0; i < all.length; i += LIMITS.newsRecordsMax) {
      const records = all.slice(i, i + LIMITS.newsRecordsMax);
      const claims: Claim[] = [];
      for (const record of records) {
        const claim = this.#ports.claimOf(record.id);
        if (claim) claims.push(claim);
      }
      this.#ports.send(to, { type: 'news', records, claims });
    }
  }

  #sample(count: number): MemberRecord[] {
    const { entries } = this.#view;
    const start = this.#ports.random.below(entries.length);
    const length = Math.min(count, entries.length);
    return Array.from({ length }, (_, i) => (entries[(start + i) % entries.length] as Entry).record);
  }
}
