/**
 * Reading a served channel from a position. What was removed below the reader is told as a gap before the next message;
 * a lineage that this node has not heard of, or not far enough, is looked for before it is called lost.
 */
import type { GapReason } from '../../wire/client.js';
import type { LineageId, NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import { EMPTY_POSITION, type Position } from '../../wire/position.js';
import type { Held } from '../../wire/replication.js';
import type { ChannelLog, StoredEntry } from './log.js';
import { ROLE, type Store } from './store.js';
import type { Entry, Gap, ReadResult } from './types.js';

/** What a reader's position says that this node cannot vouch for: lost for good, or still to come. */
interface Check {
  readonly lost: { readonly lids: LineageId[]; readonly reason: GapReason } | null;
  readonly catchingUp: boolean;
  readonly holdBack: boolean;
}

const SOUND: Check = { lost: null, catchingUp: false, holdBack: false };

interface Search {
  readonly since: number;
  readonly slot: number;
  /** Nodes that told what they hold of the slot since. */
  readonly answered: Set<NodeId>;
  askAt: number;
}

const SEARCHES_MAX = 10_000;
/**
 * While a merge is under way, what a reader has may come here in a moment, and entries of other lineages may turn out to
 * repeat it: for so long it gets none. Beyond that it is served what there is, as in a long partition.
 */
const HOLD_BACK_MS = 1_000;

export class Reads {
  readonly #store: Store;
  readonly #searches = new Map<LineageId, Search>();

  constructor(store: Store) {
    this.#store = store;
  }

  head(channel: string): Position {
    return this.#store.logs.get(channel)?.head() ?? EMPTY_POSITION;
  }

  /** Of a served channel the latest messages, oldest first, and its head. */
  latest(channel: string, limit: number): { entries: Entry[]; position: Position } {
    const entries: Entry[] = [];
    const order = this.#store.logs.get(channel)?.order;
    if (order !== undefined) {
      let bytes = 0;
      for (let i = order.end - 1; i >= order.first && entries.length < limit; i--) {
        const entry = order.at(i)!;
        if (entry.gone) continue;
        bytes += entry.bytes;
        if (bytes > LIMITS.historyAnswerBytes) break;
        entries.push(entry);
      }
    }
    return { entries: entries.reverse(), position: this.head(channel) };
  }

  read(channel: string, after: Position | 'start', limit: number, now: number): ReadResult {
    const store = this.#store;
    const log = store.logs.get(channel);
    const from = after === 'start' ? EMPTY_POSITION : after;
    const number = log?.slot.slot ?? store.table?.slotOf(channel) ?? 0;
    if (store.role(number) !== ROLE.serving) {
      return { gap: null, entries: [], position: from, complete: true, catchingUp: true };
    }
    if (after !== 'start' && store.planted('readFromHead')) {
      return { gap: null, entries: [], position: this.head(channel), complete: true, catchingUp: false };
    }
    const checked: Check = after === 'start' ? SOUND : this.#check(log, number, from, now);
    if (checked.holdBack) return { gap: null, entries: [], position: from, complete: true, catchingUp: true };
    const position = new Map(checked.lost === null ? from : without(from, checked.lost.lids));
    let reason: GapReason | null = checked.lost?.reason ?? null;
    // the reader keeps its place: another node may still hold what it has
    for (const [lid, s] of position) {
      const cut = log?.strands.has(lid) ? 0 : this.#forgottenUpTo(lid);
      if (s >= cut) continue;
      position.set(lid, cut);
      reason ??= 'size';
    }
    if (log === undefined) {
      const gap: Gap | null = reason === null ? null : { reason, position };
      return { gap, entries: [], position, complete: true, catchingUp: checked.catchingUp };
    }
    for (const [lid, strand] of log.strands) {
      if ((position.get(lid) ?? 0) >= strand.cut) continue;
      if (after !== 'start') reason ??= log.lastTrim;
      position.set(lid, strand.cut);
    }
    if (store.planted('trimWithoutGap')) reason = null;
    const start = new Map(position);
    const { entries, complete, gapAt } = this.#collect(log, position, limit);
    if (gapAt && after !== 'start') reason ??= log.lastTrim;
    if (reason !== null) store.counters.gaps++;
    const gap = reason === null ? null : { reason, position: start };
    return { gap, entries, position, complete, catchingUp: checked.catchingUp };
  }

  /** The entries after a position, which moves on with them. */
  #collect(
    log: ChannelLog,
    position: Map<LineageId, number>,
    limit: number,
  ): { entries: Entry[]; complete: boolean; gapAt: boolean } {
    const { order } = log;
    const entries: Entry[] = [];
    let gapAt = false;
    let bytes = 0;
    let i = this.#startOf(log, position);
    for (; i < order.end && entries.length < limit && bytes < LIMITS.catchUpReadBytes; i++) {
      const entry = order.at(i)!;
      if (entry.gone || entry.s <= (position.get(entry.lid) ?? 0)) continue;
      const known = entry.aliases?.some((alias) => alias.s <= (position.get(alias.lid) ?? 0)) ?? false;
      if (known && !this.#store.planted('noAliasAdvance')) {
        position.set(entry.lid, entry.s);
        continue;
      }
      if (entry.gapBefore && !known) {
        // the gap comes first in an answer of its own
        if (entries.length > 0) break;
        gapAt = true;
      }
      entries.push(entry);
      bytes += entry.bytes;
      position.set(entry.lid, entry.s);
    }
    const complete = i >= order.end;
    // aliases at the end stand in no order: the reader is past them as well
    if (complete) {
      for (const [lid, strand] of log.strands) {
        if ((position.get(lid) ?? 0) < strand.consumed) position.set(lid, strand.consumed);
      }
    }
    return { entries, complete, gapAt };
  }

  /** The first place in the order that may hold something beyond the position. */
  #startOf(log: ChannelLog, position: Position): number {
    let start = log.order.end;
    for (const [lid, strand] of log.strands) {
      const after = position.get(lid) ?? 0;
      if (after >= strand.consumed) continue;
      for (let i = strand.items.search((entry) => entry.s > after); i < strand.next; i++) {
        const entry = strand.items.at(i) as StoredEntry;
        if (entry.place < 0) continue;
        if (entry.place < start) start = entry.place;
        break;
      }
    }
    return Math.max(start, log.order.first);
  }

  #check(log: ChannelLog | undefined, slot: number, from: Position, now: number): Check {
    const store = this.#store;
    const lids: LineageId[] = [];
    let reason: GapReason = 'unknown';
    let catchingUp = false;
    let holdBack = false;
    for (const [lid, s] of from) {
      const strand = log?.strands.get(lid);
      if (strand !== undefined && s <= Math.max(strand.consumed, strand.cut)) continue;
      if (strand === undefined && s <= this.#forgottenUpTo(lid)) continue;
      const have = store.lineages.get(lid)?.have ?? store.forgotten.get(lid) ?? -1;
      if (s <= have) {
        // held, and waits for its commit; or all that there was of the channel was removed
        if (strand !== undefined && s <= strand.last) {
          catchingUp = true;
          if (now - store.changedAt < HOLD_BACK_MS) holdBack = true;
        } else {
          lids.push(lid);
          reason = 'age';
        }
      } else if (!this.#searched(lid, slot, now)) {
        catchingUp = true;
        if (now - (this.#searches.get(lid)?.since ?? 0) < HOLD_BACK_MS) holdBack = true;
      } else {
        lids.push(lid);
        reason = have < 0 ? 'unknown' : 'lost';
      }
    }
    return { lost: lids.length === 0 ? null : { lids, reason }, catchingUp, holdBack };
  }

  #forgottenUpTo(lid: LineageId): number {
    return this.#store.lineages.get(lid)?.forgottenUpTo ?? 0;
  }

  /**
   * True once every live node has said what it holds, and some time was left for it to arrive. A node that is alone
   * among members that do not live, or that has not reached those it was to join, may be cut off: it waits as well.
   * One that has no others need not.
   */
  #searched(lid: LineageId, slot: number, now: number): boolean {
    const store = this.#store;
    const others = [...store.peers.values()].filter((peer) => peer.live);
    if (store.founded && (store.table?.members.length ?? 0) <= 1 && others.length === 0) return true;
    let search = this.#searches.get(lid);
    if (search === undefined) {
      if (this.#searches.size >= SEARCHES_MAX) return false;
      search = { since: now, slot, answered: new Set(), askAt: now };
      this.#searches.set(lid, search);
    }
    if (now >= search.askAt) {
      search.askAt = now + store.options.unknownMs / 2;
      for (const peer of others) {
        if (!peer.up || search.answered.has(peer.id)) continue;
        peer.replies.push({ type: 'digest', kind: 'ask', request: 0, slots: [slot], held: this.#stock(slot) });
      }
    }
    if (now - Math.max(search.since, store.changedAt) < store.options.unknownMs) return false;
    return others.every(({ id }) => search.answered.has(id)) || now - search.since >= 3 * store.options.unknownMs;
  }

  onAnswer(from: NodeId, slots: readonly number[], held: readonly Held[]): void {
    if (this.#searches.size === 0) return;
    const listed = new Set(slots);
    for (const { slot } of held) listed.add(slot);
    for (const search of this.#searches.values()) if (listed.has(search.slot)) search.answered.add(from);
  }

  tick(now: number): void {
    for (const [lid, { since }] of this.#searches) {
      if (now - since > 6 * this.#store.options.unknownMs) this.#searches.delete(lid);
    }
  }

  #stock(slot: number): Held[] {
    return (this.#store.slots.get(slot)?.lineages ?? []).map(({ lid, have }) => ({ slot, lid, have }));
  }
}

function without(position: Position, lids: readonly LineageId[]): Position {
  const rest = new Map(position);
  for (const lid of lids) rest.delete(lid);
  return rest;
}
