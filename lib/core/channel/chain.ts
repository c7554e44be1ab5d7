/**
 * One publisher session in one channel, at the channel's owner: which of its numbers are held, which were removed, and
 * up to which they are in the channel's order. Numbers have no holes (rule R4).
 */
import { Deque } from './deque.js';
import type { StoredEntry } from './log.js';

export class Chain {
  readonly publisher: string;
  /** Highest number removed by retention; all up to it were. */
  floor: number;
  /** Highest number up to which everything is in the channel's order, or was. */
  ordered: number;
  /** Highest number up to which everything is held, or was. */
  held: number;
  seenAt: number;
  /** Held entries `held - length + 1 … held`. */
  readonly #entries = new Deque<StoredEntry>();
  /** Held on the other side of a hole, while lineages are being merged. */
  #ahead: Map<number, StoredEntry> | null = null;

  constructor(publisher: string, floor: number, now: number) {
    this.publisher = publisher;
    this.floor = floor;
    this.ordered = floor;
    this.held = floor;
    this.seenAt = now;
  }

  find(seq: number): StoredEntry | undefined {
    const entry = seq <= this.held ? this.#entries.at(this.#entries.end - 1 - (this.held - seq)) : undefined;
    return entry ?? this.#ahead?.get(seq);
  }

  /** The entry that already has this number, if one does; otherwise this one has it from now on. */
  add(entry: StoredEntry, now: number): StoredEntry | undefined {
    this.seenAt = now;
    const { seq } = entry;
    const known = this.find(seq);
    if (known !== undefined) return known;
    if (seq === this.held + 1) {
      this.#extend(entry);
      while (this.#ahead !== null) {
        const next = this.#ahead.get(this.held + 1);
        if (next === undefined) break;
        this.#ahead.delete(next.seq);
        if (this.#ahead.size === 0) this.#ahead = null;
        this.#extend(next);
      }
    } else {
      this.#ahead ??= new Map();
      this.#ahead.set(seq, entry);
    }
    return undefined;
  }

  /** Retention removed this entry. An alias goes without a trace: the number is still held under the other name. */
  remove(entry: StoredEntry): void {
    const { seq } = entry;
    const known = this.find(seq);
    if (known !== undefined && known !== entry) return;
    if (seq > this.floor) this.floor = seq;
    if (this.held < seq) this.#jump(seq);
    if (this.#ahead?.get(seq) === entry) this.#ahead.delete(seq);
    if (this.#entries.peek() === entry) this.#entries.shift();
  }

  /** Another holder removed everything up to `floor`. */
  raise(floor: number): void {
    if (floor <= this.floor) return;
    this.floor = floor;
    if (this.held < floor) this.#jump(floor);
  }

  /** An entry between what is in order and seq that is held here and only waits for its turn. */
  holdsBetween(seq: number): boolean {
    const from = Math.max(this.ordered + 1, this.held - this.#entries.length + 1);
    if (from <= Math.min(seq - 1, this.held)) return true;
    if (this.#ahead === null) return false;
    for (const n of this.#ahead.keys()) if (n > this.ordered && n < seq) return true;
    return false;
  }

  #extend(entry: StoredEntry): void {
    this.#entries.push(entry);
    this.held++;
  }

  #jump(to: number): void {
    // what is held below the jump stays findable through #ahead until it is in order
    for (let i = this.#entries.first; i < this.#entries.end; i++) {
      const entry = this.#entries.at(i)!;
      this.#ahead ??= new Map();
      this.#ahead.set(entry.seq, entry);
    }
    this.#entries.clear();
    this.held = to;
    while (this.#ahead !== null) {
      const next = this.#ahead.get(this.held + 1);
      if (next === undefined) break;
      this.#ahead.delete(next.seq);
      this.#extend(next);
    }
  }
}
