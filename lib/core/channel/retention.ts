/**
 * What is removed, and who is told. Entries go from the front of a channel's order, so within the channel always a
 * prefix of every strand and of every publisher. What went is kept as cuts (by lineage) and floors (by publisher), which
 * travel together, for the whole channel at once: a floor without the cuts it rests on would open silent holes.
 * Copies remove what the owner has removed, and by themselves only what is past its age or the node's ceiling.
 */
import type { LineageId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import { chainOf, drop, forgetIds, raiseFloor } from './holding.js';
import type { Lineage } from './lineage.js';
import type { ChannelLog, StoredEntry, Strand } from './log.js';
import type { SlotState } from './slot.js';
import type { Store } from './store.js';

/** Copies keep a little longer than the owner, so that a new owner rarely has less than the old one. */
const COPY_SLACK = 1.25;
/** The copies are told after this share of a channel's history was removed, or at the next sync. */
const TELL_SHARE = 0.25;
const TELL_MIN = 8;
/** Channels looked at in one tick for what is past its age. */
const LOGS_PER_PASS = 2_000;

export function isOver(store: Store, log: ChannelLog): boolean {
  const { history } = store.options;
  return log.order.length > history.messages || log.orderBytes > history.bytes;
}

/** Brings a served channel within its limits. */
export function trim(store: Store, log: ChannelLog, now: number): void {
  log.over = false;
  if (!log.slot.open) return;
  const { history } = store.options;
  const oldest = now - history.ageMs;
  for (let first = log.order.peek(); first !== undefined; first = log.order.peek()) {
    const old = store.planted('expireByWallClock') ? first.time < store.ports.wallNow() - history.ageMs : false;
    if (first.bornAt < oldest || old) log.lastTrim = 'age';
    else if (isOver(store, log)) log.lastTrim = 'size';
    else break;
    removeFirst(store, log, now);
  }
  tellIfMuch(store, log);
}

/** The first of the order goes, with the aliases that stand before it in its strand. */
export function removeFirst(store: Store, log: ChannelLog, now: number): void {
  const entry = log.order.shift()!;
  if (!entry.gone) dropThrough(store, entry.strand, entry.s, now);
}

export function dropThrough(store: Store, strand: Strand, s: number, now: number): void {
  for (let first = strand.items.peek(); first !== undefined && first.s <= s; first = strand.items.peek()) {
    strand.items.shift();
    drop(store, first, now);
  }
  if (strand.next < strand.items.first) strand.next = strand.items.first;
}

export function tellIfMuch(store: Store, log: ChannelLog): void {
  const { messages } = store.options.history;
  if (log.trimmed >= Math.max(TELL_MIN, messages * TELL_SHARE)) store.snapshotsDue.add(log.slot);
}

/** Entries that will never come into the order are removed by age as well; live readers of the channel are told. */
function dropStrandFront(store: Store, log: ChannelLog, strand: Strand, entry: StoredEntry, now: number): void {
  if (!log.slot.open) return dropThrough(store, strand, entry.s, now);
  // in the order: trim is responsible
  if (entry.place >= 0) return;
  const passed = entry.s <= strand.consumed;
  dropThrough(store, strand, entry.s, now);
  if (passed) return;
  strand.consumed = entry.s;
  log.othersChanged();
  log.lastTrim = 'age';
  if (entry.waiting !== null) {
    entry.waiting.done(UNORDERED);
    entry.waiting = null;
    store.inFlight--;
  }
  store.counters.gaps++;
  store.ports.gapped(log.channel, { reason: 'age', position: log.head() }, now);
}

/**
 * Positions name each lineage of which something is kept, so an owner keeps so many of a slot. Where it changes hands too
 * often, the oldest third is emptied from the channels' front, and forgotten a sync later, once the copies know. All at
 * once: whoever was away meanwhile is told of a gap, whether something was missed or not.
 */
export function shedLineages(store: Store, slot: SlotState, now: number): void {
  const { lineages } = slot;
  if (lineages.length <= LIMITS.slotLineagesMax) return;
  for (const lineage of lineages.slice(0, LIMITS.slotLineagesMax / 3))
    if (lineage !== slot.active) empty(store, slot, lineage, now);
}

function empty(store: Store, slot: SlotState, lineage: Lineage, now: number): void {
  for (const log of slot.logs) {
    const strand = log.strands.get(lineage.lid);
    if (strand === undefined || strand.items.length === 0) continue;
    log.lastTrim = 'size';
    while (strand.items.length > 0 && log.order.length > 0) removeFirst(store, log, now);
    for (let first = strand.items.peek(); first !== undefined; first = strand.items.peek()) {
      dropStrandFront(store, log, strand, first, now);
      if (strand.items.peek() === first) break;
    }
    store.snapshotsDue.add(slot);
  }
}

const UNORDERED = {
  ok: false,
  code: 'timeout',
  message: 'not confirmed in time; it may or may not be stored',
} as const;

/** What a holder says of a channel's retention. */
export interface Snapshot {
  readonly cuts: (readonly [LineageId, number])[];
  readonly floors: (readonly [string, number])[];
}

/** In full, or only the floors that rose since the copies were last told. */
export function snapshotOf(store: Store, log: ChannelLog, full: boolean): Snapshot {
  const cuts: [LineageId, number][] = [];
  const part = store.planted('floorsWithoutCuts');
  for (const strand of log.strands.values()) {
    if (strand.cut > 0 && !(part && strand.lineage !== log.slot.active)) cuts.push([strand.lineage.lid, strand.cut]);
  }
  const floors: [string, number][] = [];
  if (full && log.slot.open) for (const c of log.chains.values()) if (c.floor > 0) floors.push([c.publisher, c.floor]);
  if (full && !log.slot.open) for (const [publisher, { floor }] of log.floors) floors.push([publisher, floor]);
  if (!full) {
    for (const publisher of new Set(log.trimmedFloors)) {
      const floor = log.slot.open ? log.chainOf(publisher)?.floor : log.floors.get(publisher)?.floor;
      if (floor !== undefined && floor > 0) floors.push([publisher, floor]);
    }
  }
  return { cuts, floors };
}

/** The copies know now. */
export function told(slot: SlotState): void {
  for (const log of slot.trimmed) {
    log.trimmed = 0;
    log.trimmedFloors = [];
  }
  slot.trimmed.clear();
}

/**
 * Takes over what another holder says. Where entries at or below a cut were never held here, they never will be: live
 * readers are told. A copy removes what the owner removed; a node that serves the channel keeps what it holds.
 * Returns whether gates may have opened.
 */
export function adopt(
  store: Store,
  slot: SlotState,
  channel: string,
  snapshot: { readonly cuts: [LineageId, number][]; readonly floors: [string, number][] },
  asOwner: boolean,
  now: number,
): boolean {
  const log = store.log(channel, slot);
  // one of which nothing else is known is not one that was quiet since ever
  if (log.touchedAt === 0) log.touchedAt = now;
  let hole = false;
  for (const [lid, cut] of snapshot.cuts) {
    const lineage = store.lineages.get(lid) ?? heardOf(store, slot, lid, now);
    // what comes after it rests on it
    if (cut > lineage.have) store.journal?.noteCuts(log, now);
    const strand = log.strandOf(lineage);
    if (cut <= strand.cut) continue;
    if (cut <= lineage.have && (slot.open || !asOwner)) continue;
    hole = adoptCut(store, log, strand, cut, now) || hole;
  }
  for (const [publisher, floor] of snapshot.floors) {
    if (!slot.open) raiseFloor(store, log, publisher, floor, now);
    else {
      const chain = chainOf(store, log, publisher, now);
      chain.raise(floor);
      if (hole && !chain.holdsBetween(floor + 1) && chain.ordered < floor) chain.ordered = floor;
    }
  }
  if (hole && !store.planted('trimWithoutGap')) {
    log.lastTrim = 'size';
    store.counters.gaps++;
    store.ports.gapped(channel, { reason: 'size', position: log.head() }, now);
  }
  return slot.open;
}

/** Of a lineage a cut is known before anything else is. */
function heardOf(store: Store, slot: SlotState, lid: LineageId, now: number): Lineage {
  const lineage = store.lineage(lid, slot, null, 0, false);
  lineage.forgottenUpTo = store.forgotten.get(lid) ?? 0;
  lineage.emptySince = now;
  return lineage;
}

/** True where readers here miss something by it. */
function adoptCut(store: Store, log: ChannelLog, strand: Strand, cut: number, now: number): boolean {
  const missing = cut > strand.lineage.have;
  dropThrough(store, strand, cut, now);
  strand.cut = cut;
  if (strand.last < cut) strand.last = cut;
  if (strand.consumed >= cut) return false;
  strand.consumed = cut;
  log.othersChanged();
  return missing && log.slot.open;
}

/** Nothing is left of the channel but, in its lineages, up to where it was removed. */
export function forget(store: Store, log: ChannelLog): void {
  log.forgotten = true;
  for (const { lineage, cut, last } of log.strands.values()) {
    lineage.forgottenUpTo = Math.max(lineage.forgottenUpTo, cut, last);
  }
  store.strands -= log.strands.size;
  store.publishers -= log.chains.size;
  store.floors -= log.floors.size;
  store.logs.delete(log.channel);
  log.slot.logs.delete(log);
  log.slot.trimmed.delete(log);
  store.blocked.delete(log);
}

/** A floor stays while messages above it are held: without it they would wait for those below in a new owner's order. */
function ageFloors(store: Store, log: ChannelLog, now: number): void {
  let held: Set<string> | null = null;
  for (const [publisher, known] of log.floors) {
    if (now - known.seenAt < store.options.publisherTtlMs) continue;
    held ??= publishersIn(log);
    if (held.has(publisher)) known.seenAt = now;
    else {
      log.floors.delete(publisher);
      store.floors--;
    }
  }
}

function publishersIn(log: ChannelLog): Set<string> {
  const publishers = new Set<string>();
  for (const { items } of log.strands.values()) {
    for (let i = items.first; i < items.end; i++) publishers.add(items.at(i)!.publisher);
  }
  return publishers;
}

/** Looks at some channels each time for what is past its age; the whole round comes by itself. */
export class Aging {
  readonly #store: Store;
  #rest: Iterator<ChannelLog> | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** All at once. */
  all(now: number): void {
    for (const log of this.#store.logs.values()) this.#age(log, now);
  }

  pass(now: number): void {
    const store = this.#store;
    this.#rest ??= store.logs.values();
    for (let i = 0; i < LOGS_PER_PASS; i++) {
      const next = this.#rest.next();
      if (next.done === true) {
        this.#rest = null;
        break;
      }
      this.#age(next.value, now);
    }
  }

  #age(log: ChannelLog, now: number): void {
    const store = this.#store;
    const { history, publisherTtlMs, metaTtlMs } = store.options;
    if (log.slot.open) trim(store, log, now);
    const oldest = now - history.ageMs * COPY_SLACK;
    for (const strand of log.strands.values()) {
      for (let first = strand.items.peek(); first !== undefined && first.bornAt < oldest; first = strand.items.peek()) {
        dropStrandFront(store, log, strand, first, now);
        if (strand.items.peek() === first) break;
      }
    }
    forgetIds(log, now);
    for (const [publisher, chain] of log.chains) {
      if (now - chain.seenAt < publisherTtlMs || chain.held > chain.floor) continue;
      log.dropChain(publisher);
      if (log.floors.delete(publisher)) store.floors--;
      store.publishers--;
    }
    if (!log.slot.open) ageFloors(store, log, now);
    const idle = log.count === 0 && log.chains.size === 0 && log.floors.size === 0;
    if (idle && now - log.touchedAt >= metaTtlMs) forget(store, log);
  }
}
