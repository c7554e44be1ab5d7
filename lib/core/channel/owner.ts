/**
 * The owner's side of a publish. It is appended to the lineage of this activation unless it is held already; a repeated
 * one waits for the commit of the one that is held. Rule R4: a publisher's n only where n-1 is held, or was.
 */

import { idOf, positionAfter } from '../../wire/entry.js';
import { LIMITS } from '../../wire/limits.js';
import { cutPosition, hold, MOVED } from './holding.js';
import type { Lineage } from './lineage.js';
import { type ChannelLog, StoredEntry } from './log.js';
import type { Orders } from './order.js';
import type { SlotState } from './slot.js';
import { InvariantBroken, ROLE, type Store } from './store.js';
import type { AppendRequest, AppendResult } from './types.js';

export class Owner {
  readonly #store: Store;
  readonly #orders: Orders;

  constructor(store: Store, orders: Orders) {
    this.#store = store;
    this.#orders = orders;
  }

  append(request: AppendRequest, now: number): void {
    const store = this.#store;
    const log = store.logs.get(request.channel);
    const number = log === undefined ? (store.table?.slotOf(request.channel) ?? 0) : log.slot.slot;
    const role = store.role(number);
    if (role === ROLE.serving) this.#accept(request, log, number, now);
    else if (role === ROLE.none) request.done(MOVED);
    else {
      const slot = store.slot(number);
      if (slot.queue.length < LIMITS.slotQueueMax) slot.queue.push(request);
      else request.done(FULL);
    }
  }

  /** The slot is served here now, or no longer: what waited for it is looked at again. */
  release(slot: SlotState, now: number): void {
    if (slot.queue.length === 0) return;
    const { queue } = slot;
    slot.queue = [];
    for (const request of queue) this.append(request, now);
  }

  #accept(request: AppendRequest, known: ChannelLog | undefined, number: number, now: number): void {
    const store = this.#store;
    if (store.short) return this.#refuse(request, SHORT);
    if (request.publisher === '') {
      const held = known?.ids.get(request.ownId);
      if (held !== undefined && !store.planted('noOwnerDedupe')) return this.#repeat(request, held, now);
    } else if (known === undefined || known.chainOf(request.publisher) === undefined) {
      const refusal = this.#refuseNewPublisher(request, now);
      if (refusal !== null) return this.#refuse(request, refusal);
    } else {
      const chain = known.chainOf(request.publisher)!;
      chain.seenAt = now;
      const { seq } = request;
      if (!store.planted('noOwnerDedupe')) {
        if (seq <= chain.floor) return this.#removed(request, known);
        const held = chain.find(seq);
        if (held !== undefined) return this.#repeat(request, held, now);
      }
      if (seq !== chain.held + 1 && !store.planted('noChainCheck')) return this.#refuse(request, ORDER);
    }
    if (store.inFlight >= LIMITS.publishesInFlightMax) return this.#refuse(request, FULL);
    if (known === undefined && store.isCrowded) return this.#refuse(request, CROWDED);
    this.#store.inFlight++;
    const log = known ?? store.log(request.channel, store.slot(number));
    this.#write(request, log, now);
  }

  #write(request: AppendRequest, log: ChannelLog, now: number): void {
    const store = this.#store;
    const { slot } = log;
    const lineage = slot.active ?? this.#activate(slot);
    if (lineage.sealed) throw new InvariantBroken(`lineage ${lineage.lid} is written after its end`);
    const strand = log.strandOf(lineage);
    const s = lineage.have + 1;
    const { ownId, publisher, seq, data } = request;
    const entry = new StoredEntry(strand, s, strand.last, ownId, publisher, seq, store.ports.wallNow(), data, now);
    lineage.have = s;
    hold(store, entry, now);
    store.counters.appended++;
    if (store.planted('ackBeforeReplicate')) {
      entry.others = log.othersThan(strand);
      this.#orders.acknowledge(request, entry);
    } else entry.waiting = request;
    if (store.required > 1) store.pending.add(slot);
    store.touch(lineage);
    const peer = store.spreadNew(lineage, request.passedOn?.by, now);
    if (peer === null || entry.waiting === null || !this.#mayEntrust(entry)) return;
    peer.entrusted.push({ entry, request });
    if (!store.planted('answerUnheld')) return;
    request.passedOn!.entrust({ ok: true, id: entry.id, position: positionAfter(entry), copies: 2 });
  }

  /**
   * Whether the node through which the publish came may answer it once it holds the entry: with this node it makes the
   * two that are required, and nothing else is waited for.
   */
  #mayEntrust(entry: StoredEntry): boolean {
    const { log, lineage } = entry.strand;
    if (this.#store.required !== 2 || entry.aliases !== null || log.blockedSince > 0) return false;
    for (const strand of log.strands.values()) {
      if (strand.lineage !== lineage && strand.next < strand.items.end) return false;
    }
    return true;
  }

  /** Draws the name of this activation's lineage: nobody grants it, nobody else will ever draw it. */
  #activate(slot: SlotState): Lineage {
    const store = this.#store;
    store.counters.activations++;
    const { id, boot } = store.self;
    if (store.planted('reuseLineage')) {
      const lid = `${id.slice(0, 4)}${slot.slot.toString(36).padStart(4, '0')}` as Lineage['lid'];
      const known = store.lineages.get(lid);
      const lineage = known?.own === true ? known : store.lineage(lid, slot, id, boot, true);
      lineage.sealed = false;
      slot.active = lineage;
      return lineage;
    }
    let lid: Lineage['lid'];
    do lid = store.ports.random.name(6) as Lineage['lid'];
    while (store.lineages.has(lid));
    slot.active = store.lineage(lid, slot, id, boot, true);
    return slot.active;
  }

  #refuseNewPublisher(request: AppendRequest, now: number): AppendResult | null {
    const store = this.#store;
    if (store.planted('noChainCheck')) return null;
    if (request.seq > 1) return store.settledAt(now) ? UNKNOWN : ORDER;
    if (now - request.firstTriedAt > store.options.publisherTtlMs / 2) return UNKNOWN;
    return store.isCrowded ? CROWDED : null;
  }

  /** Its message went out of history: it was committed, or it would not have been in the order. */
  #removed(request: AppendRequest, log: ChannelLog): void {
    this.#store.counters.repeated++;
    request.done({ ok: true, id: idOf(request), position: cutPosition(log), copies: this.#store.required });
  }

  #repeat(request: AppendRequest, held: StoredEntry | string, now: number): void {
    const store = this.#store;
    store.counters.repeated++;
    if (typeof held === 'string') {
      return request.done({ ok: true, id: request.ownId, position: held, copies: store.required });
    }
    const ordered = held.place >= 0 ? held : held.aliases?.find((entry) => entry.place >= 0);
    if (ordered === undefined && store.planted('ackRepeatEarly')) {
      return request.done({ ok: true, id: request.ownId, position: positionAfter(held), copies: store.required });
    }
    if (store.inFlight >= LIMITS.publishesInFlightMax) return this.#refuse(request, FULL);
    store.inFlight++;
    if (ordered !== undefined) return this.#orders.acknowledge(request, ordered);
    const { log, lineage } = held.strand;
    const stuck = log.blockedSince > 0 && now - log.blockedSince >= store.options.gateMs;
    // it waits behind another publisher's message whose predecessor may never come: give it a second name
    if (stuck && held.s <= lineage.committed && lineage !== log.slot.active) return this.#write(request, log, now);
    held.repeated = true;
    store.repeats.push({ request, entry: held, since: now });
  }

  #refuse(request: AppendRequest, result: AppendResult): void {
    this.#store.counters.refused++;
    request.done(result);
  }

  /** Answers those who waited too long; what they published may still come. */
  expire(now: number): void {
    const store = this.#store;
    const oldest = now - store.options.ackTimeoutMs;
    for (const slot of store.pending) {
      const lineage = slot.active;
      if (lineage === null) continue;
      for (let i = lineage.indexAfter(lineage.committed); ; i++) {
        const entry = lineage.at(i);
        if (entry === undefined || entry.bornAt > oldest) break;
        this.#giveUp(entry);
      }
    }
    for (const log of store.blocked) {
      for (const strand of log.strands.values()) {
        for (let i = strand.next; i < strand.items.end; i++) {
          const entry = strand.items.at(i);
          if (entry === undefined || entry.bornAt > oldest) break;
          this.#giveUp(entry);
        }
      }
    }
    if (store.repeats.length === 0 || store.repeats[0]!.since > oldest) return;
    store.repeats = store.repeats.filter(({ request, since }) => {
      if (since > oldest) return true;
      store.inFlight--;
      request.done(LATE);
      return false;
    });
  }

  #giveUp(entry: StoredEntry): void {
    if (entry.waiting === null) return;
    const { waiting } = entry;
    entry.waiting = null;
    this.#store.inFlight--;
    waiting.done(LATE);
  }
}

const FULL = { ok: false, code: 'overloaded', message: 'a queue of this node is full' } as const;
const CROWDED = {
  ok: false,
  code: 'overloaded',
  message: 'this node has as many channels and publishers as its history memory allows',
} as const;
const SHORT = { ok: false, code: 'copies', message: 'fewer live nodes than acks: not accepted' } as const;
const ORDER = {
  ok: false,
  code: 'order',
  message: "this node lacks the publisher's earlier message; it may still arrive",
} as const;
const UNKNOWN = {
  ok: false,
  code: 'publisher-unknown',
  message: 'the publisher session is forgotten; what was sent last may or may not be stored',
} as const;
const LATE = {
  ok: false,
  code: 'timeout',
  message: 'not confirmed in time; it may or may not be stored. Retry with the same id',
} as const;
