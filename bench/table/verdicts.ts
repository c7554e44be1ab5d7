/** The aims for the table, each with what was measured and whether that meets it. */

import { DEFAULT_SLOTS } from '../../lib/core/table/types.js';
import { HALOD } from './algorithms.js';
import type { TableResults } from './results.js';

const DEFAULT = `${DEFAULT_SLOTS.toLocaleString('en-US')} slots (the default)`;

export interface Verdict {
  readonly what: string;
  readonly aim: string;
  readonly measured: string;
  readonly met: boolean;
}

function greatest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
}

/** Superfluous moves of the worse of join and leave, in √slots, the greatest over all sizes up to `nodesMax`. */
function extraInRoots(results: TableResults, nodesMax: number): number {
  const rows = results.moves.filter((row) => row.algorithm === HALOD.name && row.nodes <= nodesMax);
  return greatest(rows.map((row) => Math.max(row.join.superfluous, row.leave.superfluous) / Math.sqrt(row.slots)));
}

function joinTimesOptimum(results: TableResults, nodesMax: number): number {
  const rows = results.moves.filter(
    (row) => row.algorithm === HALOD.name && row.slots === DEFAULT_SLOTS && row.nodes <= nodesMax,
  );
  return greatest(rows.map((row) => row.join.timesOptimum));
}

function atMost(what: string, limit: number, value: number, unit: string, digits: number): Verdict {
  return { what, aim: `≤ ${limit}${unit}`, measured: `${value.toFixed(digits)}${unit}`, met: value <= limit };
}

/** The slowest kind of change, by median. */
function changeMs(results: TableResults, slots: number, nodes: number): number {
  const {
    join,
    leave,
    crash,
    return: back,
  } = results.timing.find((row) => row.slots === slots && row.nodes === nodes)!;
  return greatest([join, leave, crash, back].map((duration) => duration.medianMs));
}

export function verdictsOf(results: TableResults): Verdict[] {
  const { crashes } = results;
  const heirs = Math.min(...crashes.map((row) => row.heirShare));
  const movedMin = Math.min(...crashes.map((row) => row.movedMin));
  const movedMax = greatest(crashes.map((row) => row.movedMax));
  const returns = crashes.reduce((sum, row) => sum + row.returnsDiffering, 0);
  const churned = results.churn.find(
    (row) => row.algorithm === 'halod' && row.nodes === 10 && row.slots === DEFAULT_SLOTS,
  );
  const count = crashes.reduce((sum, row) => sum + row.crashes, 0);
  return [
    atMost(
      'max − min load, equal weights, every N ≤ 256',
      1,
      greatest(results.spreadTo256.map((row) => row.spreadMax)),
      '',
      0,
    ),
    {
      what: 'weights: distance of a load from its exact share',
      aim: '< 1 (floor or ceiling)',
      measured: greatest(results.weights.map((row) => row.distanceMax)).toFixed(4),
      met: results.weights.every((row) => row.distanceMax < 1),
    },
    atMost('extra moves a join or leave, N ≤ 8, any number of slots', 0.45, extraInRoots(results, 8), ' √S', 3),
    atMost('extra moves a join or leave, N ≤ 32, any number of slots', 0.75, extraInRoots(results, 32), ' √S', 3),
    atMost(`join ÷ optimum, N ≤ 8, ${DEFAULT}`, 1.05, joinTimesOptimum(results, 8), ' ×', 3),
    atMost(`join ÷ optimum, N ≤ 32, ${DEFAULT}`, 1.15, joinTimesOptimum(results, 32), ' ×', 3),
    {
      what: `crash: moved slots ÷ slots of the dead node (${count} crashes)`,
      aim: 'exactly 1',
      measured: `${movedMin.toFixed(3)} to ${movedMax.toFixed(3)} ×`,
      met: movedMin === 1 && movedMax === 1,
    },
    {
      what: 'crash: the heir is the first copy',
      aim: '100 %',
      measured: `${(heirs * 100).toFixed(2)} %`,
      met: heirs === 1,
    },
    {
      what: 'return: tables that differ from the one before the crash',
      aim: '0',
      measured: `${returns}`,
      met: returns === 0,
    },
    atMost(
      `churn, 70 % restarts, N = 10, ${DEFAULT}: moved ÷ minimum`,
      1.02,
      churned?.timesMinimum ?? Number.NaN,
      ' ×',
      3,
    ),
    atMost('a change of 1,024 slots × 100 nodes', 3, changeMs(results, 1_024, 100), ' ms', 2),
    atMost('a change of 16,384 slots × 1,000 nodes', 60, changeMs(results, 16_384, 1_000), ' ms', 1),
  ];
}
