/**
 * `npm run bench:membership [-- --quick] [--only NAME,…] [--sizes 3,10,…]`: how fast and how rightly nodes agree on who is there,
 * in the simulator, by size of the cluster. Writes bench/results/membership.{json,md} and plots. What was measured before
 * and not asked for this time is kept.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureBootstrap } from './bootstrap.js';
import { drawPlots } from './charts.js';
import { measureDeaths } from './deaths.js';
import { measureFaulty } from './faulty.js';
import { measurePartition } from './partitions.js';
import { renderReport } from './report.js';
import type { Results } from './results.js';
import { measureSpeed } from './speed.js';
import { measureStalls } from './stalls.js';
import { spread } from './statistics.js';
import { measureTraffic } from './traffic.js';

const RESULTS = join(process.cwd(), 'bench/results');
const JSON_FILE = join(RESULTS, 'membership.json');
const results: Results = {};
const EXPERIMENTS = ['killed', 'silent', 'traffic', 'bootstrap', 'stalls', 'partition', 'faulty', 'speed'] as const;
type Experiment = (typeof EXPERIMENTS)[number];

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, only: { type: 'string' }, sizes: { type: 'string' } },
});
const quick = values.quick ?? false;
const chosen = new Set<string>(values.only?.split(',') ?? EXPERIMENTS);
for (const name of chosen)
  if (!(EXPERIMENTS as readonly string[]).includes(name))
    throw new Error(`no such experiment: ${name}; there are ${EXPERIMENTS.join(', ')}`);
const sizes = values.sizes?.split(',').map(Number) ?? (quick ? [3, 10, 100] : [3, 10, 100, 1_000]);

/** Repetitions by size: large clusters cost a core many seconds each. */
function times(size: number, small: number): number {
  const share = size <= 10 ? 1 : size <= 100 ? 0.5 : 0.06;
  return Math.max(1, Math.round(small * share * (quick ? 0.1 : 1)));
}

async function main(): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  Object.assign(results, await readOld());
  results.commit = git('rev-parse', '--short', 'HEAD');
  results.machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
  for (const experiment of EXPERIMENTS) {
    if (!chosen.has(experiment)) continue;
    const started = Date.now();
    RUN[experiment]();
    progress(`${experiment}: ${((Date.now() - started) / 1_000).toFixed(0)} s`);
  }
  await writeFile(join(RESULTS, 'membership.md'), renderReport(results));
  for (const [name, svg] of Object.entries(drawPlots(results))) await writeFile(join(RESULTS, name), svg);
  progress(`written: ${RESULTS}/membership.md`);
}

const RUN: Record<Experiment, () => void> = {
  killed: () => deaths(false),
  silent: () => deaths(true),
  stalls: () => {
    results.stalls = [];
    for (const kind of ['stall', 'muffle'] as const)
      for (const stalled of quick ? [8] : [1, 8, 16, 32])
        for (const stallMs of quick ? [8_000, 32_000] : [128, 2_000, 8_000, 32_000]) {
          const options = { size: 128, seed: stalled * 7 + 1, stalled, stallMs, lastsMs: 60_000, kind };
          const full = measureStalls({ ...options, plain: false });
          const plain = measureStalls({ ...options, plain: true });
          results.stalls.push({ kind, stalled, stallMs, full, plain });
          progress(
            `stalls: ${kind} of ${stalled} for ${stallMs} ms: ${full.anywhere} false verdicts, SWIM ${plain.anywhere}`,
          );
        }
  },
  bootstrap: () => {
    results.bootstrap = keepOthers(results.bootstrap);
    for (const size of values.sizes || quick ? sizes : [...sizes, 2_000])
      for (let seed = 1; seed <= (size >= 1_000 ? (size > 1_000 ? 1 : 2) : times(size, 100)); seed++) {
        results.bootstrap.push({ size, ...measureBootstrap(size, seed) });
        progress(`bootstrap of ${size}: seed ${seed}`);
      }
  },
  partition: () => {
    results.partition = keepOthers(results.partition);
    for (const size of sizes)
      for (const share of [0.5, 0.1])
        for (let seed = 1; seed <= times(size, 20); seed++) {
          results.partition.push({
            size,
            share,
            ...measurePartition(size, seed, share, size >= 1_000 ? 60_000 : 600_000),
          });
          progress(`partition of ${size}, ${share}: seed ${seed}`);
        }
  },
  faulty: () => {
    results.faulty = keepOthers(results.faulty);
    for (const size of sizes.filter((n) => n >= 100))
      for (const defect of ['loss', 'ingress-loss', 'flip-flop'] as const) {
        results.faulty.push(measureFaulty(size, 1, defect, size >= 1_000 ? 60_000 : 600_000));
        progress(`faulty network at 1 % of ${size}: ${defect}`);
      }
  },
  traffic: () => {
    results.traffic = keepOthers(results.traffic);
    for (const size of sizes) {
      results.traffic.push(measureTraffic(size, 1, 60_000));
      progress(`traffic of ${size}`);
    }
  },
  speed: () => {
    results.speed = measureSpeed(quick ? 100 : 1_000, quick ? 60_000 : 600_000);
  },
};

function deaths(silent: boolean): void {
  const name = silent ? 'silent' : 'killed';
  results[name] = keepOthers(results[name]);
  for (const size of sizes) {
    const trials = times(size, 400);
    const samples = measureDeaths({ size, seed: size, trials, silent });
    const first = spread(samples.map((death) => death.firstMs));
    const all = spread(samples.map((death) => death.allMs));
    results[name].push({ size, first, all, samples: samples.map((death) => death.allMs) });
    progress(`${name} in ${size}: ${trials} times`);
  }
}

function keepOthers<T extends { readonly size: number }>(old: T[] | undefined): T[] {
  return (old ?? []).filter((row) => !sizes.includes(row.size) && (row.size <= 1_000 || values.sizes !== undefined));
}

async function readOld(): Promise<Results> {
  try {
    return JSON.parse(await readFile(JSON_FILE, 'utf8')) as Results;
  } catch {
    return {};
  }
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

/** Says how far it is, and keeps what there is so far: a run of all takes long. */
function progress(line: string): void {
  console.error(line);
  writeFileSync(JSON_FILE, `${JSON.stringify(results, undefined, 1)}\n`);
}

await main();
