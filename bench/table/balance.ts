/** How evenly the slots are shared out. */
import { buildTable } from '../../lib/core/table/table.js';
import { type Algorithm, memberOf } from './algorithms.js';
import { Draw, mean } from './draw.js';

/** Slots of each of the nodes. */
export function loadsOf(owners: Int32Array, nodes: readonly number[]): number[] {
  const loads = new Map(nodes.map((node) => [node, 0]));
  for (const owner of owners) loads.set(owner, loads.get(owner)! + 1);
  return [...loads.values()];
}

export interface BalanceFigures {
  readonly spreadMax: number;
  /** Load of the fullest node ÷ mean: on average over the runs, and the worst. */
  readonly fullest: number;
  readonly fullestWorst: number;
}

export function measureBalance(algorithm: Algorithm, slots: number, count: number, runs: number): BalanceFigures {
  const draw = new Draw(slots + count);
  const spreads: number[] = [];
  const ratios: number[] = [];
  for (let run = 0; run < runs; run++) {
    const nodes = draw.nodes(count);
    const loads = loadsOf(algorithm.placer(slots)(nodes), nodes);
    spreads.push(Math.max(...loads) - Math.min(...loads));
    ratios.push((Math.max(...loads) * count) / slots);
  }
  return { spreadMax: Math.max(...spreads), fullest: mean(ratios), fullestWorst: Math.max(...ratios) };
}

/** The largest distance of a load from its exact share over random weights; below 1 means floor or ceiling. */
export function measureWeights(slots: number, runs: number): { distanceMax: number; memberships: number } {
  const draw = new Draw(slots);
  let distanceMax = 0;
  for (let run = 0; run < runs; run++) {
    const choices = [
      [1, 2, 4],
      [1, 10, 100, 1_000],
      [1, 1, 1, 3],
    ][run % 3]!;
    const members = draw.nodes(1 + draw.below(100)).map((node) => memberOf(node, choices[draw.below(choices.length)]!));
    const table = buildTable({ slots, copies: 3, tolerance: 0 }, members);
    const weights = members.reduce((sum, member) => sum + member.weight, 0);
    for (const [index, { weight }] of table.members.entries()) {
      const load = table.owners.filter((owner) => owner === index).length;
      distanceMax = Math.max(distanceMax, Math.abs(load - (slots * weight) / weights));
    }
  }
  return { distanceMax, memberships: runs };
}
