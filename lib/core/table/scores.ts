/**
 * What it costs to put a slot on a node: stratified rendezvous scores.
 *
 * Plain rendezvous hashing draws an exponential score per (slot, node). Here every node has exactly the same multiset
 * of scores, one from each of `slots` strata of the exponential distribution, dealt to the slots by a permutation that
 * is keyed with the node's id. That removes most of the luck in how many slots a node wins. Only 32-bit integer
 * operations and IEEE + * / occur, so that every engine and language gets the same bits:
 *
 *   strata       H[0] = 0, H[k+1] = H[k] + 1/(slots−k)
 *   cost(s, x)   floor((H[k] + f·(H[k+1]−H[k])) · 2^40 / weight(x)),  k = permutation(x)(s),  f = 24 hash bits / 2^24
 *
 * Costs are integers below 2^44, so sums of some hundred of them are exact and the transport never rounds.
 */
import { hash32, mix32 } from './hash.js';

/** A cost of 1.0 as an integer. */
export const COST_SCALE = 2 ** 40;
const ROUNDS = 4;
const GOLDEN = 0x9e3779b9 | 0;

/** The keys of one node's permutation and the divisor of its costs. */
export interface ScoreKeys {
  readonly weight: number;
  readonly adds: Int32Array;
  readonly factors: Int32Array;
  readonly fraction: number;
}

export function scoreKeys(id: string, weight: number): ScoreKeys {
  const left = hash32(id, 1) | 0;
  const right = hash32(id, 2) | 0;
  const word = (j: number): number => mix32(left + Math.imul(j, GOLDEN)) ^ mix32(right - Math.imul(j, GOLDEN));
  return {
    weight,
    adds: Int32Array.from({ length: ROUNDS }, (_, round) => word(2 * round + 1)),
    factors: Int32Array.from({ length: ROUNDS }, (_, round) => word(2 * round + 2) | 1),
    fraction: word(2 * ROUNDS + 1),
  };
}

/** The strata for one number of slots, and the costs that follow from them. */
export class Scores {
  readonly slots: number;
  readonly #start: Float64Array;
  readonly #width: Float64Array;
  readonly #shift: number;

  constructor(slots: number) {
    this.slots = slots;
    this.#start = new Float64Array(slots);
    this.#width = new Float64Array(slots);
    this.#shift = (32 - Math.clz32(slots)) >> 1;
    let sum = 0;
    for (let k = 0; k < slots; k++) {
      const next = sum + 1 / (slots - k);
      this.#start[k] = sum;
      this.#width[k] = next - sum;
      sum = next;
    }
  }

  /** The stratum of a slot: a bijection of 0…slots−1 for each node. */
  stratum(keys: ScoreKeys, slot: number): number {
    const mask = this.slots - 1;
    let x = slot;
    for (let round = 0; round < ROUNDS; round++) {
      x = Math.imul(x ^ keys.adds[round]!, keys.factors[round]!) & mask;
      x ^= x >>> this.#shift;
    }
    return x;
  }

  cost(keys: ScoreKeys, slot: number): number {
    return this.#costAt(keys, slot, this.stratum(keys, slot));
  }

  #costAt(keys: ScoreKeys, slot: number, stratum: number): number {
    const fraction = (mix32(keys.fraction ^ Math.imul(slot + 1, GOLDEN)) >>> 8) / 0x1000000;
    return Math.floor(((this.#start[stratum]! + fraction * this.#width[stratum]!) * COST_SCALE) / keys.weight);
  }

  /**
   * Calls `visit` for every slot whose cost for the node is at most `ceilings[slot]`. This is the inner loop of a cold
   * build (slots × nodes): most cells are refused by their stratum alone, before the second hash.
   */
  eachBelow(keys: ScoreKeys, ceilings: Float64Array, visit: (slot: number, cost: number) => void): void {
    const { slots } = this;
    const mask = slots - 1;
    const shift = this.#shift;
    const start = this.#start;
    const scale = COST_SCALE / keys.weight;
    const [a0, a1, a2, a3] = keys.adds as unknown as [number, number, number, number];
    const [m0, m1, m2, m3] = keys.factors as unknown as [number, number, number, number];
    for (let slot = 0; slot < slots; slot++) {
      let x = Math.imul(slot ^ a0, m0) & mask;
      x ^= x >>> shift;
      x = Math.imul(x ^ a1, m1) & mask;
      x ^= x >>> shift;
      x = Math.imul(x ^ a2, m2) & mask;
      x ^= x >>> shift;
      x = Math.imul(x ^ a3, m3) & mask;
      x ^= x >>> shift;
      const ceiling = ceilings[slot]!;
      // 2 is more than the rounding of the two ways to multiply can differ by, and less than matters.
      if (start[x]! * scale - 2 > ceiling) continue;
      const cost = this.#costAt(keys, slot, x);
      if (cost <= ceiling) visit(slot, cost);
    }
  }
}
