/**
 * The owner's and the copies' side of all channels: lineages, commit, replication, taking slots over, merge, order,
 * retention and reads from a position. The four rules of delivery (R1 to R4) are kept in this folder and nowhere else.
 * Calls only queue; `flush`, called once at the end of a turn, commits, answers, and sends one batch to each peer.
 */
import type { Boot, LineageId, NodeId, Slot } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import type { Position } from '../../wire/position.js';
import type { ReplicationMessage } from '../../wire/replication.js';
import type { Table } from '../table/types.js';
import { closeSlot, dropIfNotHolder } from './holding.js';
import { Incoming } from './incoming.js';
import { Inspection } from './inspection.js';
import { Journal } from './journal.js';
import type { Mutation } from './mutations.js';
import type { ChannelsOptions } from './options.js';
import { Orders } from './order.js';
import { Outgoing } from './outgoing.js';
import { Owner } from './owner.js';
import type { ChannelsPorts, Handover, LivePeer, Restored, SelfPeer } from './ports.js';
import { Reads } from './reads.js';
import { Relief } from './relief.js';
import { restore } from './restore.js';
import { Aging, shedLineages } from './retention.js';
import type { SlotState } from './slot.js';
import { ROLE, Store } from './store.js';
import { Takeover } from './takeover.js';
import type { AppendRequest, Entry, ReadResult } from './types.js';

export type { ChannelsPorts, Handover, LivePeer, SelfPeer } from './ports.js';

/** What other parts of the core see of it; tests stand in for it. */
export type ChannelsApi = Pick<Channels, keyof Channels>;

/** How often deadlines of waiting publishes, hedges and closed gates are looked at while there are any. */
const WATCH_MS = 50;
const AGING_MS = 1_000;

export class Channels {
  /** For checkers. */
  readonly inspection: Inspection;
  readonly #store: Store;
  readonly #orders: Orders;
  readonly #owner: Owner;
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  readonly #takeover: Takeover;
  readonly #reads: Reads;
  readonly #aging: Aging;
  readonly #relief: Relief;
  #watchAt = 0;
  #agingAt = 0;
  #syncAt = 0;

  constructor(
    options: ChannelsOptions,
    self: SelfPeer,
    ports: ChannelsPorts,
    mutations: ReadonlySet<Mutation> = new Set(),
  ) {
    this.#store = new Store(options, self, ports, mutations);
    this.#orders = new Orders(this.#store);
    this.#owner = new Owner(this.#store, this.#orders);
    this.#incoming = new Incoming(this.#store, this.#orders);
    this.#outgoing = new Outgoing(this.#store);
    this.#takeover = new Takeover(this.#store, this.#owner);
    this.#reads = new Reads(this.#store);
    this.#aging = new Aging(this.#store);
    this.#relief = new Relief(this.#store);
    this.inspection = new Inspection(this.#store);
    if (ports.journal !== undefined) this.#store.journal = new Journal(this.#store, ports.journal);
  }

  /** Takes up what a former process of this node wrote to its journal; before there is a table. */
  restore(records: Iterable<Uint8Array>, now: number): Restored {
    const store = this.#store;
    const { journal } = store;
    // what is read need not be noted: a new edition brings all of it
    store.journal = null;
    const restored = restore(store, records, now);
    store.journal = journal;
    journal?.renew(now);
    const { messages, channels, damaged } = restored;
    if (messages > 0) store.ports.log('restored', `${messages} messages of ${channels} channels, ${damaged} damaged`);
    return restored;
  }

  // who is there

  /** The adopted table, and who lives, at which boot. */
  setTable(table: Table, live: readonly LivePeer[], now: number): void {
    const store = this.#store;
    store.table = table;
    store.version++;
    store.changedAt = now;
    if (store.roles.length !== table.parameters.slots) store.roles = new Uint8Array(table.parameters.slots);
    for (const peer of store.peers.values()) peer.live = false;
    for (const { id, boot } of live) {
      if (id === store.self.id) continue;
      const peer = store.peer(id);
      peer.live = true;
      store.setBoot(peer, boot);
    }
    this.#setRequired(table, live.filter(({ id }) => id !== store.self.id).length + 1);
    this.#setRoles(table, now);
    this.#takeover.onTable(now);
    for (const slot of store.slots.values()) this.#reconsider(slot, now);
  }

  /** The table as it would be once a joining node is alive or a draining one has left; null when nobody is on the move. */
  setNext(next: Table | null, now: number): void {
    const store = this.#store;
    if (store.next?.iteration === next?.iteration) return;
    store.next = next;
    store.version++;
    for (const slot of store.slots.values()) store.spreadSlot(slot, now);
  }

  onPeerUp(id: NodeId, boot: Boot, now: number): void {
    const store = this.#store;
    const peer = store.peer(id);
    store.setBoot(peer, boot);
    peer.reset();
    peer.up = true;
    store.changedAt = now;
    this.#takeover.onPeerUp(peer);
    for (const slot of store.slots.values()) this.#reconsider(slot, now);
  }

  onPeerDown(id: NodeId, now: number): void {
    const peer = this.#store.peer(id);
    peer.up = false;
    peer.reset();
    this.#store.changedAt = now;
    this.#takeover.onPeerDown(peer);
  }

  /** @throws Error where the message is malformed or contradicts what is held: close the link. InvariantBroken: stop. */
  onMessage(from: NodeId, m: ReplicationMessage, now: number): void {
    const peer = this.#store.peer(from);
    if (!peer.up) return;
    switch (m.type) {
      case 'push':
        return this.#incoming.onPush(peer, m.batch, m.bytes, now);
      case 'have':
        return this.#incoming.onHave(peer, m.batch, m.refused, now);
      case 'digest':
        this.#incoming.onDigest(peer, m, now);
        if (m.kind !== 'answer') return;
        this.#reads.onAnswer(from, m.slots, m.held);
        return this.#takeover.onAnswer(peer, m.request, m.held);
      case 'acquire': {
        const held = this.#incoming.takeStock(peer, m.slots, m.held, now);
        peer.replies.push({ type: 'acquired', request: m.request, held });
        return;
      }
      case 'acquired':
        this.#incoming.learn(peer, m.held, now);
        return this.#takeover.onAcquired(peer, m.request, now);
    }
  }

  // publishers and readers

  /** Only where this node owns the channel by its own table; otherwise answered `moved`. */
  append(request: AppendRequest, now: number): void {
    this.#owner.append(request, now);
  }

  /** This node is the slot's owner by its own table (it may still be taking it over). */
  owns(slot: Slot): boolean {
    return this.#store.role(slot) !== ROLE.none;
  }

  /** And it serves it: what it had to take over is here. */
  serves(slot: Slot): boolean {
    return this.#store.role(slot) === ROLE.serving;
  }

  /** Everything of the lineage up to s is here, but for what retention removed. */
  holds(lid: LineageId, s: number): boolean {
    const lineage = this.#store.lineages.get(lid);
    if (lineage === undefined || lineage.have < s) return false;
    // whoever asks is about to answer a publisher
    if (!this.#store.planted('journalLate')) this.#store.journal?.assure(lineage);
    return true;
  }

  read(channel: string, after: Position | 'start', limit: number, now: number): ReadResult {
    return this.#reads.read(channel, after, limit, now);
  }

  latest(channel: string, limit: number): { entries: readonly Entry[]; position: Position } {
    return this.#reads.latest(channel, limit);
  }

  head(channel: string): Position {
    return this.#reads.head(channel);
  }

  // joining and leaving

  /** A joiner fetches everything that it will hold under `next` before it turns alive. */
  prepare(next: Table, now: number): void {
    this.#takeover.prepare(next, now);
  }

  get prepared(): boolean {
    return this.#takeover.prepared;
  }

  handover(now: number): Handover {
    return this.#takeover.handover(now);
  }

  // time

  tick(now: number): void {
    const store = this.#store;
    this.#takeover.tick(now);
    store.journal?.tick(now);
    if (store.planted('journalLate')) store.journal?.flush(now);
    for (const peer of store.peers.values()) peer.hurry(now);
    if (now >= this.#watchAt) {
      this.#watchAt = now + WATCH_MS;
      this.#orders.force(now);
      this.#owner.expire(now);
      this.#hedge(now);
    }
    if (now >= this.#agingAt) {
      this.#agingAt = now + AGING_MS;
      this.#aging.pass(now);
      this.#relief.pass(now);
      this.#reads.tick(now);
    }
    if (now >= this.#syncAt) {
      if (this.#syncAt > 0) this.#sync(now);
      this.#syncAt = now + store.options.syncMs * (0.5 + store.ports.random.next());
    }
  }

  nextWakeAt(): number {
    const store = this.#store;
    const watch = store.pending.size > 0 || store.blocked.size > 0 || store.repeats.length > 0;
    let at = Math.min(this.#takeover.nextWakeAt(), this.#agingAt, this.#syncAt);
    for (const peer of store.peers.values()) if (peer.trailAt < at) at = peer.trailAt;
    if (store.journal !== null) at = Math.min(at, store.journal.nextWakeAt());
    return watch ? Math.min(at, this.#watchAt) : at;
  }

  get needsFlush(): boolean {
    return this.#orders.needed || this.#outgoing.needed || (this.#store.journal?.needed ?? false);
  }

  /** Once at the end of each turn in which any of the above was called. */
  flush(now: number): void {
    const { journal } = this.#store;
    if (journal?.needed && !this.#store.planted('journalLate')) journal.flush(now);
    this.#outgoing.flush(now);
    if (this.#orders.needed) this.#orders.advance(now);
  }

  // what it is about

  stats(): Record<string, number> {
    const { counters, slots, logs, lineages, bytes, frameBytes, inFlight, required, publishers, peers } = this.#store;
    const underReplicated = this.#underReplicated();
    return {
      ...counters,
      slots: slots.size,
      channels: logs.size,
      lineages: lineages.size,
      bytes,
      frameBytes,
      inFlight,
      required,
      publishers,
      peers: peers.size,
      underReplicated,
    };
  }

  /** What all messages that are held take. */
  get bytes(): number {
    return this.#store.bytes;
  }

  #underReplicated(): number {
    const store = this.#store;
    let entries = 0;
    for (const slot of store.slots.values()) {
      if (!slot.open) continue;
      for (const lineage of slot.lineages) {
        if (lineage.size > 0) entries += lineage.have - Math.min(lineage.have, lineage.heldBy(store.required));
      }
    }
    return entries;
  }

  #setRequired(table: Table, live: number): void {
    const store = this.#store;
    const { acks, whenShort } = store.options;
    const accept = whenShort === 'accept' || (whenShort === 'auto' && table.members.length <= 2);
    store.required = accept || store.planted('silentShrink') ? Math.max(1, Math.min(acks, live)) : acks;
    store.short = live < store.required;
  }

  #setRoles(table: Table, now: number): void {
    const store = this.#store;
    const self = table.members.findIndex(({ id }) => id === store.self.id);
    const gained: Slot[] = [];
    const lost: Slot[] = [];
    for (let slot = 0; slot < table.owners.length; slot++) {
      const mine = self >= 0 && table.owners[slot] === self;
      if (mine === (store.roles[slot] !== ROLE.none)) continue;
      store.roles[slot] = mine ? ROLE.taking : ROLE.none;
      (mine ? gained : lost).push(slot);
    }
    for (const number of lost) {
      const slot = store.slots.get(number);
      if (slot === undefined) continue;
      closeSlot(store, slot, now);
      this.#owner.release(slot, now);
    }
    if (lost.length > 0) store.ports.ownershipChanged([], lost, now);
    this.#takeover.gain(gained, now);
  }

  /** Who gets what of the slot, and what is committed, may have changed. */
  #reconsider(slot: SlotState, now: number): void {
    const store = this.#store;
    if (store.planted('dropWhenNotHolder')) dropIfNotHolder(store, slot, now);
    for (const lineage of slot.lineages) {
      store.touch(lineage);
      if (lineage.have > 0) store.spread(lineage, now);
    }
    const { active } = slot;
    if (active !== null && active.committed < active.have) store.pending.add(slot);
  }

  /** What is not committed in time goes to the next node in line as well. */
  #hedge(now: number): void {
    const store = this.#store;
    for (const slot of store.pending) {
      const { active } = slot;
      const first = active?.at(active.indexAfter(active.committed));
      if (active === null || first === undefined) store.pending.delete(slot);
      if (first === undefined || now - first.bornAt < store.options.hedgeMs) continue;
      for (const id of store.table!.orderOf(slot.slot)) {
        if (id === store.self.id) continue;
        const peer = store.peer(id);
        if (!peer.up || store.targets(slot, now).includes(peer) || slot.extra.size >= LIMITS.extraCopiesMax) continue;
        store.addExtra(slot, peer, now);
        store.counters.hedges++;
        store.spreadSlot(slot, now);
        break;
      }
    }
  }

  /** Whatever was lost on the way comes again, and leases end. */
  #sync(now: number): void {
    const store = this.#store;
    for (const slot of store.slots.values()) {
      if (slot.extra.size > 0) slot.targetsVersion = -1;
      if (slot.open && slot.trimmed.size > 0) store.snapshotsDue.add(slot);
      for (const lineage of slot.lineages) {
        if (lineage.have === 0) continue;
        store.spread(lineage, now);
        for (const mark of lineage.outs) {
          if (mark.peer.up && mark.have < lineage.have && mark.sent >= lineage.have) mark.peer.offers.add(lineage);
        }
      }
      this.#forgetLineages(slot, now);
      if (slot.open) shedLineages(store, slot, now);
    }
    store.forgetPeers();
  }

  /** Lineages of which nothing is left are remembered for a while, so that readers of them are told what they miss. */
  #forgetLineages(slot: SlotState, now: number): void {
    const store = this.#store;
    const { metaTtlMs } = store.options;
    const { lineages } = slot;
    const crowded = lineages.length > LIMITS.slotLineagesMax;
    for (let i = 0; i < lineages.length; i++) {
      const lineage = lineages[i]!;
      if (lineage === slot.active || lineage.size > 0) continue;
      if (now - lineage.emptySince < metaTtlMs && !crowded) continue;
      lineages.splice(i--, 1);
      store.forgetLineage(lineage);
      for (const log of slot.logs) {
        if (log.dropStrand(lineage.lid)) log.othersChanged();
      }
    }
  }
}
