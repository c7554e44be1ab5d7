/**
 * Which samples are taken: at least 200 of each row for up to 100 nodes. A thousand nodes cost a core four seconds a minute
 * of theirs, so a world of them yields several deaths, each of another node at another time, and other rows have few seeds.
 */
import { measureBootstrap } from './bootstrap.js';
import { measureDeaths } from './deaths.js';
import { type Defect, measureFaulty } from './faulty.js';
import { measurePartition } from './partitions.js';
import type { Results, Sample } from './results.js';
import { measureSpeed } from './speed.js';
import { measureStalls } from './stalls.js';
import { measureTraffic } from './traffic.js';

export const EXPERIMENTS = [
  'killed',
  'silent',
  'traffic',
  'bootstrap',
  'speed',
  'stalls',
  'partition',
  'faulty',
] as const;
export type Experiment = (typeof EXPERIMENTS)[number];

export interface Job {
  readonly experiment: Experiment;
  readonly size: number;
  readonly name: string;
  done(results: Results): boolean;
  run(results: Results): void;
}

const DEATHS_A_WORLD = 10;
const DEFECTS: readonly Defect[] = ['loss', 'ingress-loss', 'flip-flop'];
const MINUTE = 60_000;

/** In the order in which they are worth most: first some of every row, then more seeds of those that cost much. */
export function jobs(quick: boolean): Job[] {
  const few = (seeds: number) => (quick ? Math.ceil(seeds / 20) : seeds);
  const seeds = (count: number, of: (seed: number) => readonly Job[], from = 0): Job[] =>
    Array.from({ length: Math.max(0, few(count) - from) }, (_, i) => of(from + i + 1)).flat();
  const deaths = (size: number) => (seed: number) => [death('killed', size, seed), death('silent', size, seed)];
  const splits = (size: number, lastsMs: number) => (seed: number) =>
    [0.5, 0.1].map((share) => partition(size, seed, share, lastsMs));
  const defects = (size: number, lastsMs: number) => (seed: number) =>
    DEFECTS.map((defect) => faulty(size, seed, defect, lastsMs));
  return [
    // some of every row
    ...[3, 10].flatMap((size) => seeds(200, deaths(size))),
    ...seeds(1, (seed) => [traffic(1_000, seed)]),
    ...seeds(2, deaths(1_000)),
    ...seeds(40, deaths(100)),
    ...seeds(1, (seed) => [bootstrap(1_000, seed), bootstrap(2_000, seed)]),
    ...[3, 10, 100].flatMap((size) => seeds(3, (seed) => [traffic(size, seed)])),
    ...[3, 10, 100].flatMap((size) => seeds(20, (seed) => [bootstrap(size, seed)])),
    ...[3, 10].flatMap((size) => seeds(20, splits(size, 10 * MINUTE))),
    ...seeds(2, splits(100, 10 * MINUTE)),
    ...seeds(1, defects(100, 10 * MINUTE)),
    speed(quick ? 100 : 1_000, quick ? MINUTE : 10 * MINUTE),
    ...seeds(1, defects(1_000, MINUTE)),
    ...stalls(quick),
    // 200 of those that cost little
    ...seeds(200, deaths(100), 40),
    ...[3, 10, 100].flatMap((size) => seeds(200, (seed) => [bootstrap(size, seed)], 20)),
    ...[3, 10].flatMap((size) => seeds(200, splits(size, 10 * MINUTE), 20)),
    ...seeds(200, splits(100, MINUTE)),
    ...seeds(200, defects(100, MINUTE)),
    ...[3, 10, 100].flatMap((size) => seeds(20, (seed) => [traffic(size, seed)], 3)),
    // and more of the rest
    ...(quick ? [] : splits(1_000, MINUTE)(1)),
    ...seeds(20, deaths(1_000), 2),
    ...seeds(5, (seed) => [traffic(1_000, seed), bootstrap(1_000, seed)], 1),
    ...(quick ? [] : splits(1_000, 10 * MINUTE)(1)),
  ];
}

function stalls(quick: boolean): Job[] {
  return (['muffle', 'stall'] as const).flatMap((kind) =>
    (quick ? [8] : [1, 8, 16, 32]).flatMap((stalled) =>
      (quick ? [8_000, 32_000] : [128, 2_000, 8_000, 32_000]).map((stallMs) => stall(kind, stalled, stallMs)),
    ),
  );
}

function sampled(rows: readonly Sample[] | undefined, size: number, seed: number): boolean {
  return (rows ?? []).some((row) => row.size === size && row.seed === seed);
}

function death(kind: 'killed' | 'silent', size: number, seed: number): Job {
  return {
    experiment: kind,
    size,
    name: `${kind} in ${size}, seed ${seed}`,
    done: (results) => sampled(results[kind], size, seed),
    run: (results) => {
      const trials = size >= 1_000 ? DEATHS_A_WORLD : 1;
      const deaths = measureDeaths({ size, seed, trials, silent: kind === 'silent' });
      results[kind] = [...(results[kind] ?? []), ...deaths.map((each) => ({ size, seed, ...each }))];
    },
  };
}

function traffic(size: number, seed: number): Job {
  return {
    experiment: 'traffic',
    size,
    name: `traffic of ${size}, seed ${seed}`,
    done: (results) => sampled(results.traffic, size, seed),
    run: (results) => {
      results.traffic = [...(results.traffic ?? []), { seed, ...measureTraffic(size, seed, MINUTE / 2) }];
    },
  };
}

function bootstrap(size: number, seed: number): Job {
  return {
    experiment: 'bootstrap',
    size,
    name: `bootstrap of ${size}, seed ${seed}`,
    done: (results) => sampled(results.bootstrap, size, seed),
    run: (results) => {
      results.bootstrap = [...(results.bootstrap ?? []), { size, seed, ...measureBootstrap(size, seed) }];
    },
  };
}

function partition(size: number, seed: number, share: number, lastsMs: number): Job {
  return {
    experiment: 'partition',
    size,
    name: `partition of ${size}, ${share}, ${lastsMs / MINUTE} min, seed ${seed}`,
    done: (results) =>
      (results.partition ?? []).some(
        (row) => row.size === size && row.seed === seed && row.share === share && row.lastsMs === lastsMs,
      ),
    run: (results) => {
      const row = { size, seed, share, lastsMs, ...measurePartition(size, seed, share, lastsMs) };
      results.partition = [...(results.partition ?? []), row];
    },
  };
}

function stall(kind: 'stall' | 'muffle', stalled: number, stallMs: number): Job {
  return {
    experiment: 'stalls',
    size: 128,
    name: `${kind} of ${stalled} for ${stallMs} ms`,
    done: (results) =>
      (results.stalls ?? []).some((r) => r.kind === kind && r.stalled === stalled && r.stallMs === stallMs),
    run: (results) => {
      const options = { size: 128, seed: stalled * 7 + 1, stalled, stallMs, lastsMs: MINUTE, kind };
      const full = measureStalls({ ...options, plain: false });
      const plain = measureStalls({ ...options, plain: true });
      results.stalls = [...(results.stalls ?? []), { kind, stalled, stallMs, full, plain }];
    },
  };
}

function faulty(size: number, seed: number, defect: Defect, lastsMs: number): Job {
  return {
    experiment: 'faulty',
    size,
    name: `bad network at 1 % of ${size}, ${defect}, ${lastsMs / MINUTE} min, seed ${seed}`,
    done: (results) =>
      (results.faulty ?? []).some(
        (row) => row.size === size && row.seed === seed && row.defect === defect && row.lastsMs === lastsMs,
      ),
    run: (results) => {
      results.faulty = [...(results.faulty ?? []), { seed, lastsMs, ...measureFaulty(size, seed, defect, lastsMs) }];
    },
  };
}

function speed(size: number, virtualMs: number): Job {
  return {
    experiment: 'speed',
    size,
    name: `speed of ${size} for ${virtualMs / MINUTE} min`,
    done: (results) => results.speed?.size === size,
    run: (results) => {
      results.speed = measureSpeed(size, virtualMs);
    },
  };
}
