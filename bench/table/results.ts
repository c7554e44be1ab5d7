/** Runs every measurement in turn and keeps what it found; the report, the charts and the verdicts read from here. */
import { describeMachine, type Machine } from '../harness/machine.js';
import { Progress } from '../harness/progress.js';
import { ALGORITHMS, HALOD } from './algorithms.js';
import { type BalanceFigures, measureBalance, measureWeights } from './balance.js';
import { type ChurnFigures, frozen, measureChurn, onTheLiving } from './churn.js';
import { type CrashFigures, measureCrashes } from './crashes.js';
import { type JoinLeaveFigures, measureMoves } from './moves.js';
import { measureHash, measureTiming, type TimingFigures } from './timing.js';

interface Place {
  readonly algorithm: string;
  readonly slots: number;
  readonly nodes: number;
}

export interface TableResults {
  readonly at: string;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly balance: readonly (Place & BalanceFigures)[];
  /** The largest max − min of halod over every number of nodes from 1 to 256, by number of slots. */
  readonly spreadTo256: readonly { readonly slots: number; readonly spreadMax: number }[];
  readonly weights: readonly { readonly slots: number; readonly distanceMax: number; readonly memberships: number }[];
  readonly moves: readonly (Place & JoinLeaveFigures & { readonly runs: number })[];
  readonly crashes: readonly (Place & CrashFigures)[];
  readonly churn: readonly (Place & ChurnFigures & { readonly events: number })[];
  readonly timing: readonly (Place & TimingFigures)[];
  readonly hash: readonly { readonly names: string; readonly ns: number }[];
}

export const SLOTS = [1_024, 4_096, 16_384, 65_536] as const;
export const NODES = [2, 3, 5, 8, 16, 32, 64, 100] as const;
const TIMED = [
  [1_024, 10],
  [1_024, 100],
  [4_096, 100],
  [16_384, 3],
  [16_384, 10],
  [16_384, 32],
  [16_384, 100],
  [16_384, 1_000],
  [65_536, 100],
] as const;
const CHURNED = [
  [1_024, 5],
  [1_024, 10],
  [4_096, 10],
  [16_384, 10],
  [16_384, 32],
] as const;

/** How often each thing is measured: enough that the mean of the moves is known to about half a percent of the optimum. */
function runsFor(slots: number, nodes: number, quick: boolean): number {
  const full = nodes <= 8 ? 400 : nodes <= 32 ? 300 : 60;
  const runs = slots > 16_384 ? full / 5 : full;
  return Math.ceil(quick ? runs / 10 : runs);
}

export function measureAll(quick: boolean): TableResults {
  const steps: { label: string; run: () => string }[] = [];
  const balance: TableResults['balance'][number][] = [];
  const spreadTo256: TableResults['spreadTo256'][number][] = [];
  const weights: TableResults['weights'][number][] = [];
  const moves: TableResults['moves'][number][] = [];
  const crashes: TableResults['crashes'][number][] = [];
  const churn: TableResults['churn'][number][] = [];
  const timing: TableResults['timing'][number][] = [];
  const hash: TableResults['hash'][number][] = [];

  // Timing comes first, while the heap is small and the compiler has seen nothing else.
  for (const [slots, nodes] of TIMED) {
    const label = `time of a change, ${slots} slots, ${nodes} nodes`;
    const run = (): string => {
      const figures = measureTiming(slots, nodes, quick ? 15 : nodes >= 1_000 ? 40 : 100);
      timing.push({ algorithm: HALOD.name, slots, nodes, ...figures });
      return `join ${figures.join.medianMs.toFixed(2)} ms`;
    };
    steps.push({ label, run });
  }
  for (const [names, nameOf] of [
    ['room:1234', (i: number) => `room:${i}`],
    ['tenant-7/conversation/…, 40 characters', (i: number) => `tenant-7/conversation/${String(i).padStart(18, '0')}`],
    ['チャンネル1234', (i: number) => `チャンネル${i}`],
  ] as const) {
    const run = (): string => {
      hash.push({ names, ns: measureHash(nameOf) });
      return `${hash.at(-1)!.ns.toFixed(0)} ns`;
    };
    steps.push({ label: `slot of ${names}`, run });
  }
  for (const slots of [1_024, 16_384]) {
    const run = (): string => {
      let spreadMax = 0;
      for (let nodes = 1; nodes <= 256; nodes += quick ? 15 : 1) {
        spreadMax = Math.max(spreadMax, measureBalance(HALOD, slots, nodes, 1).spreadMax);
      }
      spreadTo256.push({ slots, spreadMax });
      weights.push({ slots, ...measureWeights(slots, quick ? 9 : 90) });
      return `max − min ${spreadMax}, with weights at most ${weights.at(-1)!.distanceMax.toFixed(3)} from the share`;
    };
    steps.push({ label: `balance of 1 to 256 nodes, ${slots} slots`, run });
  }
  for (const algorithm of ALGORITHMS) {
    for (const slots of algorithm === HALOD ? SLOTS : ([1_024, 16_384] as const)) {
      for (const nodes of NODES) {
        const run = (): string => {
          const runs = runsFor(slots, nodes, quick);
          balance.push({
            algorithm: algorithm.name,
            slots,
            nodes,
            ...measureBalance(algorithm, slots, nodes, Math.ceil(runs / 10)),
          });
          const figures = measureMoves(algorithm, slots, nodes, runs);
          moves.push({ algorithm: algorithm.name, slots, nodes, runs, ...figures });
          return `a join moves ${figures.join.timesOptimum.toFixed(3)} × the optimum`;
        };
        steps.push({ label: `${algorithm.title}, ${slots} slots, ${nodes} nodes`, run });
      }
    }
  }
  for (const slots of [1_024, 16_384]) {
    for (const nodes of NODES) {
      const run = (): string => {
        const figures = measureCrashes(slots, nodes, quick ? 6 : 60);
        crashes.push({ algorithm: HALOD.name, slots, nodes, ...figures });
        return `${figures.movedMin.toFixed(3)} to ${figures.movedMax.toFixed(3)} ×, heirs ${(figures.heirShare * 100).toFixed(1)} %`;
      };
      steps.push({ label: `crashes, ${slots} slots, ${nodes} nodes`, run });
    }
  }
  for (const [slots, nodes] of CHURNED) {
    const placers = [
      { name: 'halod', placer: () => frozen(slots) },
      { name: 'halod-live', placer: () => onTheLiving(HALOD.placer(slots)) },
      ...ALGORITHMS.filter((a) => a !== HALOD).map((a) => ({
        name: a.name,
        placer: () => onTheLiving(a.placer(slots)),
      })),
    ];
    for (const { name, placer } of placers) {
      const run = (): string => {
        const events = quick ? 40 : 300;
        const figures = measureChurn(placer(), slots, nodes, events, slots + nodes);
        churn.push({ algorithm: name, slots, nodes, events, ...figures });
        return `${figures.timesMinimum.toFixed(3)} × the minimum`;
      };
      steps.push({ label: `churn, ${name}, ${slots} slots, ${nodes} nodes`, run });
    }
  }

  const progress = new Progress(steps.length);
  for (const { label, run } of steps) {
    progress.begin(label);
    progress.end(run());
  }
  const at = new Date().toISOString();
  return { at, quick, machine: describeMachine(), balance, spreadTo256, weights, moves, crashes, churn, timing, hash };
}
