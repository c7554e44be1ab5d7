/**
 * Entries come in here and go out here: the only two steps that change what is held, so that counts, publishers' chains
 * and ids never disagree with it. Also opening a slot's channels (this node serves them from now on) and closing them.
 */

import { positionAfter } from '../../wire/entry.js';
import { LIMITS } from '../../wire/limits.js';
import { EMPTY_POSITION, formatPosition } from '../../wire/position.js';
import { Chain } from './chain.js';
import type { ChannelLog, StoredEntry } from './log.js';
import type { SlotState } from './slot.js';
import type { Store } from './store.js';

/** Adds an entry at the end of its lineage and strand. */
export function hold(store: Store, entry: StoredEntry, now: number): void {
  const { strand } = entry;
  const { lineage, log } = strand;
  lineage.add(entry);
  strand.add(entry);
  const bytes = entry.bytes;
  log.count++;
  log.bytes += bytes;
  store.bytes += bytes;
  log.touchedAt = now;
  store.journal?.note(lineage, now);
  if (log.slot.open) remember(store, log, entry, now);
}

/** The publisher's chain, or the id, so that the same message is known when it comes again. */
function remember(store: Store, log: ChannelLog, entry: StoredEntry, now: number): void {
  let known: StoredEntry | string | undefined;
  if (entry.publisher !== '') {
    known = chainOf(store, log, entry.publisher, now).add(entry, now);
  } else {
    known = log.ids.get(entry.id);
    if (known === undefined) log.ids.set(entry.id, entry);
  }
  if (typeof known !== 'object' || known === entry) return;
  known.aliases ??= [known];
  known.aliases.push(entry);
  entry.aliases = known.aliases;
}

export function chainOf(store: Store, log: ChannelLog, publisher: string, now: number): Chain {
  let chain = log.chainOf(publisher);
  if (chain === undefined) {
    chain = new Chain(publisher, log.floors.get(publisher)?.floor ?? 0, now);
    log.chains.set(publisher, chain);
    store.publishers++;
  }
  return chain;
}

/** Removes an entry; the caller has taken it out of its strand. */
export function drop(store: Store, entry: StoredEntry, now: number): void {
  const { strand } = entry;
  const { lineage, log } = strand;
  entry.gone = true;
  if (strand.cut < entry.s) strand.cut = entry.s;
  lineage.removed(now);
  const bytes = entry.bytes;
  log.count--;
  log.bytes -= bytes;
  store.bytes -= bytes;
  if (entry.place >= 0) log.orderBytes -= bytes;
  store.journal?.noteRemoved(entry, now);
  store.counters.evicted++;
  log.trimmed++;
  log.slot.trimmed.add(log);
  const { publisher } = entry;
  if (publisher !== '') {
    if (!log.slot.open) raiseFloor(store, log, publisher, entry.seq, now);
    else {
      log.chainOf(publisher)?.remove(entry);
      log.trimmedFloors.push(publisher);
    }
  } else if (log.slot.open && log.ids.get(entry.id) === entry) {
    formerId(store, log, entry, now);
  }
}

export function raiseFloor(store: Store, log: ChannelLog, publisher: string, floor: number, now: number): void {
  const known = log.floors.get(publisher);
  if (known === undefined) {
    log.floors.set(publisher, { floor, seenAt: now });
    store.floors++;
  } else {
    known.seenAt = now;
    if (known.floor < floor) known.floor = floor;
  }
}

/** An id outlives its message for a while, as the position that a repeated publish is answered with. */
function formerId(store: Store, log: ChannelLog, entry: StoredEntry, now: number): void {
  const until = entry.bornAt + store.options.idTtlMs;
  if (until <= now) {
    log.ids.delete(entry.id);
    return;
  }
  log.ids.set(entry.id, positionAfter(entry));
  log.formerIds.push({ id: entry.id, until });
  forgetIds(log, now);
}

export function forgetIds(log: ChannelLog, now: number): void {
  for (let first = log.formerIds.peek(); first !== undefined; first = log.formerIds.peek()) {
    if (first.until > now && log.formerIds.length <= LIMITS.formerIdsMaxPerChannel) return;
    log.formerIds.shift();
    if (typeof log.ids.get(first.id) === 'string') log.ids.delete(first.id);
  }
}

/** Where a reader is who has everything that retention removed and nothing else. */
export function cutPosition(log: ChannelLog): string {
  const cuts = new Map([...EMPTY_POSITION]);
  for (const strand of log.strands.values()) if (strand.cut > 0) cuts.set(strand.lineage.lid, strand.cut);
  return formatPosition(cuts);
}

/** This node serves the slot from now on: what it holds is looked at as an owner does, and waits for its commit. */
export function openSlot(store: Store, slot: SlotState, now: number): void {
  slot.open = true;
  for (const log of slot.logs) openLog(store, log, now);
  for (const lineage of slot.lineages) {
    lineage.committed = 0;
    store.touch(lineage);
  }
}

function openLog(store: Store, log: ChannelLog, now: number): void {
  log.othersChanged();
  // those that tell are owners: what was removed before, the others may not have been told
  log.trimmedFloors = [...log.floors.keys()];
  for (const [publisher, { floor, seenAt }] of log.floors) {
    log.chains.set(publisher, new Chain(publisher, floor, seenAt));
    store.publishers++;
  }
  for (const strand of log.strands.values()) {
    strand.consumed = strand.cut;
    strand.next = strand.items.first;
    if (store.planted('noRebuild')) continue;
    for (let i = strand.items.first; i < strand.items.end; i++) {
      const entry = strand.items.at(i)!;
      remember(store, log, entry, now);
      // a floor may cover numbers that are still held here: they come into the order all the same
      const chain = entry.publisher === '' ? undefined : log.chainOf(entry.publisher);
      if (chain !== undefined && entry.seq <= chain.ordered) chain.ordered = entry.seq - 1;
    }
  }
}

/** The slot is another node's. What waits is answered `moved`: it may or may not be stored, the id tells. */
export function closeSlot(store: Store, slot: SlotState, now: number): void {
  slot.open = false;
  if (slot.active !== null) {
    slot.active.sealed = true;
    slot.active = null;
    store.counters.fences++;
  }
  store.pending.delete(slot);
  for (const log of slot.logs) closeLog(store, log, now);
  for (const lineage of slot.lineages) lineage.committed = 0;
}

function closeLog(store: Store, log: ChannelLog, now: number): void {
  for (const chain of log.chains.values()) {
    if (chain.floor > 0) raiseFloor(store, log, chain.publisher, chain.floor, chain.seenAt);
  }
  store.publishers -= log.chains.size;
  log.dropChains();
  log.trimmedFloors = [];
  log.ids.clear();
  log.formerIds.clear();
  log.order.clear();
  log.orderBytes = 0;
  log.blockedSince = 0;
  store.blocked.delete(log);
  log.touchedAt = now;
  for (const strand of log.strands.values()) {
    for (let i = strand.items.first; i < strand.items.end; i++) {
      const entry = strand.items.at(i)!;
      entry.place = -1;
      entry.aliases = null;
      entry.gapBefore = false;
      if (entry.waiting !== null) {
        const { waiting } = entry;
        entry.waiting = null;
        store.inFlight--;
        if (store.planted('ackOnFence')) {
          waiting.done({ ok: true, id: entry.id, position: positionAfter(entry), copies: store.required });
        } else waiting.done(MOVED);
      }
      if (!entry.repeated) continue;
      entry.repeated = false;
      store.repeats = store.repeats.filter(({ request, entry: of }) => {
        if (of !== entry) return true;
        store.inFlight--;
        request.done(MOVED);
        return false;
      });
    }
  }
}

export const MOVED = { ok: false, code: 'moved', message: 'the slot is moving to another node' } as const;

/** A planted bug: what the table gives to others is thrown away. */
export function dropIfNotHolder(store: Store, slot: SlotState, now: number): void {
  if (store.table === null || store.table.holdersOf(slot.slot).includes(store.self.id)) return;
  for (const log of slot.logs) {
    for (const strand of log.strands.values()) {
      for (let entry = strand.items.shift(); entry !== undefined; entry = strand.items.shift()) drop(store, entry, now);
    }
  }
}
