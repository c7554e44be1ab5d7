/**
 * The benchmark's command. It installs nothing: what is missing is named, with the one command that installs it, and the
 * rest runs. Everything measured ends in one JSON file, with a report and charts beside it.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { charts } from './harness/charts.js';
import { describeMachine } from './harness/machine.js';
import { writePages } from './harness/pages.js';
import { report, tables } from './harness/report.js';
import { loadResults, type Results } from './harness/results.js';
import { jobsOf, runAll } from './harness/runner.js';
import { ASSUMPTIONS, costsOf, scalingTables } from './harness/scaling.js';
import type { Peer } from './peers/peer.js';
import { PEERS } from './peers/registry.js';
import { WORKLOADS } from './workloads/registry.js';

interface Options {
  readonly peers: string;
  readonly workload: string;
  readonly runs: number;
  readonly seconds: number;
  readonly users: number;
  readonly bytes: number;
  readonly nodes: readonly number[];
  readonly log: readonly string[];
  readonly json?: string;
  readonly add: boolean;
  readonly scale: boolean;
  readonly publish: boolean;
  readonly list: boolean;
}

function whole(minimum: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < minimum)
      throw new InvalidArgumentError(`a whole number, ${minimum} or more`);
    return value;
  };
}

function wholes(text: string): number[] {
  return text.split(',').map(whole(1));
}

/** Names in a comma-separated list; `all` is all of them. */
function chosen<T extends { readonly name: string }>(what: string, text: string, from: readonly T[]): T[] {
  if (text === 'all') return [...from];
  return text.split(',').map((name) => {
    const found = from.find((candidate) => candidate.name === name.trim());
    if (found === undefined)
      throw new InvalidArgumentError(`no ${what} '${name}'; there are: ${from.map((each) => each.name).join(', ')}`);
    return found;
  });
}

const command = new Command('bench')
  .description('Measures halod and what people would use instead, on the same work')
  .addOption(new Option('--peers <names>', 'comma-separated, or all').default('all'))
  .addOption(new Option('--workload <names>', 'comma-separated, or all').default('all'))
  .addOption(new Option('--runs <n>', 'interleaved runs of each').default(3).argParser(whole(1)))
  .addOption(new Option('--seconds <n>', 'length of a measurement').default(6).argParser(whole(1)))
  .addOption(new Option('--users <n>', 'users of unicast, latency and growth').default(1_000).argParser(whole(1)))
  .addOption(new Option('--bytes <n>', 'bytes of a message').default(128).argParser(whole(64)))
  .addOption(new Option('--nodes <list>', 'only variants with so many nodes').default([], 'all').argParser(wholes))
  .addOption(new Option('--log <files...>', 'chat logs to replay').default([], 'none'))
  .addOption(
    new Option('--json <file>', 'where the result goes; report and charts go beside it').default(
      undefined,
      'bench/results/<time>/results.json',
    ),
  )
  .addOption(new Option('--add', 'add to the result file: replaces the cells that run again').default(false))
  .addOption(
    new Option('--scale', 'measure nothing: say from the result file what 10⁶ and 10⁷ users take').default(false),
  )
  .addOption(
    new Option('--publish', 'measure nothing: quote the result file in bench/README.md and SCALING.md').default(false),
  )
  .addOption(new Option('--list', 'say what there is and whether it can run here').default(false));

function rootDirectory(): string {
  const root = process.env['BENCH_ROOT'] ?? process.cwd();
  if (!existsSync(join(root, 'bench/peers/package.json')))
    throw new Error('run the benchmark from the top folder of the repository');
  return root;
}

function list(root: string): void {
  console.log('peers:');
  for (const peer of PEERS) {
    const check = peer.check(root);
    const state = check.isAvailable
      ? Object.entries(check.versions)
          .map((each) => each.join(' '))
          .join(', ')
      : `${check.why}; ${check.install ?? ''}`;
    console.log(`  ${peer.name.padEnd(18)} ${peer.title} (${peer.guarantee}): ${state}`);
  }
  console.log('workloads:');
  for (const workload of WORKLOADS)
    console.log(
      `  ${workload.name.padEnd(18)} ${workload.title}: ${workload.variants.map((variant) => variant.name).join('; ')}`,
    );
}

function loaded(file: string | undefined): Results {
  const results = file === undefined ? undefined : loadResults(resolve(file));
  if (results === undefined) throw new InvalidArgumentError('this needs the result of a run: --json FILE');
  return results;
}

/** What larger systems take, from figures that were measured. */
function scale(results: Results): void {
  const costs = costsOf(results, 'halod');
  if (costs === undefined) throw new Error('the result lacks one of latency and idle of halod');
  console.log(`${JSON.stringify({ ...costs, ...ASSUMPTIONS })}\n\n${scalingTables(costs)}`);
}

function writeReport(file: string, results: Results): number {
  writeFileSync(join(dirname(file), 'report.md'), `${report(results)}\n`);
  const drawn = charts(results, WORKLOADS);
  for (const [name, text] of drawn) writeFileSync(join(dirname(file), name), text);
  return drawn.size;
}

function publish(root: string, file: string, results: Results): void {
  writeReport(file, results);
  for (const page of writePages(root, file, results)) console.log(page);
}

/** Those that can run; the others are named on stderr and in the result. */
function available(peers: readonly Peer[], root: string, results: Results): Peer[] {
  return peers.filter((peer) => {
    const check = peer.check(root);
    if (check.isAvailable) {
      const { title, guarantee, configuration } = peer;
      results.peers[peer.name] = { title, guarantee, configuration, versions: check.versions };
      delete results.skipped[peer.name];
      return true;
    }
    results.skipped[peer.name] = check.why;
    console.error(
      `skipped ${peer.name}: ${check.why}${check.install === undefined ? '' : `; install it with: ${check.install}`}`,
    );
    return false;
  });
}

async function main(): Promise<void> {
  const options = command.parse().opts<Options>();
  const root = rootDirectory();
  if (options.list) return list(root);
  if (options.scale) return scale(loaded(options.json));
  if (options.publish) return publish(root, resolve(options.json ?? ''), loaded(options.json));
  const peers = chosen('peer', options.peers, PEERS);
  const workloads = chosen('workload', options.workload, WORKLOADS).filter((workload) => {
    const isMissing = workload.name === 'replay' && options.log.length === 0;
    if (isMissing) console.error('skipped replay: give chat logs with --log FILE...');
    return !isMissing;
  });
  const startedAt = new Date().toISOString();
  const file = resolve(
    options.json ?? join(root, 'bench/results', startedAt.slice(0, 16).replaceAll(':', ''), 'results.json'),
  );
  const command_ = `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim();
  const earlier = options.add ? loadResults(file) : undefined;
  if (earlier !== undefined) earlier.added = [...(earlier.added ?? []), command_];
  const results: Results = earlier ?? {
    startedAt,
    command: command_,
    machine: describeMachine(),
    options: { runs: options.runs, seconds: options.seconds, users: options.users, bytes: options.bytes },
    peers: {},
    skipped: {},
    cells: [],
  };
  const jobs = jobsOf(workloads, available(peers, root, results), options.nodes);
  if (jobs.length === 0) throw new Error('nothing to run');
  const { seconds, users, bytes: payloadBytes, log: logs } = options;
  await runAll({ jobs, runs: options.runs, results, file, workload: { seconds, users, payloadBytes, logs, root } });
  const drawn = writeReport(file, results);
  console.log(`\n${tables(results)}\n`);
  console.log(`${file}, report.md and ${drawn} charts beside it`);
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(error instanceof InvalidArgumentError ? 2 : 1);
});
