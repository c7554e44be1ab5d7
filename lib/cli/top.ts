/** `halod top`: a cluster in the terminal, refreshed in place; with --json one line per refresh. Ctrl-C ends it. */

import { readDurationMs } from './duration.js';
import { CommandError, EXIT } from './failure.js';
import type { CommonOptions } from './main.js';
import { colour, plain, printJson } from './output.js';
import { RateReader, type Rates } from './rates.js';
import { type ClusterAnswer, getCluster } from './request.js';
import { formatStatus, isLive } from './status.js';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_REST = '\u001b[J';

export async function runTop(options: CommonOptions & { readonly interval: string }): Promise<number> {
  const intervalMs = readDurationMs('--interval', options.interval, 100);
  const screen = process.stdout.isTTY && !options.json;
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  process.stdout.once('error', () => stop.abort());
  // The first answer comes before the screen is taken, so that a wrong address is told like anywhere else.
  let cluster = await getCluster(options);
  let known = liveUrls(cluster);
  let trouble = '';
  const reader = new RateReader(options.apiKey);
  let rates = await reader.read(known);
  if (screen) process.stdout.write(ENTER);
  try {
    while (!stop.signal.aborted) {
      if (options.json) printJson({ ...cluster, rates: Object.fromEntries(rates) });
      else draw(cluster, rates, trouble, screen);
      await pause(intervalMs, stop.signal);
      const answer = await askAny([options.node, ...known], options);
      if (answer) {
        cluster = answer;
        known = liveUrls(answer);
      }
      rates = await reader.read(known);
      trouble = answer ? '' : 'no node answers; this is what was known last';
    }
  } finally {
    if (screen) process.stdout.write(LEAVE);
  }
  return EXIT.done;
}

function draw(cluster: ClusterAnswer, rates: ReadonlyMap<string, Rates>, trouble: string, screen: boolean): void {
  const heading = `${new Date().toLocaleTimeString('en-GB')}  ${trouble === '' ? '' : colour('red', trouble)}`;
  const lines = [heading, '', ...formatStatus(cluster, rates)];
  if (!screen) {
    process.stdout.write(`${lines.join('\n')}\n\n`);
    return;
  }
  const rows = process.stdout.rows - 1;
  const columns = process.stdout.columns;
  const fitting = lines
    .slice(0, rows)
    .map((line) => (plain(line).length > columns ? plain(line).slice(0, columns) : line));
  process.stdout.write(`${HOME}${fitting.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_REST}`);
}

/** The node that was asked first may be the one that just died. */
async function askAny(urls: readonly string[], options: CommonOptions): Promise<ClusterAnswer | undefined> {
  for (const node of new Set(urls)) {
    try {
      return await getCluster({ node, apiKey: options.apiKey });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
    }
  }
  return undefined;
}

function liveUrls(cluster: ClusterAnswer): string[] {
  return cluster.nodes.filter((node) => isLive(node)).map((node) => node.url);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
