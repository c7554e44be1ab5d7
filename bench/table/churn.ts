/** A long trace of restarts, joins and leaves, and how far beyond the least possible each algorithm moves. */
import { ScoreCache } from '../../lib/core/table/layout.js';
import { buildTable } from '../../lib/core/table/table.js';
import { memberOf, type Place } from './algorithms.js';
import { loadsOf } from './balance.js';
import { Draw, mean } from './draw.js';
import { without } from './moves.js';

export interface ChurnFigures {
  /** Slots moved over the trace ÷ the shares of the nodes that came or went. */
  readonly timesMinimum: number;
  readonly fullest: number;
  readonly fullestWorst: number;
}

/**
 * 70 % of the events are restarts (crash, then return), 15 % new nodes, 15 % planned leaves; the cluster stays within
 * three nodes of its first size, so that the figure belongs to that size.
 */
export function measureChurn(
  place: ChurnPlacer,
  slots: number,
  start: number,
  events: number,
  seed: number,
): ChurnFigures {
  const draw = new Draw(seed);
  const fullest: number[] = [];
  let nodes = draw.nodes(start);
  let moved = 0;
  let minimum = 0;
  let owners = place(nodes, undefined);
  const change = (next: number[], dead: number | undefined, share: number): void => {
    const after = place(next, dead);
    for (let slot = 0; slot < slots; slot++) if (owners[slot] !== after[slot]) moved++;
    minimum += share;
    owners = after;
    const living = next.filter((node) => node !== dead);
    fullest.push((Math.max(...loadsOf(owners, living)) * living.length) / slots);
  };
  for (let event = 0; event < events; event++) {
    const kind = draw.below(100);
    const index = draw.below(nodes.length);
    if (kind < 70) {
      change(nodes, nodes[index]!, slots / nodes.length);
      change(nodes, undefined, slots / nodes.length);
    } else if (nodes.length <= start - 3 || (kind < 85 && nodes.length < start + 3)) {
      nodes = [...nodes, draw.below(2 ** 30)];
      change(nodes, undefined, slots / nodes.length);
    } else {
      nodes = without(nodes, index);
      change(nodes, undefined, slots / (nodes.length + 1));
    }
  }
  return { timesMinimum: moved / minimum, fullest: mean(fullest), fullestWorst: Math.max(...fullest) };
}

/** Owners by slot when `dead`, one of the nodes, does not live. */
export type ChurnPlacer = (nodes: readonly number[], dead: number | undefined) => Int32Array;

/** Recomputes over those who live, as every algorithm without frozen failover must. */
export function onTheLiving(place: Place): ChurnPlacer {
  return (nodes, dead) => {
    const index = dead === undefined ? -1 : nodes.indexOf(dead);
    return place(index === -1 ? nodes : without(nodes, index));
  };
}

/** Halod: a dead node keeps its place in the order. */
export function frozen(slots: number): ChurnPlacer {
  const cache = new ScoreCache();
  return (nodes, dead) => {
    const members = nodes.map((node) => ({ ...memberOf(node), live: node !== dead }));
    const table = buildTable({ slots, copies: 3, tolerance: 0 }, members, cache);
    const numbers = new Map(members.map((member, i) => [member.id, nodes[i]!]));
    return Int32Array.from(table.owners, (owner) => numbers.get(table.members[owner]!.id)!);
  };
}
