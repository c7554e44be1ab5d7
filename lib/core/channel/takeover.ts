/**
 * Taking slots over, getting ready to hold them, and leaving them. A new owner asks every live node for what it holds,
 * because a copy may sit anywhere, and starts when all have answered or after a short while: asking only saves time,
 * safety does not rest on it.
 */
import type { NodeId, Slot } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import type { Held } from '../../wire/replication.js';
import type { Table } from '../table/types.js';
import { openSlot } from './holding.js';
import type { Lineage } from './lineage.js';
import type { Owner } from './owner.js';
import type { Peer } from './peer.js';
import type { Handover } from './ports.js';
import { ROLE, type Store } from './store.js';

/** A joiner, and a node that leaves, ask for news this often. */
const ASK_MS = 300;
/** A joiner is ready when it lacks no more than this of a lineage that is being written. */
const LAG_ENTRIES = 100;

interface Round {
  readonly request: number;
  readonly slots: Slot[];
  readonly waiting: Set<Peer>;
  readonly asked: Set<Peer>;
  readonly deadline: number;
}

interface Preparation {
  readonly slots: Slot[];
  /** Nodes that have told what there is, and it is here. */
  readonly ready: Set<NodeId>;
  request: number;
  askAt: number;
}

export class Takeover {
  readonly #store: Store;
  readonly #owner: Owner;
  readonly #rounds = new Map<number, Round>();
  #settling: Slot[] = [];
  #settleAt = Number.POSITIVE_INFINITY;
  #request = 0;
  #preparation: Preparation | null = null;
  #offerAt = 0;

  constructor(store: Store, owner: Owner) {
    this.#store = store;
    this.#owner = owner;
  }

  nextWakeAt(): number {
    let at = this.#settleAt;
    for (const { deadline } of this.#rounds.values()) at = Math.min(at, deadline);
    if (this.#preparation !== null && !this.prepared) at = Math.min(at, this.#preparation.askAt);
    return at;
  }

  /** These slots are this node's now, by its own table. */
  gain(slots: readonly Slot[], now: number): void {
    if (slots.length === 0) return;
    for (const slot of slots) this.#settling.push(slot);
    const alone = this.#others().length === 0;
    this.#settleAt = Math.min(this.#settleAt, alone ? now : now + this.#store.options.settleMs);
    if (alone || this.#store.planted('skipAcquire')) this.#start(now);
  }

  tick(now: number): void {
    if (now >= this.#settleAt) this.#start(now);
    for (const round of [...this.#rounds.values()]) if (now >= round.deadline) this.#finish(round, now);
    const preparation = this.#preparation;
    if (preparation !== null && now >= preparation.askAt && !this.prepared) this.#ask(preparation, now);
  }

  onPeerUp(peer: Peer): void {
    for (const round of this.#rounds.values()) {
      if (round.waiting.has(peer) && !round.asked.has(peer)) this.#acquire(round, peer);
    }
  }

  /** What it had to say is lost, or it is gone. */
  onPeerDown(peer: Peer): void {
    for (const round of this.#rounds.values()) round.asked.delete(peer);
    this.#preparation?.ready.delete(peer.id);
  }

  /** The living changed: nobody waits for the dead. */
  onTable(now: number): void {
    for (const round of [...this.#rounds.values()]) {
      for (const peer of round.waiting) if (!peer.live) round.waiting.delete(peer);
      if (round.waiting.size === 0) this.#finish(round, now);
    }
  }

  onAcquired(peer: Peer, request: number, now: number): void {
    const round = this.#rounds.get(request);
    if (round === undefined || !round.waiting.delete(peer)) return;
    if (round.waiting.size === 0) this.#finish(round, now);
  }

  #others(): Peer[] {
    return [...this.#store.peers.values()].filter((peer) => peer.live);
  }

  #start(now: number): void {
    const store = this.#store;
    const slots = this.#settling.filter((slot) => store.role(slot) === ROLE.taking);
    this.#settling = [];
    this.#settleAt = Number.POSITIVE_INFINITY;
    if (slots.length === 0) return;
    const waiting = new Set(store.planted('skipAcquire') ? [] : this.#others());
    const round: Round = {
      request: ++this.#request,
      slots,
      waiting,
      asked: new Set(),
      deadline: now + store.options.acquireMs,
    };
    this.#rounds.set(round.request, round);
    for (const peer of waiting) if (peer.up) this.#acquire(round, peer);
    if (waiting.size === 0) this.#finish(round, now);
  }

  #acquire(round: Round, peer: Peer): void {
    round.asked.add(peer);
    const { request, slots } = round;
    peer.replies.push({ type: 'acquire', request, slots, held: this.#stock(slots) });
  }

  #stock(slots: readonly Slot[]): Held[] {
    const held: Held[] = [];
    for (const slot of slots) {
      for (const { lid, have } of this.#store.slots.get(slot)?.lineages ?? []) {
        if (held.length < LIMITS.digestItemsMax) held.push({ slot, lid, have });
      }
    }
    return held;
  }

  #finish(round: Round, now: number): void {
    const store = this.#store;
    this.#rounds.delete(round.request);
    const gained = round.slots.filter((slot) => store.role(slot) === ROLE.taking);
    for (const number of gained) {
      store.roles[number] = ROLE.serving;
      const slot = store.slots.get(number);
      if (slot === undefined) continue;
      openSlot(store, slot, now);
      store.spreadSlot(slot, now);
    }
    if (gained.length === 0) return;
    store.ports.ownershipChanged(gained, [], now);
    for (const number of gained) {
      const slot = store.slots.get(number);
      if (slot !== undefined) this.#owner.release(slot, now);
    }
  }

  // a node that will hold slots

  prepare(next: Table, now: number): void {
    const { copies } = next.parameters;
    const index = next.members.findIndex(({ id }) => id === this.#store.self.id);
    const slots: Slot[] = [];
    for (let i = 0; i < next.holders.length; i++) {
      if (next.holders[i] === index) slots.push(Math.floor(i / copies));
    }
    this.#preparation = { slots, ready: new Set(), request: 0, askAt: now };
    this.#ask(this.#preparation, now);
  }

  get prepared(): boolean {
    const preparation = this.#preparation;
    if (preparation === null) return false;
    return this.#others().every(({ id }) => preparation.ready.has(id));
  }

  #ask(preparation: Preparation, now: number): void {
    preparation.askAt = now + ASK_MS;
    preparation.request = ++this.#request;
    const { request, slots } = preparation;
    const held = this.#stock(slots);
    for (const peer of this.#others()) {
      if (!peer.up || preparation.ready.has(peer.id)) continue;
      peer.replies.push({ type: 'digest', kind: 'ask', request, slots, held });
    }
  }

  onAnswer(peer: Peer, request: number, held: readonly Held[]): void {
    const preparation = this.#preparation;
    if (preparation === null || request === 0 || request > preparation.request) return;
    const { lineages } = this.#store;
    const here = held.every(({ lid, have }) => (lineages.get(lid)?.have ?? 0) >= have - LAG_ENTRIES);
    // nothing of a lineage at all is no lag, however short the lineage
    if (here && held.every(({ lid, have }) => have <= 0 || lineages.has(lid))) preparation.ready.add(peer.id);
  }

  // a node that leaves

  /** What this node holds and is not known to be held by those who are to hold it without this node. */
  handover(now: number): Handover {
    const store = this.#store;
    const next = store.next ?? store.table;
    if (next === null) return { slotsLeft: 0, entriesLeft: 0, oldestMs: 0 };
    const ask = now >= this.#offerAt;
    if (ask) this.#offerAt = now + ASK_MS;
    let slotsLeft = 0;
    let entriesLeft = 0;
    let oldestMs = 0;
    for (const slot of store.slots.values()) {
      const holders = next.holdersOf(slot.slot).filter((id) => id !== store.self.id);
      const needed = Math.min(store.options.acks, holders.length);
      let left = 0;
      for (const lineage of slot.lineages) {
        if (lineage.size === 0) continue;
        let held = Math.min(lineage.have, this.#confirmedBy(lineage, holders, needed));
        // the owner to be must be among them
        if (holders.length > 0) held = Math.min(held, this.#confirmed(lineage, holders[0]!));
        if (held >= lineage.have) continue;
        left += lineage.have - held;
        const first = lineage.at(lineage.indexAfter(held));
        if (first !== undefined) oldestMs = Math.max(oldestMs, now - first.bornAt);
        if (!ask) continue;
        for (const id of holders) {
          const peer = store.peer(id);
          if (peer.up && this.#confirmed(lineage, id) < lineage.have) peer.offers.add(lineage);
        }
      }
      if (left === 0) continue;
      slotsLeft++;
      entriesLeft += left;
    }
    return { slotsLeft, entriesLeft, oldestMs };
  }

  /** The highest s that `count` of these nodes have confirmed; without limit where none has to. */
  #confirmedBy(lineage: Lineage, holders: readonly NodeId[], count: number): number {
    if (count === 0) return Number.POSITIVE_INFINITY;
    const haves = holders.map((id) => this.#confirmed(lineage, id)).sort((a, b) => b - a);
    return haves[count - 1]!;
  }

  #confirmed(lineage: Lineage, id: NodeId): number {
    const peer = this.#store.peer(id);
    const mark = lineage.markOf(peer);
    if (this.#store.planted('leaveOnStaleConfirmations')) return mark.everHave;
    return peer.counts ? mark.have : 0;
  }
}
