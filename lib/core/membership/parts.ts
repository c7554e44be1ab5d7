/**
 * Members by the top bits of their place, with the sum of the hashes of each part: views are compared part by part, and the
 * first two steps of that take sums that are kept, instead of going over all members.
 */
import type { Entry } from './view.js';

/** The finest parts that are kept are those of so many bits: the second step's. */
const BITS = 8;
const SIXTEENTHS = 16;

export class Parts {
  /** By the top 8 bits. Arrays, not chains: all of a part's members come from memory at once. */
  readonly #members = new Array<Entry[] | undefined>(1 << BITS).fill(undefined);
  /** For the 16 parts of 4 bits, then for the 256 of 8 bits. */
  readonly #sums = new Int32Array(SIXTEENTHS + (1 << BITS));
  /** Of the 16 parts of 4 bits. */
  readonly #counts = new Uint16Array(SIXTEENTHS);

  add(entry: Entry): void {
    const at = entry.place >>> (32 - BITS);
    const members = this.#members[at];
    if (members) members.push(entry);
    else this.#members[at] = [entry];
    this.#counts[entry.place >>> 28] = (this.#counts[entry.place >>> 28] as number) + 1;
  }

  delete(entry: Entry): void {
    const at = entry.place >>> (32 - BITS);
    const members = this.#members[at];
    const index = members?.indexOf(entry) ?? -1;
    if (!members || index < 0) return;
    members.splice(index, 1);
    this.#counts[entry.place >>> 28] = (this.#counts[entry.place >>> 28] as number) - 1;
  }

  /** The hash of a member at this place has grown by so much. */
  sum(place: number, by: number): void {
    const fine = SIXTEENTHS + (place >>> (32 - BITS));
    this.#sums[place >>> 28] = (this.#sums[place >>> 28] as number) + by;
    this.#sums[fine] = (this.#sums[fine] as number) + by;
  }

  /** Those whose place begins with the `bits` top bits of `prefix`, in no order. */
  within(bits: number, prefix: number): Entry[] {
    const [from, to] = range(bits, prefix);
    if (bits === BITS) return this.#members[from]?.slice() ?? [];
    const found: Entry[] = [];
    for (let at = from; at < to; at++)
      for (const entry of this.#members[at] ?? [])
        if (bits < BITS || (entry.place ^ prefix) >>> (32 - bits) === 0) found.push(entry);
    return found;
  }

  /** How many those are. */
  countWithin(bits: number, prefix: number): number {
    if (bits > BITS) return this.within(bits, prefix).length;
    if (bits === BITS) return this.#members[prefix >>> (32 - BITS)]?.length ?? 0;
    const [from, to] = bits === 4 ? [prefix >>> 28, (prefix >>> 28) + 1] : [0, SIXTEENTHS];
    let count = 0;
    for (let at = from; at < to; at++) count += this.#counts[at] as number;
    return count;
  }

  /** The sums of the hashes of the 16 parts into which those fall. */
  digests(bits: number, prefix: number): number[] {
    const sums = new Array<number>(SIXTEENTHS).fill(0);
    if (bits < BITS) {
      const first = bits === 0 ? 0 : SIXTEENTHS * (1 + (prefix >>> 28));
      for (let i = 0; i < SIXTEENTHS; i++) sums[i] = (this.#sums[first + i] as number) >>> 0;
      return sums;
    }
    for (const { place, low } of this.within(bits, prefix)) {
      const at = (place >>> (28 - bits)) & 15;
      sums[at] = ((sums[at] as number) + low) >>> 0;
    }
    return sums;
  }
}

/** Which of the finest parts hold what begins so. */
function range(bits: number, prefix: number): readonly [from: number, to: number] {
  if (bits === 0) return [0, 1 << BITS];
  if (bits >= BITS) return [prefix >>> (32 - BITS), (prefix >>> (32 - BITS)) + 1];
  const part = prefix >>> (32 - bits);
  return [part << (BITS - bits), (part + 1) << (BITS - bits)];
}
