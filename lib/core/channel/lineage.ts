/**
 * A log that one activation of one process writes, as this node holds it. `have` says: every entry up to here is held
 * but for those that retention removed. It moves only over entries that are there, never across a hole.
 */
import type { Boot, LineageId, NodeId } from '../../wire/ids.js';
import type { StoredEntry, Strand } from './log.js';
import { Mark, type Peer } from './peer.js';
import type { SlotState } from './slot.js';

const COMPACT_AT = 8;

/** One encoded run, to be used again for the next peer in the same flush. */
export interface Part {
  flush: number;
  from: number;
  upto: number;
  header: boolean;
  start: number;
  end: number;
}

export class Lineage {
  readonly lid: LineageId;
  readonly slot: SlotState;
  /** null: only a cut of it is known so far. */
  author: NodeId | null;
  boot: Boot;
  /** Drawn by this process. */
  readonly own: boolean;
  /** Nothing is appended any more. */
  sealed: boolean;
  have = 0;
  /** Entries up to here are committed as this node, the slot's owner, knows; 0 while it does not own the slot. */
  committed = 0;
  /** Stands in the list of lineages whose commit is to be looked at. */
  touched = false;
  /** Highest s that retention removed of a channel of which nothing is left. */
  forgottenUpTo = 0;
  /** When its last entry went; own clock. */
  emptySince = 0;
  /** Marks of the slot's targets, as of `outsVersion`. */
  outs: Mark[] = [];
  outsVersion = -1;
  marks: Mark[] = [];
  /** Of the entry that came last from another node: with about one channel a slot, of the next one too. */
  lastStrand: Strand | null = null;
  // in the journal: up to where, in which edition, and whether something of it is to be written
  journalled = 0;
  edition = 0;
  noted = false;
  /** Where its last run stands in the writer of pushes, and in which flush that was. */
  readonly part: Part = { flush: -1, from: 0, upto: 0, header: false, start: 0, end: 0 };
  #entries: StoredEntry[] = [];
  #gone = 0;

  constructor(lid: LineageId, slot: SlotState, author: NodeId | null, boot: Boot, own: boolean) {
    this.lid = lid;
    this.slot = slot;
    this.author = author;
    this.boot = boot;
    this.own = own;
    this.sealed = !own;
  }

  /** Of the entry that came last from another node. */
  get lastChannel(): string {
    return this.lastStrand?.log.channel ?? '';
  }

  get lastPublisher(): string {
    return this.lastStrand?.log.lastPublisher ?? '';
  }

  /** Entries held. */
  get size(): number {
    return this.#entries.length - this.#gone;
  }

  add(entry: StoredEntry): void {
    this.#entries.push(entry);
  }

  /** An entry of it was removed (its `gone` is set). */
  removed(now: number): void {
    this.#gone++;
    if (this.size === 0) this.emptySince = now;
    if (this.#gone >= COMPACT_AT && this.#gone * 2 >= this.#entries.length) this.compact();
  }

  /** Lets go of what was removed, and of the channels that it belonged to. */
  compact(): void {
    if (this.#gone === 0) return;
    this.#entries = this.#entries.filter((entry) => !entry.gone);
    this.#gone = 0;
  }

  /** Index of the first entry beyond s, for `at`; valid until an entry is added or removed. */
  indexAfter(s: number): number {
    const entries = this.#entries;
    // nearly always the caller wants the end of the log
    let low = entries.length;
    if (low > 0 && entries[low - 1]!.s <= s) return low;
    if (low > 1 && entries[low - 2]!.s <= s) return low - 1;
    let high = low;
    low = 0;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (entries[middle]!.s > s) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** May be an entry that is gone. */
  at(index: number): StoredEntry | undefined {
    return this.#entries[index];
  }

  find(s: number): StoredEntry | undefined {
    const entry = this.#entries[this.indexAfter(s - 1)];
    return entry?.s === s && !entry.gone ? entry : undefined;
  }

  markOf(peer: Peer): Mark {
    for (const mark of this.marks) if (mark.peer === peer) return mark;
    const mark = new Mark(this, peer);
    this.marks.push(mark);
    return mark;
  }

  forgetPeers(gone: ReadonlySet<Peer>): void {
    this.marks = this.marks.filter(({ peer }) => !gone.has(peer));
  }

  /** Nodes that hold it up to s, this one included. */
  copiesOf(s: number): number {
    let copies = 1;
    for (const mark of this.marks) if (mark.have >= s && mark.peer.counts) copies++;
    return copies;
  }

  /** The highest s that `required` nodes hold, this one included. */
  heldBy(required: number): number {
    if (required <= 1) return this.have;
    const others = required - 1;
    if (others === 1) return this.#heldByAnother();
    const top: number[] = [];
    for (const mark of this.marks) {
      if (!mark.peer.counts) continue;
      const { have } = mark;
      let i = top.length;
      while (i > 0 && top[i - 1]! < have) i--;
      top.splice(i, 0, have);
      if (top.length > others) top.pop();
    }
    return top.length < others ? 0 : Math.min(this.have, top[others - 1]!);
  }

  /** The usual case, once for each lineage and flush, without a list. */
  #heldByAnother(): number {
    let most = 0;
    for (let i = 0; i < this.marks.length; i++) {
      const mark = this.marks[i]!;
      if (mark.peer.counts && mark.have > most) most = mark.have;
    }
    return Math.min(this.have, most);
  }
}
