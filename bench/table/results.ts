/** What the benchmark measures and where, as a list of steps; the report, the charts and the verdicts read the results. */
import { describeMachine, type Machine } from '../harness/machine.js';
import { Progress } from '../harness/progress.js';
import { ALGORITHMS, type Algorithm, HALOD } from './algorithms.js';
import { type BalanceFigures, measureBalance, measureWeights } from './balance.js';
import { type ChurnFigures, type ChurnPlacer, frozen, measureChurn, onTheLiving } from './churn.js';
import { type CrashFigures, measureCrashes } from './crashes.js';
import { type JoinLeaveFigures, measureMoves } from './moves.js';
import { measureHash, measureTiming, type TimingFigures } from './timing.js';

interface Setting {
  readonly algorithm: string;
  readonly slots: number;
  readonly nodes: number;
}

export interface TableResults {
  readonly at: string;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly timing: (Setting & TimingFigures)[];
  readonly hash: { readonly names: string; readonly ns: number }[];
  /** The largest max − min of halod over every number of nodes from 1 to 256, by number of slots. */
  readonly spreadTo256: { readonly slots: number; readonly spreadMax: number }[];
  readonly weights: { readonly slots: number; readonly distanceMax: number; readonly memberships: number }[];
  readonly balance: (Setting & BalanceFigures)[];
  readonly moves: (Setting & JoinLeaveFigures & { readonly runs: number })[];
  readonly crashes: (Setting & CrashFigures)[];
  readonly churn: (Setting & ChurnFigures & { readonly events: number })[];
}

/** One measurement: puts what it finds into the results and says it in a few words. */
interface Step {
  readonly label: string;
  readonly run: (results: TableResults) => string;
}

export const SLOTS = [1_024, 4_096, 16_384, 65_536] as const;
export const NODES = [2, 3, 5, 8, 16, 32, 64, 100] as const;
const SLOTS_OF_OTHERS = [1_024, 16_384] as const;
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
const NAMES: readonly (readonly [string, (i: number) => string])[] = [
  ['room:1234', (i) => `room:${i}`],
  ['tenant-7/conversation/…, 40 characters', (i) => `tenant-7/conversation/${String(i).padStart(18, '0')}`],
  ['チャンネル1234', (i) => `チャンネル${i}`],
];

function timingSteps(quick: boolean): Step[] {
  const changes = TIMED.map(([slots, nodes]): Step => {
    const run = ({ timing }: TableResults): string => {
      const figures = measureTiming(slots, nodes, quick ? 15 : nodes >= 1_000 ? 40 : 100);
      timing.push({ algorithm: HALOD.name, slots, nodes, ...figures });
      return `join ${figures.join.medianMs.toFixed(2)} ms`;
    };
    return { label: `time of a change, ${slots} slots, ${nodes} nodes`, run };
  });
  const hashes = NAMES.map(([names, nameOf]): Step => {
    const run = ({ hash }: TableResults): string => {
      const ns = measureHash(nameOf);
      hash.push({ names, ns });
      return `${ns.toFixed(0)} ns`;
    };
    return { label: `slot of ${names}`, run };
  });
  return [...changes, ...hashes];
}

function balanceSteps(quick: boolean): Step[] {
  return SLOTS_OF_OTHERS.map((slots) => {
    const run = ({ spreadTo256, weights }: TableResults): string => {
      let spreadMax = 0;
      for (let nodes = 1; nodes <= 256; nodes += quick ? 15 : 1) {
        spreadMax = Math.max(spreadMax, measureBalance(HALOD, slots, nodes, 1).spreadMax);
      }
      const weighted = measureWeights(slots, quick ? 9 : 90);
      spreadTo256.push({ slots, spreadMax });
      weights.push({ slots, ...weighted });
      return `max − min ${spreadMax}, with weights at most ${weighted.distanceMax.toFixed(3)} from the share`;
    };
    return { label: `balance of 1 to 256 nodes, ${slots} slots`, run };
  });
}

/** Enough runs that the mean of halod's moves is known to about half a per cent of the optimum. */
function runsFor(algorithm: Algorithm, slots: number, nodes: number, quick: boolean): number {
  const full = nodes <= 8 ? 400 : nodes <= 32 ? 300 : 60;
  const runs = slots > 16_384 ? full / 10 : algorithm === HALOD ? full : full / 3;
  return Math.ceil(quick ? runs / 10 : runs);
}

function moveSteps(quick: boolean): Step[] {
  return ALGORITHMS.flatMap((algorithm) =>
    (algorithm === HALOD ? SLOTS : SLOTS_OF_OTHERS).flatMap((slots) =>
      NODES.map((nodes): Step => {
        const setting = { algorithm: algorithm.name, slots, nodes };
        const runs = runsFor(algorithm, slots, nodes, quick);
        const run = ({ balance, moves }: TableResults): string => {
          balance.push({ ...setting, ...measureBalance(algorithm, slots, nodes, Math.ceil(runs / 10)) });
          const figures = measureMoves(algorithm, slots, nodes, runs);
          moves.push({ ...setting, runs, ...figures });
          return `a join moves ${figures.join.timesOptimum.toFixed(3)} × the optimum`;
        };
        return { label: `${algorithm.title}, ${slots} slots, ${nodes} nodes`, run };
      }),
    ),
  );
}

function crashSteps(quick: boolean): Step[] {
  return SLOTS_OF_OTHERS.flatMap((slots) =>
    NODES.map((nodes): Step => {
      const run = ({ crashes }: TableResults): string => {
        const figures = measureCrashes(slots, nodes, quick ? 6 : 60);
        crashes.push({ algorithm: HALOD.name, slots, nodes, ...figures });
        const heirs = (figures.heirShare * 100).toFixed(1);
        return `${figures.movedMin.toFixed(3)} to ${figures.movedMax.toFixed(3)} ×, ${heirs} % to the first copy`;
      };
      return { label: `crashes, ${slots} slots, ${nodes} nodes`, run };
    }),
  );
}

function churnSteps(quick: boolean): Step[] {
  return CHURNED.flatMap(([slots, nodes]) => {
    const placers: [string, () => ChurnPlacer][] = [
      ['halod', () => frozen(slots)],
      ['halod-live', () => onTheLiving(HALOD.placer(slots))],
    ];
    for (const algorithm of ALGORITHMS) {
      if (algorithm !== HALOD) placers.push([algorithm.name, () => onTheLiving(algorithm.placer(slots))]);
    }
    return placers.map(([name, placer]): Step => {
      const run = ({ churn }: TableResults): string => {
        const events = quick ? 40 : 300;
        const figures = measureChurn(placer(), slots, nodes, events, slots + nodes);
        churn.push({ algorithm: name, slots, nodes, events, ...figures });
        return `${figures.timesMinimum.toFixed(3)} × the minimum`;
      };
      return { label: `churn, ${name}, ${slots} slots, ${nodes} nodes`, run };
    });
  });
}

export function measureAll(quick: boolean): TableResults {
  const results: TableResults = {
    at: new Date().toISOString(),
    quick,
    machine: describeMachine(),
    timing: [],
    hash: [],
    spreadTo256: [],
    weights: [],
    balance: [],
    moves: [],
    crashes: [],
    churn: [],
  };
  // Timing comes first, while the heap is small and the compiler has seen nothing else.
  const steps = [timingSteps, balanceSteps, moveSteps, crashSteps, churnSteps].flatMap((stepsOf) => stepsOf(quick));
  const progress = new Progress(steps.length);
  for (const { label, run } of steps) {
    progress.begin(label);
    progress.end(run(results));
  }
  return results;
}
