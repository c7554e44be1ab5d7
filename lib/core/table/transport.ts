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

export interface TransportInput {
  readonly slots: number;
  /** Candidates of slot s: entries s·stride … s·stride+depth−1 of `nodes` and `costs`, cheapest first. */
  readonly stride: number;
  readonly depth: number;
  readonly nodes: Int16Array;
  readonly costs: Float64Array;
  /** Bounds of each node's load; together they admit a full assignment. */
  readonly low: Int32Array;
  readonly high: Int32Array;
}

export interface Assignment {
  readonly owners: Int16Array;
  readonly prices: Float64Array;
}

/**
 * The optimum over all nodes, or undefined where the candidates given do not suffice to find it or to prove it: then
 * the caller asks again with deeper lists.
 */
export function transport(input: TransportInput): Assignment | undefined {
  const solver = new Solver(input);
  if (!solver.pushExcess() || !solver.fillDeficits() || !solver.provesOptimal()) return undefined;
  return { owners: solver.owners, prices: solver.prices };
}

const NONE = -1;

class Solver {
  readonly owners: Int16Array;
  readonly prices: Float64Array;
  readonly #input: TransportInput;
  readonly #nodeCount: number;
  readonly #loads: Int32Array;
  readonly #ownCosts: Float64Array;
  // The slots of a node are a doubly linked list.
  readonly #first: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  // One search: distances, the slot through which a node was reached, the node before it, and what to reset afterwards.
  readonly #distances: Float64Array;
  readonly #via: Int32Array;
  readonly #beyond: Int32Array;
  readonly #settled: Uint8Array;
  readonly #touched: Int32Array;
  #touchedCount = 0;
  readonly #queue = new NodeQueue();

  constructor(input: TransportInput) {
    const { slots, stride, nodes, costs } = input;
    const nodeCount = input.low.length;
    this.#input = input;
    this.#nodeCount = nodeCount;
    this.owners = new Int16Array(slots);
    this.prices = new Float64Array(nodeCount);
    this.#loads = new Int32Array(nodeCount);
    this.#ownCosts = new Float64Array(slots);
    this.#first = new Int32Array(nodeCount).fill(NONE);
    this.#next = new Int32Array(slots);
    this.#previous = new Int32Array(slots);
    this.#distances = new Float64Array(nodeCount).fill(Number.POSITIVE_INFINITY);
    this.#via = new Int32Array(nodeCount);
    this.#beyond = new Int32Array(nodeCount);
    this.#settled = new Uint8Array(nodeCount);
    this.#touched = new Int32Array(nodeCount);
    for (let slot = slots - 1; slot >= 0; slot--) this.#link(slot, nodes[slot * stride]!, costs[slot * stride]!);
  }

  /** Stage 1: nodes above their upper bound push slots, along the cheapest chain, to a node that has room. */
  pushExcess(): boolean {
    const { high } = this.#input;
    for (let node = 0; node < this.#nodeCount; node++) {
      while (this.#loads[node]! > high[node]!) {
        const target = this.#searchRoom(node);
        if (target === NONE) return false;
        const reach = this.#distances[target]!;
        for (let i = 0; i < this.#touchedCount; i++) {
          const near = this.#touched[i]!;
          if (this.#distances[near]! < reach) this.prices[near]! += reach - this.#distances[near]!;
        }
        this.#moveBack(target, node);
        this.#forgetSearch();
      }
    }
    return true;
  }

  /** Stage 2: nodes below their lower bound draw slots from nodes that can spare one. */
  fillDeficits(): boolean {
    const { low } = this.#input;
    let holders: Holders | undefined;
    for (let node = 0; node < this.#nodeCount; node++) {
      while (this.#loads[node]! < low[node]!) {
        holders ??= invert(this.#input, this.#nodeCount);
        const { giver, reach } = this.#searchSpare(node, holders);
        if (giver === NONE) return false;
        for (let i = 0; i < this.#touchedCount; i++) {
          const near = this.#touched[i]!;
          if (this.#distances[near]! < reach) this.prices[near]! -= reach - this.#distances[near]!;
        }
        this.#moveOn(giver, node);
        this.#forgetSearch();
      }
    }
    return true;
  }

  /** Nodes that are in no candidate list of a slot cost at least as much as its last candidate. */
  provesOptimal(): boolean {
    const { slots, stride, depth, costs } = this.#input;
    if (depth >= this.#nodeCount) return true;
    let lowest = Number.POSITIVE_INFINITY;
    for (const price of this.prices) lowest = Math.min(lowest, price);
    for (let slot = 0; slot < slots; slot++) {
      if (this.#ownCosts[slot]! + this.prices[this.owners[slot]!]! > costs[slot * stride + depth - 1]! + lowest)
        return false;
    }
    return true;
  }

  /** Dijkstra from an overloaded node to the nearest one with room. Prices are never negative here. */
  #searchRoom(source: number): number {
    const { stride, depth, nodes, costs, high } = this.#input;
    const { prices } = this;
    const distances = this.#distances;
    const settled = this.#settled;
    const loads = this.#loads;
    const ownCosts = this.#ownCosts;
    let bound = Number.POSITIVE_INFINITY;
    this.#reach(source, 0, NONE);
    for (let node = this.#queue.pop(); node !== NONE; node = this.#queue.pop()) {
      if (settled[node] === 1) continue;
      settled[node] = 1;
      if (loads[node]! < high[node]!) return node;
      const base = distances[node]! - prices[node]!;
      for (let slot = this.#first[node]!; slot !== NONE; slot = this.#next[slot]!) {
        const left = base - ownCosts[slot]!;
        const end = slot * stride + depth;
        for (let entry = slot * stride; entry < end; entry++) {
          const cost = left + costs[entry]!;
          // Costs ascend and prices are not negative: nothing further in this list can be nearer.
          if (cost >= bound) break;
          const other = nodes[entry]!;
          const distance = cost + prices[other]!;
          if (distance >= distances[other]!) continue;
          this.#reach(other, distance, slot);
          if (loads[other]! < high[other]! && distance < bound) bound = distance;
        }
      }
    }
    return NONE;
  }

  /** Dijkstra backwards from a node with too little to the one that gives most cheaply. */
  #searchSpare(target: number, holders: Holders): { giver: number; reach: number } {
    const { stride, costs, low } = this.#input;
    const { prices, owners } = this;
    const distances = this.#distances;
    const settled = this.#settled;
    let giver = NONE;
    let reach = Number.POSITIVE_INFINITY;
    this.#reach(target, 0, NONE);
    for (let node = this.#queue.pop(); node !== NONE; node = this.#queue.pop()) {
      if (settled[node] === 1) continue;
      settled[node] = 1;
      const base = distances[node]! + prices[node]!;
      if (distances[node]! >= reach) break;
      const end = holders.starts[node + 1]!;
      for (let i = holders.starts[node]!; i < end; i++) {
        const entry = holders.entries[i]!;
        const slot = Math.floor(entry / stride);
        const other = owners[slot]!;
        const distance = base + costs[entry]! - this.#ownCosts[slot]! - prices[other]!;
        if (distance >= distances[other]! || distance >= reach) continue;
        this.#reach(other, distance, slot);
        this.#beyond[other] = node;
        if (this.#loads[other]! > low[other]! && distance + prices[other]! < reach) {
          reach = distance + prices[other]!;
          giver = other;
        }
      }
    }
    return { giver, reach };
  }

  #reach(node: number, distance: number, via: number): void {
    if (this.#distances[node] === Number.POSITIVE_INFINITY) this.#touched[this.#touchedCount++] = node;
    this.#distances[node] = distance;
    this.#via[node] = via;
    this.#queue.push(node, distance);
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

  /** After a forward search, `via` holds the slot that each node takes over from its predecessor. */
  #moveBack(target: number, source: number): void {
    let node = target;
    while (node !== source) {
      const slot = this.#via[node]!;
      const giver = this.owners[slot]!;
      this.#move(slot, node);
      node = giver;
    }
  }

  /** After a backward search, `via` holds the slot that each node hands on, and `beyond` to whom. */
  #moveOn(giver: number, target: number): void {
    let node = giver;
    while (node !== target) {
      const taker = this.#beyond[node]!;
      this.#move(this.#via[node]!, taker);
      node = taker;
    }
  }

  #move(slot: number, node: number): void {
    const { stride, depth, nodes, costs } = this.#input;
    const previous = this.#previous[slot]!;
    const next = this.#next[slot]!;
    if (previous === NONE) this.#first[this.owners[slot]!] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#loads[this.owners[slot]!]! -= 1;
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
    this.#loads[node]! += 1;
  }
}

/** For each node, the candidate entries that name it: entries[starts[node]] … entries[starts[node + 1] − 1]. */
interface Holders {
  readonly starts: Int32Array;
  readonly entries: Int32Array;
}

function invert(input: TransportInput, nodeCount: number): Holders {
  const { slots, stride, depth, nodes } = input;
  const starts = new Int32Array(nodeCount + 1);
  for (let slot = 0; slot < slots; slot++) {
    for (let entry = slot * stride; entry < slot * stride + depth; entry++) starts[nodes[entry]! + 1]! += 1;
  }
  for (let node = 0; node < nodeCount; node++) starts[node + 1]! += starts[node]!;
  const filled = starts.slice(0, nodeCount);
  const entries = new Int32Array(slots * depth);
  for (let slot = 0; slot < slots; slot++) {
    for (let entry = slot * stride; entry < slot * stride + depth; entry++) {
      const node = nodes[entry]!;
      entries[filled[node]!] = entry;
      filled[node]! += 1;
    }
  }
  return { starts, entries };
}

/** A binary heap of (distance, node); equal distances come out in node order, so that a search has one outcome. */
class NodeQueue {
  readonly #nodes: number[] = [];
  readonly #distances: number[] = [];

  clear(): void {
    this.#nodes.length = 0;
    this.#distances.length = 0;
  }

  push(node: number, distance: number): void {
    const nodes = this.#nodes;
    const distances = this.#distances;
    let at = nodes.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(distance, node, distances[above]!, nodes[above]!)) break;
      nodes[at] = nodes[above]!;
      distances[at] = distances[above]!;
      at = above;
    }
    nodes[at] = node;
    distances[at] = distance;
  }

  /** The nearest node, or −1 when the queue is empty. */
  pop(): number {
    const nodes = this.#nodes;
    const distances = this.#distances;
    const top = nodes[0];
    if (top === undefined) return NONE;
    const node = nodes.pop()!;
    const distance = distances.pop()!;
    const size = nodes.length;
    if (size === 0) return top;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= size) break;
      if (below + 1 < size && isBefore(distances[below + 1]!, nodes[below + 1]!, distances[below]!, nodes[below]!))
        below++;
      if (!isBefore(distances[below]!, nodes[below]!, distance, node)) break;
      nodes[at] = nodes[below]!;
      distances[at] = distances[below]!;
      at = below;
    }
    nodes[at] = node;
    distances[at] = distance;
    return top;
  }
}

function isBefore(distanceA: number, nodeA: number, distanceB: number, nodeB: number): boolean {
  return distanceA < distanceB || (distanceA === distanceB && nodeA < nodeB);
}
