/**
 * How long a table takes: from nothing, after a join, a leave, a crash, a return; and the hash of a channel. Times are
 * of the processor (all threads of this process, so the collector's too), which other work on the machine disturbs less.
 */
import { slotOf } from '../../lib/core/table/hash.js';
import { ScoreCache } from '../../lib/core/table/layout.js';
import { buildTable } from '../../lib/core/table/table.js';
import type { TableMember } from '../../lib/core/table/types.js';
import { percentile } from '../harness/stats.js';
import { memberOf } from './algorithms.js';
import { Draw } from './draw.js';

export interface Duration {
  readonly medianMs: number;
  readonly p90Ms: number;
}

export interface TimingFigures {
  readonly coldMs: number;
  readonly join: Duration;
  readonly leave: Duration;
  readonly crash: Duration;
  readonly return: Duration;
  /** Owners and holders of one table. */
  readonly tableBytes: number;
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function durationOf(samplesMs: number[]): Duration {
  samplesMs.sort((a, b) => a - b);
  return { medianMs: percentile(samplesMs, 0.5), p90Ms: percentile(samplesMs, 0.9) };
}

export function measureTiming(slots: number, count: number, runs: number): TimingFigures {
  const draw = new Draw(slots + count);
  const parameters = { slots, copies: 3, tolerance: 0 };
  const samples = { join: [] as number[], leave: [] as number[], crash: [] as number[], return: [] as number[] };
  let cache = new ScoreCache();
  const timed = (members: readonly TableMember[]): number => {
    const startMs = processorMs();
    buildTable(parameters, members, cache);
    return processorMs() - startMs;
  };
  let members = draw.nodes(count).map((node) => memberOf(node));
  const colds = Array.from({ length: 3 }, () => {
    cache = new ScoreCache();
    return timed(members);
  });
  // The first runs only warm the compiler up.
  for (let run = -5; run < runs; run++) {
    const newcomer = memberOf(draw.below(2 ** 30));
    const join = timed([...members, newcomer]);
    const leaver = draw.below(count);
    members = [...members.filter((_, index) => index !== leaver), newcomer];
    const leave = timed(members);
    const dying = draw.below(count);
    const crash = timed(members.map((member, index) => (index === dying ? { ...member, live: false } : member)));
    const back = timed(members);
    if (run < 0) continue;
    samples.join.push(join);
    samples.leave.push(leave);
    samples.crash.push(crash);
    samples.return.push(back);
  }
  const table = buildTable(parameters, members, cache);
  return {
    coldMs: Math.min(...colds),
    join: durationOf(samples.join),
    leave: durationOf(samples.leave),
    crash: durationOf(samples.crash),
    return: durationOf(samples.return),
    tableBytes: table.owners.byteLength + table.holders.byteLength,
  };
}

/** Nanoseconds for the slot of a channel, over names such as they occur. */
export function measureHash(nameOf: (i: number) => string): number {
  const names = Array.from({ length: 4_096 }, (_, i) => nameOf(i));
  let sum = 0;
  let bestNs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 200; round++) {
    const startMs = processorMs();
    for (const name of names) sum += slotOf(name, 16_384);
    bestNs = Math.min(bestNs, ((processorMs() - startMs) * 1e6) / names.length);
  }
  if (sum === 0) throw new Error('every channel fell into slot 0');
  return bestNs;
}
