/**
 * The order in which nodes stand in for each other, slot by slot, frozen for a set of provisioned members.
 *
 * Base order: the assigned owner; the slot's other candidates by cost + price; all other nodes by cost + price. Then
 * the zones are dealt (zones.ts). Because the order is fixed, a crash moves only what the dead node held, and always
 * to the next in line.
 */
import type { Assignment } from './assignment.js';
import type { ScoreKeys, Scores } from './scores.js';
import type { ZoneDealer } from './zones.js';

/** The candidates that the assignment was made from; see candidates.ts. */
export interface CandidateLists {
  readonly stride: number;
  readonly nodes: Int16Array;
  readonly costs: Float64Array;
}

/** Nodes beyond the candidates that are looked at before all of them are: enough unless most nodes are dead. */
const DEEPER = 48;

export class Orders {
  readonly dealer: ZoneDealer;
  readonly #scores: Scores;
  readonly #keys: readonly ScoreKeys[];
  readonly #prices: Float64Array;
  readonly #depth: number;
  /** slots × depth: the candidates of each slot in base order. */
  readonly #base: Int16Array;
  readonly #knownScratch: Int16Array;

  constructor(
    { owners, prices }: Assignment,
    { stride, nodes, costs }: CandidateLists,
    depth: number,
    dealer: ZoneDealer,
    scores: Scores,
    keys: readonly ScoreKeys[],
  ) {
    this.dealer = dealer;
    this.#scores = scores;
    this.#keys = keys;
    this.#prices = prices;
    this.#depth = depth;
    this.#base = new Int16Array(scores.slots * depth);
    this.#knownScratch = new Int16Array(depth);
    const values = new Float64Array(depth);
    for (let slot = 0; slot < scores.slots; slot++) {
      const base = this.#base.subarray(slot * depth, (slot + 1) * depth);
      for (let i = 0; i < depth; i++) {
        const node = nodes[slot * stride + i]!;
        const value = node === owners[slot] ? Number.NEGATIVE_INFINITY : costs[slot * stride + i]! + prices[node]!;
        let at = i;
        for (; at > 0 && (values[at - 1]! > value || (values[at - 1] === value && base[at - 1]! > node)); at--) {
          values[at] = values[at - 1]!;
          base[at] = base[at - 1]!;
        }
        values[at] = value;
        base[at] = node;
      }
    }
  }

  /** As much of the slot's order as follows from its candidates alone: cheap. Valid until the next call. */
  known(slot: number): Int16Array {
    const out = this.#knownScratch;
    return out.subarray(0, this.dealer.deal(this.#base, slot * this.#depth, this.#depth, out));
  }

  /** Ever longer beginnings, each dearer than the one before; the last is all of it. Each is valid until the next. */
  *beyondKnown(slot: number): Generator<Int16Array> {
    const candidates = this.#base.subarray(slot * this.#depth, (slot + 1) * this.#depth);
    const otherZones = this.dealer.missing(candidates);
    if (otherZones.length > 0) yield this.#dealWith(slot, candidates, otherZones, otherZones.length);
    const others = this.#nodesBut(candidates);
    if (others.length > DEEPER) yield this.#dealWith(slot, candidates, others, DEEPER);
    yield this.#dealWith(slot, candidates, others, others.length);
  }

  /** All of it. This scores every node, so it is for single slots. */
  full(slot: number): Int16Array {
    const candidates = this.#base.subarray(slot * this.#depth, (slot + 1) * this.#depth);
    const others = this.#nodesBut(candidates);
    return this.#dealWith(slot, candidates, others, others.length);
  }

  #nodesBut(some: Int16Array): number[] {
    const others: number[] = [];
    for (let node = 0; node < this.#keys.length; node++) if (!some.includes(node)) others.push(node);
    return others;
  }

  /** The order of the candidates and of the `most` cheapest of the others. */
  #dealWith(slot: number, candidates: Int16Array, others: readonly number[], most: number): Int16Array {
    const base = new Int16Array(candidates.length + most);
    const values = new Float64Array(base.length);
    base.set(candidates);
    let length = candidates.length;
    for (const node of others) {
      const value = this.#scores.cost(this.#keys[node]!, slot) + this.#prices[node]!;
      if (length === base.length && value >= values[length - 1]!) continue;
      let at = length === base.length ? length - 1 : length++;
      // `others` ascend, so of equals the one with the lower number stays in front.
      for (; at > candidates.length && values[at - 1]! > value; at--) {
        values[at] = values[at - 1]!;
        base[at] = base[at - 1]!;
      }
      values[at] = value;
      base[at] = node;
    }
    const out = new Int16Array(length);
    return out.subarray(0, this.dealer.deal(base, 0, length, out));
  }
}
