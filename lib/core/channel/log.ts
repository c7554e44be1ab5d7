/**
 * One channel as this node holds it: its entries by lineage (strands), what retention removed of each (cuts, floors),
 * and, where this node serves the channel, the order in which readers get it.
 */
import type { Data } from '../../wire/client.js';
import type { Entry } from '../../wire/entry.js';
import type { LineageId } from '../../wire/ids.js';
import type { Position } from '../../wire/position.js';
import type { Chain } from './chain.js';
import { Deque } from './deque.js';
import type { Lineage } from './lineage.js';
import type { SlotState } from './slot.js';
import type { AppendRequest } from './types.js';

/** What an entry costs beside its texts: the objects and places in lists, at most about 240 bytes. */
export const ENTRY_OVERHEAD_BYTES = 240;

/**
 * Every entry outlives several collections of the young, each of which copies it: what it can look up elsewhere, it does
 * not keep, and its times are whole numbers that need no object of their own.
 */
export class StoredEntry implements Entry {
  readonly s: number;
  readonly prev: number;
  readonly publisher: string;
  readonly seq: number;
  readonly data: Data;
  others: string | undefined = undefined;
  readonly strand: Strand;
  /** Own clock: when it was appended, as far as the ages it travelled with tell. */
  readonly bornAt: number;
  /** Retention removed it. */
  gone = false;
  /** Absolute index in the channel's order; -1 where it is not in it. */
  place = -1;
  /** Something before it in its publisher's chain was removed elsewhere: readers are told of a gap before it. */
  gapBefore = false;
  /** Who published it and waits for the answer. */
  waiting: AppendRequest | null = null;
  /** Others that published it again wait too (store.repeats). */
  repeated = false;
  /** The same message under other names. */
  aliases: StoredEntry[] | null = null;
  /** '' where it is made of publisher and seq. */
  readonly #id: string;
  readonly #sinceFirst: number;

  /** `id` may be '' where it is made of publisher and seq. */
  constructor(
    strand: Strand,
    s: number,
    prev: number,
    id: string,
    publisher: string,
    seq: number,
    time: number,
    data: Data,
    bornAt: number,
  ) {
    const { log } = strand;
    if (log.firstTime === 0) log.firstTime = time;
    this.s = s;
    this.prev = prev;
    this.#id = id;
    this.publisher = publisher;
    this.seq = seq;
    this.#sinceFirst = time - log.firstTime;
    this.data = data;
    this.strand = strand;
    this.bornAt = Math.floor(bornAt);
  }

  get lid(): LineageId {
    return this.strand.lineage.lid;
  }

  get channel(): string {
    return this.strand.log.channel;
  }

  get id(): string {
    return this.#id === '' ? `${this.publisher}.${this.seq}` : this.#id;
  }

  get isIdDerived(): boolean {
    return this.#id === '';
  }

  get time(): number {
    return this.strand.log.firstTime + this.#sinceFirst;
  }

  get bytes(): number {
    return this.data.length + this.#id.length + ENTRY_OVERHEAD_BYTES;
  }
}

/** The part of a channel that one lineage carries. */
export class Strand {
  readonly log: ChannelLog;
  readonly lineage: Lineage;
  /** Held entries in order of s. */
  readonly items = new Deque<StoredEntry>();
  /** Highest s of the channel that is held or was. */
  last = 0;
  /** Highest s that retention removed: a reader below it gets a gap. */
  cut = 0;
  /** Highest s that the channel's order has passed, aliases included. */
  consumed = 0;
  /** Absolute index in `items` of the first that the order has not passed. */
  next = 0;

  constructor(log: ChannelLog, lineage: Lineage) {
    this.log = log;
    this.lineage = lineage;
    // the channel may be one that was forgotten: who is below is told of a gap, as before
    this.cut = lineage.forgottenUpTo;
    this.consumed = lineage.forgottenUpTo;
    // who writes it begins anew; who gets it takes whatever the writer remembers as the one before
    if (!lineage.own) this.last = lineage.forgottenUpTo;
  }

  add(entry: StoredEntry): void {
    this.items.push(entry);
    this.last = entry.s;
  }
}

/** What the node's channels have in all. */
export interface Tally {
  strands: number;
}

export class ChannelLog {
  readonly channel: string;
  readonly slot: SlotState;
  readonly #tally: Tally;
  readonly strands = new Map<LineageId, Strand>();
  /** Entries held, all strands. */
  count = 0;
  bytes = 0;
  /** Publisher sessions whose entries were removed: up to which number. While the channel is open, in `chains`. */
  floors = new Map<string, { floor: number; seenAt: number }>();
  /** Entries removed since the copies were last told. */
  trimmed = 0;
  /** While this node serves the channel: the publishers whose floors rose with them. */
  trimmedFloors: string[] = [];
  lastTrim: 'size' | 'age' = 'size';
  touchedAt = 0;
  /** Of the first entry ever held; the others keep the difference. */
  firstTime = 0;
  /** Of the last entry that came from another node. */
  lastPublisher = '';
  /** Nothing is left of it; another object would stand for the channel. */
  forgotten = false;
  /** It is to be brought within its limits at the end of this step. */
  over = false;

  // only while this node serves the channel
  order = new Deque<StoredEntry>();
  orderBytes = 0;
  readonly chains = new Map<string, Chain>();
  /** Unnumbered messages by id: the entry, or for one that is gone, its position. */
  ids = new Map<string, StoredEntry | string>();
  formerIds = new Deque<{ readonly id: string; readonly until: number }>();
  /** Since when committed entries wait for a publisher's earlier one; 0: none do. */
  blockedSince = 0;
  /** The strand and the chain last asked for: nearly always the next ones asked for, and a look-up costs a cache miss. */
  #lastStrand: Strand | null = null;
  #lastChain: Chain | undefined;
  #othersOf: Strand | null = null;
  #others = '';

  constructor(channel: string, slot: SlotState, tally: Tally) {
    this.channel = channel;
    this.slot = slot;
    this.#tally = tally;
  }

  strandOf(lineage: Lineage): Strand {
    if (this.#lastStrand?.lineage === lineage) return this.#lastStrand;
    let strand = this.strands.get(lineage.lid);
    if (strand === undefined) {
      strand = new Strand(this, lineage);
      this.strands.set(lineage.lid, strand);
      this.#tally.strands++;
    }
    this.#lastStrand = strand;
    return strand;
  }

  chainOf(publisher: string): Chain | undefined {
    if (this.#lastChain?.publisher === publisher) return this.#lastChain;
    const chain = this.chains.get(publisher);
    if (chain !== undefined) this.#lastChain = chain;
    return chain;
  }

  dropChain(publisher: string): void {
    this.#lastChain = undefined;
    this.chains.delete(publisher);
  }

  dropChains(): void {
    this.#lastChain = undefined;
    this.chains.clear();
  }

  dropStrand(lid: LineageId): boolean {
    this.#lastStrand = null;
    if (!this.strands.delete(lid)) return false;
    this.#tally.strands--;
    return true;
  }

  /** The rest of the position after an entry of this strand: every other strand as far as the order has come. */
  othersThan(strand: Strand): string {
    if (this.#othersOf === strand) return this.#others;
    let text = '';
    for (const other of this.strands.values()) {
      if (other !== strand && other.consumed > 0) text += `~${other.lineage.lid}.${other.consumed.toString(36)}`;
    }
    this.#othersOf = strand;
    this.#others = text;
    return text;
  }

  /** A strand moved on by something else than an entry of the strand last asked for. */
  othersChanged(): void {
    this.#othersOf = null;
  }

  /** How far the order has come. */
  head(): Position {
    const head = new Map<LineageId, number>();
    for (const strand of this.strands.values()) if (strand.consumed > 0) head.set(strand.lineage.lid, strand.consumed);
    return head;
  }
}
