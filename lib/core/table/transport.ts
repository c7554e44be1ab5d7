/**
 * The balanced assignment: each slot to one of its candidates, each node's load within its bounds, the sum of the
 * costs the least possible (a minimum-cost transport, solved by successive shortest paths).
 *
 * Every node has a price, and a slot belongs where cost + price is least; a node with too much raises its price until
 * enough slots find another node cheaper, directly or along a chain. Prices keep all reduced costs at or above zero,
 * which is both what Dijkstra needs and the proof that the result is the optimum. All quantities are integers that a
 * double holds exactly, nodes are taken in index order, and nothing is carried over from an earlier assignment: the
 * result depends on the input alone.
 */

import type { Assignment, TransportInput } from './assignment.js';
import { NodeQueue } from './node-queue.js';
import { cheapestEntry, tunedPrices } from './prices.js';

/**
 * The optimum over all nodes, or undefined where the candidates given do not suffice to find it or to prove it: then
 * the caller asks again with deeper lists.
 */
export function transport(input: TransportInput): Assignment | undefined {
  const solver = new Solver(input);
  if (!solver.pushExcess() || !solver.provesOptimal()) return undefined;
  return { owners: solver.owners, prices: solver.prices };
}

const NONE = -1;

/**
 * Lower bounds need no stage of their own. Each node gets exactly `high` items: real slots and blanks, at most
 * high − low blanks, which cost nothing anywhere. A blank goes from any node to any other through a hub, which takes
 * part in the search as one more node. So there is one kind of step: push what is too much to where there is room.
 */
class Solver {
  readonly owners: Int16Array;
  readonly prices: Float64Array;
  readonly #input: TransportInput;
  readonly #hub: number;
  readonly #blanks: Int32Array;
  readonly #blanksMax: Int32Array;
  /** How many more items a node takes; negative: how many it has to push out. */
  readonly #room: Int32Array;
  #hubPrice = 0;
  readonly #ownCosts: Float64Array;
  // The slots of a node are a doubly linked list.
  readonly #first: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  // One search: distance, the slot by which a node was reached (NONE: a blank), from where, and what to reset after it.
  readonly #distances: Float64Array;
  readonly #via: Int32Array;
  readonly #from: Int32Array;
  readonly #settled: Uint8Array;
  readonly #touched: Int32Array;
  #touchedCount = 0;
  readonly #queue = new NodeQueue();

  constructor(input: TransportInput) {
    const { slots, nodes, costs } = input;
    const { low, high } = input.bounds;
    const nodeCount = low.length;
    this.#input = input;
    this.#hub = nodeCount;
    this.owners = new Int16Array(slots);
    this.#blanks = new Int32Array(nodeCount);
    this.#blanksMax = high.map((bound, node) => bound - low[node]!);
    this.#room = high.slice();
    this.#ownCosts = new Float64Array(slots);
    this.#first = new Int32Array(nodeCount).fill(NONE);
    this.#next = new Int32Array(slots);
    this.#previous = new Int32Array(slots);
    this.#distances = new Float64Array(nodeCount + 1).fill(Number.POSITIVE_INFINITY);
    this.#via = new Int32Array(nodeCount + 1);
    this.#from = new Int32Array(nodeCount + 1);
    this.#settled = new Uint8Array(nodeCount + 1);
    this.#touched = new Int32Array(nodeCount + 1);
    this.prices = tunedPrices(input);
    for (let slot = slots - 1; slot >= 0; slot--) {
      const entry = cheapestEntry(input, this.prices, slot);
      this.#link(slot, nodes[entry]!, costs[entry]!);
    }
    this.#dealBlanks(high.reduce((sum, bound) => sum + bound, 0) - slots);
  }

  /**
   * Blanks belong where prices are lowest: nodes below the hub's price take all that they may, nodes above it none, and
   * those at it share the rest, first where there is room.
   */
  #dealBlanks(count: number): void {
    const byPrice = Array.from(this.prices, (_, node) => node).sort(
      (a, b) => this.prices[a]! - this.prices[b]! || a - b,
    );
    let left = count;
    for (let start = 0; start < byPrice.length; ) {
      this.#hubPrice = this.prices[byPrice[start]!]!;
      let end = start;
      let space = 0;
      for (; end < byPrice.length && this.prices[byPrice[end]!] === this.#hubPrice; end++)
        space += this.#blanksMax[byPrice[end]!]!;
      const group = byPrice.slice(start, end);
      if (space >= left) {
        left = this.#giveBlanks(group, left, (node) => Math.max(0, this.#room[node]!));
        this.#giveBlanks(group, left, () => left);
        return;
      }
      left = this.#giveBlanks(group, left, () => left);
      start = end;
    }
  }

  #giveBlanks(group: readonly number[], count: number, atMost: (node: number) => number): number {
    let left = count;
    for (const node of group) {
      const given = Math.min(left, this.#blanksMax[node]! - this.#blanks[node]!, atMost(node));
      this.#blanks[node]! += given;
      this.#room[node]! -= given;
      left -= given;
    }
    return left;
  }

  /** Nodes with too much push items, along the cheapest chain, to a node that has room; false if some cannot. */
  pushExcess(): boolean {
    for (let source = 0; source < this.#hub; source++) {
      while (this.#room[source]! < 0) {
        const target = this.#search(source);
        if (target === NONE) return false;
        this.#raisePrices(this.#distances[target]!);
        this.#shift(target, source);
        this.#forgetSearch();
      }
    }
    return true;
  }

  /** Nodes that are in no candidate list of a slot cost at least as much as its last candidate. */
  provesOptimal(): boolean {
    const { slots, stride, depth, costs } = this.#input;
    if (depth >= this.#hub) return true;
    let lowest = Number.POSITIVE_INFINITY;
    for (const price of this.prices) lowest = Math.min(lowest, price);
    for (let slot = 0; slot < slots; slot++) {
      const bound = costs[slot * stride + depth - 1]! + lowest;
      if (this.#ownCosts[slot]! + this.prices[this.owners[slot]!]! > bound) return false;
    }
    return true;
  }

  /** Dijkstra from a node with too much to the nearest one with room. */
  #search(source: number): number {
    const { stride, depth, nodes, costs } = this.#input;
    const { prices } = this;
    const hub = this.#hub;
    const distances = this.#distances;
    const settled = this.#settled;
    const room = this.#room;
    const ownCosts = this.#ownCosts;
    const next = this.#next;
    // The nearest node with room so far: what is not nearer need not be looked at.
    let target = NONE;
    let bound = Number.POSITIVE_INFINITY;
    this.#reach(source, 0, NONE, NONE);
    for (let node = this.#queue.pop(); node !== NONE; node = this.#queue.pop()) {
      if (settled[node] === 1) continue;
      if (distances[node]! >= bound) break;
      settled[node] = 1;
      if (node === hub) {
        target = this.#searchFromHub(target);
        if (target !== NONE) bound = distances[target]!;
        continue;
      }
      const base = distances[node]! - prices[node]!;
      if (this.#blanks[node]! > 0 && base + this.#hubPrice < distances[hub]!) {
        this.#reach(hub, base + this.#hubPrice, NONE, node);
      }
      for (let slot = this.#first[node]!; slot !== NONE; slot = next[slot]!) {
        const left = base - ownCosts[slot]!;
        const end = slot * stride + depth;
        for (let entry = slot * stride; entry < end; entry++) {
          const reached = left + costs[entry]!;
          // Costs ascend and no price is negative: nothing further in this list can be nearer.
          if (reached >= bound) break;
          const other = nodes[entry]!;
          const distance = reached + prices[other]!;
          if (distance >= bound || distance >= distances[other]!) continue;
          this.#reach(other, distance, slot, node);
          if (room[other]! > 0) {
            bound = distance;
            target = other;
          }
        }
      }
    }
    return target;
  }

  /** Nodes that can take a blank; those with room first, since they make most of the others too far. */
  #searchFromHub(targetBefore: number): number {
    const hub = this.#hub;
    const base = this.#distances[hub]! - this.#hubPrice;
    let target = targetBefore;
    let bound = target === NONE ? Number.POSITIVE_INFINITY : this.#distances[target]!;
    for (const withRoom of [true, false]) {
      for (let other = 0; other < hub; other++) {
        if (this.#room[other]! > 0 !== withRoom || this.#blanks[other]! >= this.#blanksMax[other]!) continue;
        const distance = base + this.prices[other]!;
        if (distance >= bound || distance >= this.#distances[other]!) continue;
        this.#reach(other, distance, NONE, hub);
        if (!withRoom) continue;
        bound = distance;
        target = other;
      }
    }
    return target;
  }

  #reach(node: number, distance: number, via: number, from: number): void {
    if (this.#distances[node] === Number.POSITIVE_INFINITY) this.#touched[this.#touchedCount++] = node;
    this.#distances[node] = distance;
    this.#via[node] = via;
    this.#from[node] = from;
    this.#queue.push(node, distance);
  }

  /** Raises what is nearer than the target so far that the path to it costs nothing and no edge less than nothing. */
  #raisePrices(reach: number): void {
    for (let i = 0; i < this.#touchedCount; i++) {
      const node = this.#touched[i]!;
      const rise = reach - this.#distances[node]!;
      if (rise <= 0) continue;
      if (node === this.#hub) this.#hubPrice += rise;
      else this.prices[node]! += rise;
    }
  }

  /** Moves one item along each step of the path that the search found. */
  #shift(target: number, source: number): void {
    for (let node = target; node !== source; node = this.#from[node]!) {
      const from = this.#from[node]!;
      const slot = this.#via[node]!;
      if (slot !== NONE) this.#move(slot, node);
      else if (node === this.#hub) {
        this.#blanks[from]! -= 1;
        this.#room[from]! += 1;
      } else {
        this.#blanks[node]! += 1;
        this.#room[node]! -= 1;
      }
    }
  }

  #forgetSearch(): void {
    for (let i = 0; i < this.#touchedCount; i++) {
      const node = this.#touched[i]!;
      this.#distances[node] = Number.POSITIVE_INFINITY;
      this.#settled[node] = 0;
    }
    this.#touchedCount = 0;
    this.#queue.clear();
  }

  #move(slot: number, node: number): void {
    const { stride, depth, nodes, costs } = this.#input;
    const previous = this.#previous[slot]!;
    const next = this.#next[slot]!;
    if (previous === NONE) this.#first[this.owners[slot]!] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#room[this.owners[slot]!]! += 1;
    const end = slot * stride + depth;
    let entry = slot * stride;
    while (entry < end && nodes[entry] !== node) entry++;
    if (entry === end) throw new Error('slot table: a slot went to a node that is no candidate');
    this.#link(slot, node, costs[entry]!);
  }

  #link(slot: number, node: number, cost: number): void {
    const first = this.#first[node]!;
    this.#next[slot] = first;
    this.#previous[slot] = NONE;
    if (first !== NONE) this.#previous[first] = slot;
    this.#first[node] = slot;
    this.owners[slot] = node;
    this.#ownCosts[slot] = cost;
    this.#room[node]! -= 1;
  }
}
