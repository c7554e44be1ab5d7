/**
 * Which samples are taken: 200 seeds of each row, in the order in which they are worth most. A thousand nodes cost a core
 * some seconds to make and four a minute of theirs, and tens where much goes wrong; so the rows of large worlds and of stalls
 * grow together, and are as long as the time that was given. Of 1,000 nodes a seed has one kind of partition and of bad
 * network, in turn. A run can be stopped at any sample and goes on there.
 */
import { measureBootstrap } from './bootstrap.js';
import { type DeathKind, measureDeaths } from './deaths.js';
import { type Defect, measureFaulty } from './faulty.js';
import { measurePartition } from './partitions.js';
import type { Results, Sample } from './results.js';
import { measureSpeed } from './speed.js';
import { measureStalls } from './stalls.js';
import { isLarge } from './statistics.js';
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
  readonly experiments: readonly Experiment[];
  readonly size: number;
  readonly name: string;
  done(results: Results): boolean;
  run(results: Results): void;
}

/** Of the members on the small side. */
const SHARES: readonly number[] = [0.5, 0.1];
const DEFECTS: readonly Defect[] = ['loss', 'ingress-loss', 'flip-flop'];
const MINUTE = 60_000;
const SEEDS = 200;

export function jobs(quick: boolean): Job[] {
  const few = (seeds: number) => (quick ? Math.ceil(seeds / 20) : seeds);
  const seeds = (count: number, of: (seed: number) => readonly Job[]): Job[] =>
    Array.from({ length: few(count) }, (_, i) => of(i + 1)).flat();
  const small = (of: (size: number, seed: number) => readonly Job[]): Job[] =>
    [3, 10, 100].flatMap((size) => seeds(SEEDS, (seed) => of(size, seed)));
  return eachOnce([
    // some of every row
    ...seeds(1, (seed) => [...deaths(1_000, seed), traffic(1_000, seed), bootstrap(1_000, seed)]),
    ...seeds(1, (seed) => [bootstrap(2_000, seed)]),
    ...seeds(2, (seed) => splits(100, seed, 10 * MINUTE)),
    ...seeds(1, (seed) => defects(100, seed, 10 * MINUTE)),
    speed(quick ? 100 : 1_000, quick ? MINUTE : 10 * MINUTE),
    ...seeds(1, (seed) => stalls(seed, quick)),
    // all of those that cost little
    ...small(deaths),
    ...small((size, seed) => [bootstrap(size, seed), traffic(size, seed)]),
    ...seeds(SEEDS, (seed) => [...splits(3, seed, 10 * MINUTE), ...splits(10, seed, 10 * MINUTE)]),
    ...seeds(SEEDS, (seed) => [...splits(100, seed, MINUTE), ...defects(100, seed, MINUTE)]),
    // as many of the rest as the time allows
    ...(quick ? [] : large()),
  ]);
}

/** Where it comes first. */
function eachOnce(planned: readonly Job[]): Job[] {
  const byName = new Map<string, Job>();
  for (const job of planned) if (!byName.has(job.name)) byName.set(job.name, job);
  return [...byName.values()];
}

/** The rows that cost much: some of each, so that none is missing where time is short; then deaths, then all in rounds. */
function large(): Job[] {
  const planned: Job[] = [];
  const upTo = (seeds: number, of: (seed: number) => readonly Job[]) => {
    for (let seed = 1; seed <= seeds; seed++) planned.push(...of(seed));
  };
  upTo(40, (seed) => deaths(1_000, seed));
  upTo(1, (seed) => [...defects(1_000, seed, MINUTE), ...splits(1_000, seed, 10 * MINUTE)]);
  upTo(20, (seed) => splits(100, seed, 10 * MINUTE));
  upTo(2, (seed) => stalls(seed, false));
  upTo(5, (seed) => [traffic(1_000, seed), bootstrap(1_000, seed)]);
  upTo(100, (seed) => deaths(1_000, seed));
  upTo(3, (seed) => splits(1_000, seed, 10 * MINUTE));
  upTo(5, (seed) => stalls(seed, false));
  upTo(10, (seed) => [traffic(1_000, seed), bootstrap(1_000, seed)]);
  upTo(SEEDS, (seed) => deaths(1_000, seed));
  upTo(SEEDS, (seed) => [
    traffic(1_000, seed),
    bootstrap(1_000, seed),
    ...splits(100, seed, 10 * MINUTE),
    ...(seed <= 13 ? stalls(seed, false) : []),
    faulty(1_000, seed, DEFECTS[seed % DEFECTS.length]!, MINUTE),
    partition(1_000, seed, SHARES[seed % SHARES.length]!, 10 * MINUTE),
    bootstrap(2_000, seed),
  ]);
  return planned;
}

function deaths(size: number, seed: number): Job[] {
  return isLarge(size)
    ? [death(['killed', 'silent'], size, seed)]
    : [death(['killed'], size, seed), death(['silent'], size, seed)];
}

function splits(size: number, seed: number, lastsMs: number): Job[] {
  return SHARES.map((share) => partition(size, seed, share, lastsMs));
}

function defects(size: number, seed: number, lastsMs: number): Job[] {
  return DEFECTS.map((defect) => faulty(size, seed, defect, lastsMs));
}

function stalls(seed: number, quick: boolean): Job[] {
  return (['muffle', 'stall'] as const).flatMap((kind) =>
    (quick ? [8] : [1, 8, 16, 32]).flatMap((stalled) =>
      (quick ? [8_000, 32_000] : [128, 2_000, 8_000, 32_000]).map((stallMs) => stall(kind, stalled, stallMs, seed)),
    ),
  );
}

function sampled(rows: readonly Sample[] | undefined, size: number, seed: number): boolean {
  return (rows ?? []).some((row) => row.size === size && row.seed === seed);
}

/** In a large world one after the other, since the world costs more than the deaths. */
function death(kinds: readonly DeathKind[], size: number, seed: number): Job {
  return {
    experiments: kinds,
    size,
    name: `${kinds.join(' and ')} in ${size}, seed ${seed}`,
    done: (results) => kinds.every((kind) => sampled(results[kind], size, seed)),
    run: (results) => {
      for (const [i, measured] of measureDeaths(size, seed, kinds).entries()) {
        const kind = kinds[i] as DeathKind;
        results[kind] = [...(results[kind] ?? []), { size, seed, ...measured }];
      }
    },
  };
}

function traffic(size: number, seed: number): Job {
  return {
    experiments: ['traffic'],
    size,
    name: `traffic of ${size}, seed ${seed}`,
    done: (results) => sampled(results.traffic, size, seed),
    run: (results) => {
      results.traffic = [
        ...(results.traffic ?? []),
        { seed, ...measureTraffic(size, seed, isLarge(size) ? MINUTE / 6 : MINUTE / 2) },
      ];
    },
  };
}

function bootstrap(size: number, seed: number): Job {
  return {
    experiments: ['bootstrap'],
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
    experiments: ['partition'],
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

function stall(kind: 'stall' | 'muffle', stalled: number, stallMs: number, n: number): Job {
  const seed = stalled * 7 + n;
  return {
    experiments: ['stalls'],
    size: 128,
    name: `${kind} of ${stalled} for ${stallMs} ms, seed ${seed}`,
    done: (results) =>
      (results.stalls ?? []).some(
        (r) => r.kind === kind && r.stalled === stalled && r.stallMs === stallMs && r.seed === seed,
      ),
    run: (results) => {
      const options = { size: 128, seed, stalled, stallMs, lastsMs: MINUTE, kind };
      const full = measureStalls({ ...options, plain: false });
      const plain = measureStalls({ ...options, plain: true });
      results.stalls = [...(results.stalls ?? []), { seed, kind, stalled, stallMs, full, plain }];
    },
  };
}

function faulty(size: number, seed: number, defect: Defect, lastsMs: number): Job {
  return {
    experiments: ['faulty'],
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
    experiments: ['speed'],
    size,
    name: `speed of ${size} for ${virtualMs / MINUTE} min`,
    done: (results) => results.speed?.size === size,
    run: (results) => {
      results.speed = measureSpeed(size, virtualMs);
    },
  };
}
