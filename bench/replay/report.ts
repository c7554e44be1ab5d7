/** How a replay is told: a line of progress while it runs, and the verdict at the end. */
import { colour, count, formatTable } from '../../lib/cli/output.js';
import type { Verdict } from './verdict.js';

export interface Latency {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface ReplayResult extends Verdict {
  readonly channels: number;
  readonly nicks: number;
  readonly nodes: number;
  readonly seconds: number;
  readonly linesPerSecond: number;
  readonly deliveriesPerSecond: number;
  readonly retried: number;
  readonly latency: Latency;
}

export function latencyOf(samplesMs: Float32Array): Latency {
  const sorted = samplesMs.slice().sort();
  const at = (share: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
  return { p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), maxMs: round(sorted.at(-1) ?? 0) };
}

export function formatProgress(
  stored: number,
  lines: number,
  delivered: number,
  expected: number,
  seconds: number,
): string {
  const width = 30;
  const done = expected === 0 ? 1 : delivered / expected;
  const filled = Math.floor(done * width);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
  return `${bar} ${(100 * done).toFixed(1).padStart(5)} %  ${count(stored)} of ${count(lines)} lines stored, ${count(delivered)} of ${count(expected)} deliveries, ${seconds.toFixed(1)} s`;
}

export function formatResult(result: ReplayResult): string[] {
  const fault = (n: number): string => (n === 0 ? colour('green', '0') : colour('red', count(n)));
  const rows: [string, string][] = [
    ['lines', `${count(result.lines)} in ${count(result.channels)} channels, by ${count(result.nicks)} publishers`],
    ['readers', `${result.readers} a channel, on ${Math.min(result.readers, result.nodes)} of ${result.nodes} nodes`],
    ['deliveries', `${count(result.delivered)} of ${count(result.expected)}`],
    ['missing', fault(result.missing)],
    ['repeated', fault(result.repeated)],
    ['out of order', fault(result.outOfOrder)],
    ['readers disagree', fault(result.disagreeing)],
    ['altered', fault(result.altered)],
    ['gaps', fault(result.gaps)],
    ['not stored', fault(result.unpublished)],
    ['publishes retried', count(result.retried)],
    [
      'time',
      `${result.seconds.toFixed(2)} s, ${count(Math.round(result.linesPerSecond))} lines/s, ${count(Math.round(result.deliveriesPerSecond))} deliveries/s`,
    ],
    [
      'publish to callback',
      `p50 ${result.latency.p50Ms} ms, p90 ${result.latency.p90Ms} ms, p99 ${result.latency.p99Ms} ms, max ${result.latency.maxMs} ms`,
    ],
  ];
  const verdict = result.ok
    ? colour('green', 'right: every reader got every line once, in order')
    : colour('red', 'WRONG');
  return [...formatTable([{ title: '' }, { title: '' }], rows).slice(1), '', verdict];
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
