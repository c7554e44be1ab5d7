/**
 * What arrives from peers: entries to hold, confirmations, and what they say they hold. Rule: an entry is stored, and
 * confirmed, only directly after what is held; a lineage that this process writes is never written by anyone else.
 */
import type { Boot, LineageId, NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import { PushReader } from '../../wire/push.js';
import type { Held, ReplicationMessage } from '../../wire/replication.js';
import { hold } from './holding.js';
import type { Lineage } from './lineage.js';
import { StoredEntry, type Strand } from './log.js';
import type { Orders } from './order.js';
import type { Peer } from './peer.js';
import { adopt } from './retention.js';
import type { SlotState } from './slot.js';
import { Contradiction, ROLE, type Store } from './store.js';

export class Incoming {
  readonly #store: Store;
  readonly #orders: Orders;

  constructor(store: Store, orders: Orders) {
    this.#store = store;
    this.#orders = orders;
  }

  readonly #expect = (number: number): Lineage | undefined => this.#store.slots.get(number)?.lineages.at(-1);

  /** @throws Error where the bytes are malformed: the link is then closed, nothing of the batch is confirmed. */
  onPush(peer: Peer, batch: number, bytes: Uint8Array, now: number): void {
    const reader = new PushReader(bytes, this.#expect);
    for (let part = reader.next(); part !== 'end'; part = reader.next()) {
      if (part === 'entries') this.#onEntries(peer, reader, now);
      else {
        const slot = this.#store.slot(this.#checked(reader.slot));
        const { channel, asOwner } = reader;
        if (!adopt(this.#store, slot, channel, reader, asOwner, now)) continue;
        const log = this.#store.logs.get(channel);
        if (log !== undefined) this.#orders.lookAgain(log);
      }
    }
    peer.answerUpTo = batch;
  }

  onHave(peer: Peer, batch: number, refused: readonly Held[], now: number): void {
    const store = this.#store;
    const lids = refused.length === 0 ? null : new Set(refused.map(({ lid }) => lid));
    for (let sent = peer.inFlight.peek(); sent !== undefined && sent.number <= batch; sent = peer.inFlight.peek()) {
      peer.inFlight.shift();
      peer.inFlightBytes -= sent.bytes;
      const { marks, uptos, entrusted } = sent;
      for (let i = 0; i < marks.length; i++) {
        const mark = marks[i]!;
        if (lids?.has(mark.lineage.lid)) continue;
        mark.confirm(uptos[i]!);
        store.touch(mark.lineage);
      }
      if (lids !== null)
        for (const { entry, request } of entrusted) if (lids.has(entry.lid)) request.passedOn!.withdraw();
    }
    for (const { lid, have } of refused) {
      const lineage = store.lineages.get(lid);
      if (lineage === undefined) continue;
      lineage.markOf(peer).refuse(Math.max(0, have));
      // where it lacks what an entry follows in its channel, that was removed: it has to know
      lineage.slot.snapshots.delete(peer);
      store.counters.refusedParts++;
      store.spread(lineage, now);
    }
  }

  onDigest(peer: Peer, m: Extract<ReplicationMessage, { type: 'digest' }>, now: number): void {
    if (m.kind === 'ask') {
      const held = this.takeStock(peer, m.slots, m.held, now);
      peer.replies.push({ type: 'digest', kind: 'answer', request: m.request, slots: m.slots, held });
      return;
    }
    this.learn(peer, m.held, now);
    if (m.kind === 'answer') return;
    const held = m.held.map(({ slot, lid }) => ({ slot, lid, have: this.#store.lineages.get(lid)?.have ?? -1 }));
    peer.replies.push({ type: 'digest', kind: 'answer', request: m.request, slots: [], held });
  }

  /** The peer is to hold these slots: it gets what it lacks, and is told what there is. */
  takeStock(peer: Peer, slots: readonly number[], held: readonly Held[], now: number): Held[] {
    const store = this.#store;
    this.learn(peer, held, now);
    const all: Held[] = [];
    for (const number of slots) {
      const slot = store.slots.get(this.#checked(number));
      if (slot === undefined || slot.lineages.length === 0) continue;
      store.addExtra(slot, peer, now);
      for (const lineage of slot.lineages) {
        // not listed: not held
        lineage.markOf(peer).confirm(0);
        store.spread(lineage, now);
        if (all.length < LIMITS.digestItemsMax) all.push({ slot: number, lid: lineage.lid, have: lineage.have });
      }
    }
    return all;
  }

  learn(peer: Peer, held: readonly Held[], now: number): void {
    for (const { lid, have } of held) {
      const lineage = this.#store.lineages.get(lid);
      if (lineage === undefined) continue;
      lineage.markOf(peer).confirm(Math.max(0, have));
      this.#store.touch(lineage);
      this.#store.spread(lineage, now);
    }
  }

  #checked(slot: number): number {
    if (slot >= this.#store.roles.length) throw new Error('malformed bytes: no such slot');
    return slot;
  }

  #onEntries(peer: Peer, reader: PushReader, now: number): void {
    const store = this.#store;
    const lineage = lineageOf(store, store.slot(this.#checked(reader.slot)), reader, now);
    if (lineage === null || (reader.from > lineage.have + 1 && !store.planted('confirmAcrossHole'))) {
      peer.refused.push({ slot: reader.slot, lid: reader.lid, have: lineage?.have ?? 0 });
      store.counters.refusedParts++;
      for (let i = 0; i < reader.count; i++) reader.readEntry();
      return;
    }
    if (lineage.own && reader.upto > lineage.have) {
      throw new Contradiction(`lineage ${lineage.lid} of this process is written by another`);
    }
    let whole = true;
    for (let i = 0; i < reader.count; i++) {
      reader.readEntry();
      if (reader.s <= lineage.have) this.#compare(lineage, reader);
      else if (whole) whole = this.#append(lineage, reader, now);
    }
    const { upto, asOwner } = reader;
    if (!whole) {
      peer.refused.push({ slot: reader.slot, lid: reader.lid, have: lineage.have });
      store.counters.refusedParts++;
      return;
    }
    if (upto > lineage.have) lineage.have = upto;
    // whoever sends it holds it
    lineage.markOf(peer).confirm(upto);
    const { slot } = lineage;
    if (asOwner && store.role(slot.slot) !== ROLE.none) {
      store.counters.twoOwners++;
      store.addExtra(slot, peer, now);
    }
    store.touch(lineage);
    store.spread(lineage, now);
  }

  /** False where something before it in its channel is missing. */
  #append(lineage: Lineage, reader: PushReader, now: number): boolean {
    const store = this.#store;
    const strand = this.#strandOf(lineage, reader.channel);
    const { log } = strand;
    if (reader.prev > strand.last && !store.planted('confirmAcrossHole')) return false;
    // removed here already, by a cut that arrived first
    if (reader.s > strand.cut) {
      holdRead(store, strand, reader, now - reader.ageMs, now);
      store.counters.storedEntries++;
      if (log.slot.open) store.counters.merged++;
    }
    lineage.have = reader.s;
    return true;
  }

  #strandOf(lineage: Lineage, channel: string): Strand {
    const last = lineage.lastStrand;
    if (last?.log.channel === channel && last.lineage === lineage && !last.log.forgotten) return last;
    const strand = this.#store.log(channel, lineage.slot).strandOf(lineage);
    lineage.lastStrand = strand;
    return strand;
  }

  /** One name, one content: what came again must be what is held. */
  #compare(lineage: Lineage, reader: PushReader): void {
    const held = lineage.find(reader.s);
    if (held === undefined) return;
    const same =
      held.id === reader.id &&
      held.publisher === reader.publisher &&
      held.seq === reader.seq &&
      held.channel === reader.channel &&
      held.data.length === reader.data.length;
    if (!same) throw new Contradiction(`(${lineage.lid}, ${reader.s}) names two messages`);
  }
}

/** Holds the entry that was read last. */
export function holdRead(store: Store, strand: Strand, run: PushReader, bornAt: number, now: number): void {
  const { log } = strand;
  const { s, prev, ownId, seq, time, data } = run;
  // one string for all entries of a publisher, not one each
  if (log.lastPublisher !== run.publisher) log.lastPublisher = run.publisher;
  hold(store, new StoredEntry(strand, s, prev, ownId, log.lastPublisher, seq, time, data, bornAt), now);
}

/** The lineage that a run belongs to; null where nothing is known of it and the run does not say who writes it. */
export function lineageOf(store: Store, slot: SlotState, run: PushReader, now: number): Lineage | null {
  const { lid, author, boot } = run;
  const lineage = slot.find(lid) ?? store.lineages.get(lid);
  if (lineage === undefined) return author === null ? null : created(store, slot, lid, author, boot, now);
  if (lineage.slot !== slot) throw new Contradiction(`lineage ${lid} belongs to two slots`);
  if (author === null) return lineage;
  if (lineage.author === null) {
    lineage.author = author;
    lineage.boot = boot;
    lineage.have = Math.max(lineage.have, store.forgotten.get(lid) ?? 0);
  } else if (lineage.author !== author || lineage.boot !== boot) {
    throw new Contradiction(`lineage ${lid} has two authors`);
  }
  return lineage;
}

/** What was removed of it before it was forgotten here does not come back. */
function created(store: Store, slot: SlotState, lid: LineageId, author: NodeId, boot: Boot, now: number): Lineage {
  const lineage = store.lineage(lid, slot, author, boot, false);
  lineage.have = store.forgotten.get(lid) ?? 0;
  lineage.forgottenUpTo = lineage.have;
  lineage.emptySince = now;
  return lineage;
}
