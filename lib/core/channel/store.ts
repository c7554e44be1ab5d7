/**
 * Everything the channel side of a node holds, and the few steps on it that all parts share. One store per node; the
 * files beside this one are the rules that work on it.
 */
import type { Boot, LineageId, NodeId, Slot } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import type { Table } from '../table/types.js';
import type { Journal } from './journal.js';
import { Lineage } from './lineage.js';
import { ChannelLog, type StoredEntry } from './log.js';
import type { Mutation } from './mutations.js';
import type { ChannelsOptions } from './options.js';
import { type Mark, Peer } from './peer.js';
import type { ChannelsPorts, LivePeer, SelfPeer } from './ports.js';
import { SlotState } from './slot.js';
import type { AppendRequest } from './types.js';

/** A rule that must always hold does not: the process has to stop before it spreads what is wrong. */
export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken';
}

/**
 * What a peer sends cannot be reconciled with what is held. Which of the two is wrong cannot be told here: nothing of it is
 * taken and the link is closed, as for bytes that are malformed.
 */
export class Contradiction extends Error {
  override readonly name = 'Contradiction';
}

export const ROLE = { none: 0, taking: 1, serving: 2 } as const;

/** Bytes of heap that each takes with its lists and maps, measured with one message a channel. */
const COST = { log: 1_600, strand: 350, chain: 400, floor: 120 } as const;

/** A publish of a message that is held already, and waits for that one's commit. */
export interface Repeat {
  readonly request: AppendRequest;
  readonly entry: StoredEntry;
  readonly since: number;
}

export class Store {
  readonly options: ChannelsOptions;
  readonly self: LivePeer;
  readonly ports: ChannelsPorts;
  readonly #mutations: ReadonlySet<Mutation>;
  /** Told of nobody to join: with no other members there is nobody else. */
  founded: boolean;
  table: Table | null = null;
  next: Table | null = null;
  /** Raised with every table, next table and list of the living. */
  version = 0;
  /** When the table, or a link, last changed; own clock. */
  changedAt = 0;
  /** By slot: ROLE of this node there. */
  roles = new Uint8Array(0);
  readonly slots = new Map<Slot, SlotState>();
  readonly logs = new Map<string, ChannelLog>();
  readonly lineages = new Map<LineageId, Lineage>();
  /** How far lineages went of which nothing was left: nobody has to be asked for those any more. */
  readonly forgotten = new Map<LineageId, number>();
  readonly peers = new Map<NodeId, Peer>();
  /** Where all that is held is written down as well; null: nowhere. */
  journal: Journal | null = null;
  /** Nodes that must hold an entry before it counts, as things stand; 1 to acks. */
  required = 1;
  /** Fewer live nodes than acks, and set to refuse. */
  short = false;
  /** Entries held, all channels. */
  bytes = 0;
  /** Lineages whose commit may have moved. */
  readonly touched: Lineage[] = [];
  /** Channels in which committed entries wait for a publisher's earlier one. */
  readonly blocked = new Set<ChannelLog>();
  /** Slots whose active lineage has entries that are not committed yet. */
  readonly pending = new Set<SlotState>();
  /** Slots whose copies are to be told what was removed. */
  readonly snapshotsDue = new Set<SlotState>();
  repeats: Repeat[] = [];
  /** Appended or repeated here and not answered yet. */
  inFlight = 0;
  publishers = 0;
  /** Parts of channels that one lineage carries; publishers of which it is known up to where retention has removed them. */
  strands = 0;
  floors = 0;
  readonly counters = {
    appended: 0,
    entrusted: 0,
    committed: 0,
    acknowledged: 0,
    repeated: 0,
    refused: 0,
    merged: 0,
    aliases: 0,
    gaps: 0,
    gatesForced: 0,
    hedges: 0,
    fences: 0,
    activations: 0,
    evicted: 0,
    pushedEntries: 0,
    storedEntries: 0,
    refusedParts: 0,
    twoOwners: 0,
  };

  constructor(options: ChannelsOptions, self: SelfPeer, ports: ChannelsPorts, mutations: ReadonlySet<Mutation>) {
    this.options = options;
    this.founded = self.founded ?? true;
    this.self = self;
    this.ports = ports;
    this.#mutations = mutations;
  }

  /** Whether the simulator planted this bug; always false elsewhere. */
  planted(mutation: Mutation): boolean {
    return this.#mutations.size > 0 && this.#mutations.has(mutation);
  }

  /** What channels and their publishers take beside the entries. */
  get frameBytes(): number {
    const { logs, strands, publishers, floors } = this;
    return logs.size * COST.log + strands * COST.strand + publishers * COST.chain + floors * COST.floor;
  }

  /** No new channels and publishers are taken on until old ones are forgotten. */
  get isCrowded(): boolean {
    return this.logs.size >= LIMITS.channelLogsMax || this.frameBytes >= this.options.historyBytesPerNode;
  }

  peer(id: NodeId): Peer {
    let peer = this.peers.get(id);
    if (peer === undefined) {
      peer = new Peer(id);
      this.peers.set(id, peer);
    }
    return peer;
  }

  setBoot(peer: Peer, boot: Boot): void {
    if (boot <= peer.boot) return;
    if (peer.boot === 0 || !this.planted('countStaleBoot')) peer.boot = boot;
    peer.reset();
  }

  /**
   * Peers that are members no more, and neither alive nor linked, go with all that is noted of them: what they confirmed
   * counts for nothing, and one that comes back is asked anew what it holds.
   */
  forgetPeers(): void {
    const members = new Set(this.table?.members.map(({ id }) => id));
    for (const { id } of this.next?.members ?? []) members.add(id);
    const gone = new Set<Peer>();
    for (const peer of this.peers.values()) {
      if (!peer.counts && !members.has(peer.id)) gone.add(peer);
    }
    if (gone.size === 0) return;
    for (const { id } of gone) this.peers.delete(id);
    for (const slot of this.slots.values()) slot.forgetPeers(gone);
  }

  slot(slot: Slot): SlotState {
    let state = this.slots.get(slot);
    if (state === undefined) {
      state = new SlotState(slot);
      this.slots.set(slot, state);
      state.open = this.roles[slot] === ROLE.serving;
    }
    return state;
  }

  log(channel: string, slot: SlotState): ChannelLog {
    let log = this.logs.get(channel);
    if (log === undefined) {
      log = new ChannelLog(channel, slot, this);
      this.logs.set(channel, log);
      slot.logs.add(log);
    } else if (log.slot !== slot) throw new Contradiction(`channel ${channel} arrives in another slot than its own`);
    return log;
  }

  lineage(lid: LineageId, slot: SlotState, author: NodeId | null, boot: Boot, own: boolean): Lineage {
    const lineage = new Lineage(lid, slot, author, boot, own);
    this.lineages.set(lid, lineage);
    slot.lineages.push(lineage);
    return lineage;
  }

  forgetLineage({ lid, have }: Lineage): void {
    this.lineages.delete(lid);
    this.forgotten.set(lid, have);
    this.journal?.noteForgotten(lid, have);
    if (this.forgotten.size > LIMITS.forgottenLineagesMax) this.forgotten.delete(this.forgotten.keys().next().value!);
  }

  role(slot: Slot): number {
    return this.roles[slot] ?? ROLE.none;
  }

  touch(lineage: Lineage): void {
    if (lineage.touched || !lineage.slot.open) return;
    lineage.touched = true;
    this.touched.push(lineage);
  }

  /**
   * Whether what is not known here is known nowhere: every provisioned member lives and is linked, and nothing changed
   * for a while. Until then a publisher that this node never heard of may be one from the other side of a split.
   * With one acknowledgement a message may die with its node, and a publisher would wait for the dead: there only the
   * living are asked, and soon.
   */
  settledAt(now: number): boolean {
    const alone = this.options.acks === 1;
    if (now - this.changedAt < (alone ? this.options.unknownMs / 10 : this.options.unknownMs)) return false;
    if (this.table === null) return false;
    for (const { id, live } of this.table.members) {
      if (id !== this.self.id && !(live ? this.peer(id).up : alone)) return false;
    }
    return true;
  }

  /** The nodes to which what is held of a slot is to be pushed. */
  targets(slot: SlotState, now: number): readonly Peer[] {
    if (slot.targetsVersion === this.version) return slot.targets;
    const targets: Peer[] = [];
    if (this.role(slot.slot) !== ROLE.none) {
      for (const id of this.table!.holdersOf(slot.slot)) addTarget(targets, this, id);
      if (this.next !== null) for (const id of this.next.holdersOf(slot.slot)) addTarget(targets, this, id);
    } else if (!this.planted('noForward')) {
      const owner = this.table?.ownerOf(slot.slot);
      if (owner !== undefined) addTarget(targets, this, owner);
    }
    for (const [peer, until] of slot.extra) {
      if (until <= now) slot.extra.delete(peer);
      else if (!targets.includes(peer)) targets.push(peer);
    }
    slot.targets = targets;
    slot.targetsVersion = this.version;
    slot.targetsEdition++;
    return targets;
  }

  /** Serves a node as a copy of the slot for a while, whatever the table says. */
  addExtra(slot: SlotState, peer: Peer, now: number): void {
    if (!slot.extra.has(peer) && slot.extra.size >= LIMITS.extraCopiesMax) return;
    slot.extra.set(peer, now + this.options.claimMs);
    slot.targetsVersion = -1;
  }

  /** Queues what each target of the lineage's slot lacks. */
  spread(lineage: Lineage, now: number): void {
    const outs = this.#outsOf(lineage, now);
    for (let i = 0; i < outs.length; i++) {
      const mark = outs[i]!;
      if (mark.peer.up && mark.have < lineage.have) mark.peer.push(mark);
    }
  }

  /**
   * The same for an entry that was just appended: at once to as many copies as its commit waits for, the node through
   * which it came being the first of them, to the others a little later. Answers that node, if it is among them.
   */
  spreadNew(lineage: Lineage, via: NodeId | undefined, now: number): Peer | null {
    const { trailMs } = this.options;
    const outs = this.#outsOf(lineage, now);
    // with one acknowledgement nobody is waited for; still one copy is to have it soon
    let due = Math.max(1, this.required - 1);
    // nodes that prepare to hold the slot are to keep up with it
    if (this.next !== null || trailMs === 0) due = outs.length;
    let entry: Peer | null = null;
    for (let i = 0; i < outs.length; i++) {
      const { peer } = outs[i]!;
      if (peer.id !== via || !peer.isPrompt(now, trailMs)) continue;
      entry = peer;
      due--;
    }
    for (let i = 0; i < outs.length; i++) {
      const mark = outs[i]!;
      const { peer } = mark;
      if (!peer.up) continue;
      if (peer === entry && !this.planted('answerUnheld')) peer.push(mark);
      else if (due > 0 && peer.isPrompt(now, trailMs)) {
        peer.push(mark);
        due--;
      } else peer.trail(mark, now + trailMs);
    }
    // too few that answer promptly: whoever answers first
    if (due > 0) this.spread(lineage, now);
    return entry;
  }

  #outsOf(lineage: Lineage, now: number): readonly Mark[] {
    const targets = this.targets(lineage.slot, now);
    if (lineage.outsVersion !== lineage.slot.targetsEdition) {
      lineage.outs = targets.map((peer) => lineage.markOf(peer));
      lineage.outsVersion = lineage.slot.targetsEdition;
    }
    return lineage.outs;
  }

  spreadSlot(slot: SlotState, now: number): void {
    for (const lineage of slot.lineages) if (lineage.have > 0) this.spread(lineage, now);
  }
}

function addTarget(targets: Peer[], store: Store, id: NodeId): void {
  if (id === store.self.id) return;
  const peer = store.peer(id);
  if (!targets.includes(peer)) targets.push(peer);
}
