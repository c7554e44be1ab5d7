/**
 * Publishes chat logs through a cluster of real node processes and judges what its readers get: each file is a channel,
 * each nick a publisher, and every channel has readers on different nodes. Exit code 1 when anything is wrong.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { CommandError, EXIT, UsageError } from '../../lib/cli/failure.js';
import { note, printJson, printLine, reportFailure } from '../../lib/cli/output.js';
import { killAll, type NodeProcess, startNodeProcess } from '../../lib/cli/processes.js';
import { type Client, connect } from '../../lib/client/index.js';
import { parseChatLog } from './chat-log.js';
import { type LineData, publishFile } from './publishing.js';
import { formatProgress, formatResult, latencyOf, type ReplayResult } from './report.js';
import { Judge, type ReplayFile } from './verdict.js';

interface ReplayOptions {
  readonly nodes: number;
  readonly readers: number;
  readonly speed: number;
  readonly batch: number;
  readonly option: readonly string[];
  readonly json?: true;
}

/** After so long without a delivery what has not come counts as missing. */
const SILENCE_MS = 10_000;
const SUBSCRIBE_MS = 15_000;
const PROGRESS_MS = 250;

const command = new Command('npm run replay --')
  .description('Publish chat logs through a cluster of real nodes and judge line by line what its readers get.')
  .argument('<FILE...>', 'chat logs; each is a channel')
  .option('--nodes <N>', 'nodes of the cluster', whole(1, 16), 3)
  .option('--readers <N>', 'readers of each channel, on different nodes', whole(1, 64), 3)
  .option('--speed <N>', 'lines a second over all files, or max', speed, Number.POSITIVE_INFINITY)
  .option('--batch <N>', 'most lines in one request', whole(1, 1_000), 16)
  .option(
    '--option <OPTION>',
    'passed on to each node, such as --option=--copies=1; repeatable',
    (value: string, before: string[]) => [...before, value],
    [],
  )
  .option('--json', 'print the verdict as one JSON object');

async function replay(paths: readonly string[], options: ReplayOptions): Promise<ReplayResult> {
  const files = await readFiles(paths);
  const judge = new Judge(files, options.readers, true);
  const nodes = await startNodes(options);
  const lines = judge.expected / options.readers;
  const latencies = new Float32Array(judge.expected);
  const sentAt = new Map(files.map((file) => [file.channel, new Float64Array(file.lines.length + 1)]));
  let stored = 0;
  let retried = 0;
  let lastAt = performance.now();
  const clients = await startReaders(
    files,
    nodes,
    options.readers,
    (channel, reader, data) => {
      const now = performance.now();
      if (!judge.arrived(channel, reader, data.n, data.line)) return;
      latencies[judge.delivered - 1] = now - sentAt.get(channel)![data.n]!;
      lastAt = now;
    },
    () => judge.gap(),
  );

  const startedAt = performance.now();
  const progress = startProgress(options, () =>
    formatProgress(stored, lines, judge.delivered, judge.expected, (performance.now() - startedAt) / 1_000),
  );
  const urls = nodes.map((node) => node.url);
  await Promise.all(
    files.map((file, turn) =>
      publishFile(file, turn, {
        urls,
        linesPerSecond: (options.speed * file.lines.length) / lines,
        linesPerRequest: options.batch,
        sent: (channel, n) => {
          sentAt.get(channel)![n] = performance.now();
        },
        stored: (n) => {
          stored += n;
        },
        retried: (n) => {
          retried += n;
        },
        refused: (code, n) => {
          for (let i = 0; i < n; i++) judge.unpublished();
          note(`\n${n} lines were not stored (${code})`);
        },
      }),
    ),
  );
  lastAt = Math.max(lastAt, performance.now());
  while (judge.delivered < judge.expected && performance.now() - lastAt < SILENCE_MS) await pause(20);
  const seconds = (lastAt - startedAt) / 1_000;
  // What comes once too often comes late: a moment more, so that it is seen.
  await pause(500);
  progress();
  await Promise.all(clients.map((client) => client.close()));
  killAll(nodes, 'SIGKILL');
  return {
    ...judge.verdict(),
    channels: files.length,
    nicks: files.reduce((sum, file) => sum + new Set(file.lines.map((line) => line.nick)).size, 0),
    nodes: nodes.length,
    seconds,
    linesPerSecond: lines / seconds,
    deliveriesPerSecond: judge.delivered / seconds,
    retried,
    latency: latencyOf(latencies.subarray(0, judge.delivered)),
  };
}

async function readFiles(paths: readonly string[]): Promise<ReplayFile[]> {
  const files: ReplayFile[] = [];
  for (const path of paths) {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      throw new UsageError((error as Error).message);
    }
    const channel = `log:${basename(path)
      .replace(/\p{Cc}/gu, '')
      .slice(0, 60)}`;
    if (files.some((file) => file.channel === channel)) throw new UsageError(`two files are called ${basename(path)}`);
    files.push({ channel, lines: parseChatLog(text) });
  }
  return files;
}

async function startNodes({ nodes: wanted, option }: ReplayOptions): Promise<NodeProcess[]> {
  const nodes: NodeProcess[] = [];
  process.once('exit', () => killAll(nodes));
  for (let i = 0; i < wanted; i++) {
    const seeds = nodes.flatMap((node) => ['--seed', node.url]);
    nodes.push(await startNodeProcess({ options: ['--port', '0', '--preset', 'local', ...seeds, ...option] }));
  }
  return nodes;
}

/** Reader r of the c-th channel is served by node (c + r) mod nodes, whoever owns the channel. */
async function startReaders(
  files: readonly ReplayFile[],
  nodes: readonly NodeProcess[],
  readers: number,
  arrived: (channel: string, reader: number, data: LineData) => void,
  gap: () => void,
): Promise<Client[]> {
  const clients: Client[] = [];
  const subscribed: Promise<void>[] = [];
  for (const [c, { channel }] of files.entries()) {
    for (let reader = 0; reader < readers; reader++) {
      const client = connect([nodes[(c + reader) % nodes.length]!.url], { relay: true });
      const subscription = client.subscribe(channel, { after: 'start' });
      subscription.on('message', (message) => arrived(channel, reader, message.data as LineData));
      subscription.on('gap', gap);
      subscribed.push(new Promise((resolve) => subscription.on('subscribed', () => resolve())));
      clients.push(client);
    }
  }
  const late = new Promise<never>((_, reject) => {
    setTimeout(
      reject,
      SUBSCRIBE_MS,
      new CommandError('timeout', `not every reader was subscribed within ${SUBSCRIBE_MS / 1_000} s`),
    ).unref();
  });
  await Promise.race([Promise.all(subscribed), late]);
  return clients;
}

/** Shows progress until the function that it returns is called. */
function startProgress({ json }: ReplayOptions, line: () => string): () => void {
  if (json || !process.stderr.isTTY) return () => {};
  const timer = setInterval(() => process.stderr.write(`\r${line()}\u001b[K`), PROGRESS_MS);
  return () => {
    clearInterval(timer);
    process.stderr.write(`\r${line()}\u001b[K\n\n`);
  };
}

function whole(min: number, max: number) {
  return (text: string): number => {
    const n = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
    if (!(n >= min && n <= max)) throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    return n;
  };
}

function speed(text: string): number {
  return text === 'max' ? Number.POSITIVE_INFINITY : whole(1, 100_000)(text);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const parsed = command.parse();
const options = parsed.opts<ReplayOptions>();
try {
  const result = await replay(parsed.args, options);
  if (options.json) printJson(result);
  else for (const line of formatResult(result)) printLine(line);
  process.exit(result.ok ? EXIT.done : EXIT.failed);
} catch (error) {
  process.exit(reportFailure(error, options.json === true));
}
