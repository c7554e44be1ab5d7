/** What a join and a planned leave move, and how much of that between nodes that neither came nor went. */
import { percentile } from '../harness/stats.js';
import type { Algorithm } from './algorithms.js';
import { Draw, mean } from './draw.js';

export interface MoveFigures {
  /** Slots that moved ÷ the newcomer's or the leaver's share. */
  readonly timesOptimum: number;
  /** Slots that moved between two nodes that stayed. */
  readonly superfluous: number;
  readonly superfluousP99: number;
}

export interface JoinLeaveFigures {
  readonly join: MoveFigures;
  readonly leave: MoveFigures;
}

function movesBetween(before: Int32Array, after: Int32Array, changed: number): { moved: number; superfluous: number } {
  let moved = 0;
  let superfluous = 0;
  for (let slot = 0; slot < before.length; slot++) {
    if (before[slot] === after[slot]) continue;
    moved++;
    if (before[slot] !== changed && after[slot] !== changed) superfluous++;
  }
  return { moved, superfluous };
}

export function without(nodes: readonly number[], index: number): number[] {
  // The last node takes the free place: what a keeper of jump hash's numbering would do.
  const rest = [...nodes];
  rest[index] = rest.at(-1)!;
  rest.pop();
  return rest;
}

function movesOf(samples: { moved: number; superfluous: number }[], optimum: number): MoveFigures {
  const superfluous = samples.map((sample) => sample.superfluous).sort((a, b) => a - b);
  return {
    timesOptimum: mean(samples.map((sample) => sample.moved)) / optimum,
    superfluous: mean(superfluous),
    superfluousP99: percentile(superfluous, 0.99),
  };
}

/** From `count` nodes to one more, and from `count` nodes to one less. */
export function measureMoves(algorithm: Algorithm, slots: number, count: number, runs: number): JoinLeaveFigures {
  const draw = new Draw(slots * 7 + count);
  const joins: { moved: number; superfluous: number }[] = [];
  const leaves: { moved: number; superfluous: number }[] = [];
  for (let run = 0; run < runs; run++) {
    const place = algorithm.placer(slots);
    const [newcomer, ...nodes] = draw.nodes(count + 1) as [number, ...number[]];
    const before = place(nodes);
    joins.push(movesBetween(before, place([...nodes, newcomer]), newcomer));
    const index = draw.below(count);
    if (count > 1) leaves.push(movesBetween(before, place(without(nodes, index)), nodes[index]!));
  }
  return { join: movesOf(joins, slots / (count + 1)), leave: movesOf(leaves, slots / count) };
}
