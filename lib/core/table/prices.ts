/** Prices to start the transport from, found by trial: raise what draws too many slots, lower what draws too few. */
import type { LoadBounds, TransportInput } from './assignment.js';

const ROUNDS_MAX = 10;

/** The candidate with the least cost + price; the first of equals. Prices are not negative. */
export function cheapestEntry(
  { stride, depth, nodes, costs }: TransportInput,
  prices: Float64Array,
  slot: number,
): number {
  const start = slot * stride;
  let best = start;
  let bestValue = costs[start]! + prices[nodes[start]!]!;
  for (let entry = start + 1; entry < start + depth; entry++) {
    if (costs[entry]! >= bestValue) break;
    const value = costs[entry]! + prices[nodes[entry]!]!;
    if (value >= bestValue) continue;
    best = entry;
    bestValue = value;
  }
  return best;
}

/**
 * Prices that nearly balance the loads. Any prices would do as a start; good ones leave few pushes, and short ones
 * (16,384 slots, 1,000 nodes: 150 ms of search from prices of zero, 17 ms from these). Each round moves each price by what should win or lose just the slots that are wrong: near the optimum
 * the cheapest offer for a slot leads the next by 1/(sum of weights) on average.
 */
export function tunedPrices(input: TransportInput): Float64Array {
  const { slots, nodes, bounds } = input;
  const nodeCount = bounds.low.length;
  const prices = new Float64Array(nodeCount);
  const loads = new Int32Array(nodeCount);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    loads.fill(0);
    for (let slot = 0; slot < slots; slot++) loads[nodes[cheapestEntry(input, prices, slot)]!]! += 1;
    if (misplaced(loads, bounds) <= 2 + nodeCount / 32) break;
    const damping = 1.5 / (round + 2);
    let lowest = Number.POSITIVE_INFINITY;
    for (let node = 0; node < nodeCount; node++) {
      const load = loads[node]!;
      const wished = Math.min(Math.max(load, bounds.wishedLow[node]!), bounds.wishedHigh[node]!);
      prices[node] = Math.floor(prices[node]! + (load - wished) * bounds.priceSteps[node]! * damping);
      lowest = Math.min(lowest, prices[node]!);
    }
    for (let node = 0; node < nodeCount; node++) prices[node]! -= lowest;
  }
  return prices;
}

function misplaced(loads: Int32Array, { low, high }: LoadBounds): number {
  return loads.reduce((sum, load, node) => sum + Math.max(0, load - high[node]!, low[node]! - load), 0);
}
