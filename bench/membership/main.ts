/**
 * `npm run bench:membership [-- --quick] [--only NAME,…] [--sizes 3,10,…] [--fresh]`: how fast and how rightly nodes agree on
 * who is there, in the simulator, by size of the cluster. Writes bench/results/membership.{json,md} and plots after every
 * sample, and goes on where it was stopped: samples of the same protocol are kept, those of another are thrown away. SIGINT and
 * SIGTERM end it after the sample under way.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { drawPlots } from './charts.js';
import { protocolFingerprint } from './fingerprint.js';
import { EXPERIMENTS, type Experiment, type Job, jobs } from './plan.js';
import { renderReport } from './report.js';
import { type Results, resultsText } from './results.js';

const RESULTS = join(process.cwd(), 'bench/results');
const JSON_FILE = join(RESULTS, 'membership.json');
/** The page and its plots are drawn anew this often while samples come in. */
const RENDER_MS = 20_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' },
      only: { type: 'string' },
      sizes: { type: 'string' },
      fresh: { type: 'boolean' },
    },
  });
  const chosen = (values.only?.split(',') ?? EXPERIMENTS) as readonly Experiment[];
  for (const name of chosen)
    if (!EXPERIMENTS.includes(name))
      throw new Error(`no such experiment: ${name}; there are ${EXPERIMENTS.join(', ')}`);
  await mkdir(RESULTS, { recursive: true });
  const protocol = protocolFingerprint();
  const results = await readOld(protocol, values.fresh ?? false);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
  // A run may go on elsewhere: the times of the simulated world are the same there, those of CPU are not.
  if (!results.machine?.includes(machine))
    results.machine = results.machine ? `${results.machine}; ${machine}` : machine;
  const sizes = values.sizes?.split(',').map(Number);
  const planned = jobs(values.quick ?? false).filter(
    (job) => job.experiments.some((name) => chosen.includes(name)) && (sizes === undefined || sizes.includes(job.size)),
  );
  await runAll(planned, results);
  await render(results);
  say(`written: ${RESULTS}/membership.md`);
}

async function runAll(planned: readonly Job[], results: Results): Promise<void> {
  const open = planned.filter((job) => !job.done(results));
  say(`${planned.length} samples, ${planned.length - open.length} of them measured before`);
  let renderedAt = Date.now();
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      stopped = true;
    });
  for (const [i, job] of open.entries()) {
    // Signals are told only between two turns of the loop.
    await setImmediate();
    if (stopped) return say(`stopped before sample ${i + 1} of ${open.length}`);
    const cpuBefore = process.cpuUsage();
    job.run(results);
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpuMs = (user + system) / 1_000;
    results.cpuMs = Math.round((results.cpuMs ?? 0) + cpuMs);
    if (cpuMs > 1_000 || i % 50 === 49 || i === open.length - 1)
      say(`${i + 1} of ${open.length}: ${job.name}, ${(cpuMs / 1_000).toFixed(1)} s of CPU`);
    if (cpuMs < 1_000 && Date.now() - renderedAt < RENDER_MS) continue;
    renderedAt = Date.now();
    await render(results);
  }
}

async function render(results: Results): Promise<void> {
  // Never half of it: a run that is ended in the middle of this would lose all samples.
  await writeFile(`${JSON_FILE}.new`, resultsText(results));
  await rename(`${JSON_FILE}.new`, JSON_FILE);
  await writeFile(join(RESULTS, 'membership.md'), renderReport(results));
  for (const [name, svg] of Object.entries(drawPlots(results))) await writeFile(join(RESULTS, name), svg);
}

async function readOld(protocol: string, fresh: boolean): Promise<Results> {
  if (fresh) return { protocol };
  try {
    const old = JSON.parse(await readFile(JSON_FILE, 'utf8')) as Results;
    if (old.protocol === protocol) return old;
    say(`samples of protocol ${old.protocol} thrown away: this is ${protocol}`);
  } catch {
    say('no samples yet');
  }
  return { protocol };
}

function say(line: string): void {
  console.error(line);
}

await main();
