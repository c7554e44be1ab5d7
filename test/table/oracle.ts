/**
 * A slow and obvious table to hold the fast one against: scores as the specification words them, over all nodes and
 * not only the cheapest, and the optimum found by another method: start anywhere within the bounds and cancel cycles
 * of negative cost until there is none, which is the definition of a minimum-cost assignment.
 */
import { hash32, mix32 } from '../../lib/core/table/hash.js';

export interface OracleNode {
  readonly id: string;
  readonly weight: number;
}

/** costs[slot][node], from the formulas in scores.ts, one cell at a time. */
export function denseCosts(slots: number, nodes: readonly OracleNode[]): number[][] {
  const bits = Math.round(Math.log2(slots));
  const shift = Math.floor((bits + 1) / 2);
  const strata = [0];
  for (let k = 0; k < slots; k++) strata.push(strata[k]! + 1 / (slots - k));
  const wrap = (value: number): number => Number(BigInt.asIntN(32, BigInt(value)));
  const times = (a: number, b: number): number => Number(BigInt.asIntN(32, BigInt(a) * BigInt(b)));
  const cost = ({ id, weight }: OracleNode, slot: number): number => {
    const golden = 0x9e3779b9;
    const word = (j: number): number =>
      mix32(wrap(wrap(hash32(id, 1)) + times(j, golden))) ^ mix32(wrap(wrap(hash32(id, 2)) - times(j, golden)));
    let x = slot;
    for (let round = 0; round < 4; round++) {
      x = ((times(x ^ word(2 * round + 1), word(2 * round + 2) | 1) % slots) + slots) % slots;
      x ^= Math.floor(x / 2 ** shift);
    }
    const fraction = Math.floor((mix32(word(9) ^ times(slot + 1, golden)) >>> 0) / 256) / 2 ** 24;
    const score = strata[x]! + fraction * (strata[x + 1]! - strata[x]!);
    return Math.floor((score * 2 ** 40) / weight);
  };
  return Array.from({ length: slots }, (_, slot) => nodes.map((node) => cost(node, slot)));
}

/** The owner of each slot, as an index into `nodes`. */
export function optimalOwners(slots: number, nodes: readonly OracleNode[], tolerance = 0): number[] {
  const costs = denseCosts(slots, nodes);
  const total = nodes.reduce((sum, node) => sum + node.weight, 0);
  const low = nodes.map(({ weight }) => Math.floor(((slots * weight) / total) * (1 - tolerance)));
  const high = nodes.map(({ weight }) => Math.ceil(((slots * weight) / total) * (1 + tolerance)));
  const owners = someAssignment(costs, low, high);
  while (cancelCycle(costs, owners, low, high));
  return owners;
}

/** Cheapest pairs first, within the upper bounds; the slots that lower bounds still need are handed over at the end. */
function someAssignment(costs: number[][], low: readonly number[], high: readonly number[]): number[] {
  const pairs = costs.flatMap((row, slot) => row.map((cost, node) => ({ cost, slot, node })));
  pairs.sort((a, b) => a.cost - b.cost);
  const owners = costs.map(() => -1);
  const loads = high.map(() => 0);
  for (const { slot, node } of pairs) {
    if (owners[slot] !== -1 || loads[node]! >= high[node]!) continue;
    owners[slot] = node;
    loads[node]!++;
  }
  for (const [node, least] of low.entries()) {
    for (let slot = 0; loads[node]! < least; slot++) {
      const owner = owners[slot]!;
      if (loads[owner]! <= low[owner]!) continue;
      owners[slot] = node;
      loads[owner]!--;
      loads[node]!++;
    }
  }
  return owners;
}

/**
 * Nodes are vertices, and so is a pool. An edge u → v moves the slot of u that is cheapest to move to v; node → pool
 * and pool → node let a load rise or fall where its bounds allow. Bellman-Ford finds a cycle that saves something.
 */
function cancelCycle(costs: number[][], owners: number[], low: readonly number[], high: readonly number[]): boolean {
  const count = low.length;
  const pool = count;
  const loads = low.map(() => 0);
  for (const owner of owners) loads[owner]!++;
  const weight = Array.from({ length: count + 1 }, () => new Array<number>(count + 1).fill(Number.POSITIVE_INFINITY));
  const slotOf = Array.from({ length: count + 1 }, () => new Array<number>(count + 1).fill(-1));
  for (const [slot, owner] of owners.entries()) {
    const row = costs[slot]!;
    for (let node = 0; node < count; node++) {
      const change = row[node]! - row[owner]!;
      if (node === owner || change >= weight[owner]![node]!) continue;
      weight[owner]![node] = change;
      slotOf[owner]![node] = slot;
    }
  }
  for (let node = 0; node < count; node++) {
    if (loads[node]! < high[node]!) weight[node]![pool] = 0;
    if (loads[node]! > low[node]!) weight[pool]![node] = 0;
  }
  const distance = new Array<number>(count + 1).fill(0);
  const before = new Array<number>(count + 1).fill(-1);
  // Whoever goes back along `before` further than there are vertices is in a cycle, and such a cycle saves something.
  let vertex = -1;
  while (vertex === -1) {
    let changed = -1;
    for (let u = 0; u <= count; u++) {
      for (let v = 0; v <= count; v++) {
        if (distance[u]! + weight[u]![v]! >= distance[v]!) continue;
        distance[v] = distance[u]! + weight[u]![v]!;
        before[v] = u;
        changed = v;
      }
    }
    if (changed === -1) return false;
    vertex = changed;
    for (let i = 0; i <= count && vertex !== -1; i++) vertex = before[vertex]!;
  }
  const start = vertex;
  do {
    const from = before[vertex]!;
    const slot = slotOf[from]![vertex]!;
    if (slot !== -1) owners[slot] = vertex;
    vertex = from;
  } while (vertex !== start);
  return true;
}
