/**
 * `npm run sim -- histories`: seeds in a row over all tempers, each a random history; a failing one is shrunk and printed as
 * one command to replay. The sweep fails too where something it promises to exercise never came about.
 */
import { Core } from '../../core/node.js';
import type { SimOptions } from '../membership/command.js';
import { describeFault } from '../world-faults.js';
import { runHistoryMutants } from './mutants.js';
import { SpanReport } from './report.js';
import { type HistoryOutcome, runHistory } from './run.js';
import { HISTORY_TEMPERS, type History, type HistoryTemper, makeHistory } from './scenario.js';

/** What a sweep of so many histories must have seen. */
const WORTH_COUNTING = 500;
const MUST_HAPPEN = [
  'kill',
  'silence',
  'restart',
  'stall',
  'partition',
  'cut',
  'clog',
  'break',
  'command',
  'joining→alive',
  'draining→left',
  'suspect→failed',
  'suspect→alive',
  'failed→alive',
  'failed→joining',
  'left→joining',
  'failed→forgotten',
  'span killed',
  'span silent',
  'span paused',
  'span cut off',
  'span left',
  'span handed',
];
const PROGRESS_EVERY = 250;

export async function historiesCommand(options: SimOptions, print: (line: string) => void): Promise<boolean> {
  if (options.mutants) return await runHistoryMutants(print, options.mutant);
  if (options.seed !== undefined) return replay(options.seed, options, print);
  return sweep(options, print);
}

function historyOf(seed: number, { temper }: SimOptions): History {
  if (temper !== undefined && !HISTORY_TEMPERS.some((t) => t === temper))
    throw new Error(`no such temper: ${temper}; there are ${HISTORY_TEMPERS.join(', ')}`);
  return makeHistory(seed, temper as HistoryTemper | undefined);
}

function replay(seed: number, options: SimOptions, print: (line: string) => void): boolean {
  const whole = historyOf(seed, options);
  const { keep } = options;
  const history = keep === undefined ? whole : withOnly(whole, keep);
  const outcome = runHistory(history, Core, options.trace ? { line: print } : {});
  for (const [i, fault] of whole.faults.entries())
    if (keep === undefined || keep.includes(i)) print(`  ${i}: ${describeFault(fault)}`);
  print(summary(outcome));
  for (const { time, rule, what } of outcome.violations) print(`  ${(time / 1_000).toFixed(3)}s ${rule}: ${what}`);
  return outcome.violations.length === 0;
}

function sweep(options: SimOptions, print: (line: string) => void): boolean {
  const totals = new Map<string, number>();
  const add = (name: string, times: number) => totals.set(name, (totals.get(name) ?? 0) + times);
  const report = new SpanReport();
  const startedAt = performance.now();
  let slowestMs = 0;
  for (let i = 0; i < options.seeds; i++) {
    const history = historyOf(options.from + i, options);
    const outcome = runHistory(history, Core);
    for (const [name, times] of outcome.counts) add(name, times);
    for (const judged of outcome.spans) {
      report.add(judged);
      add(`span ${judged.span.cause}`, 1);
    }
    slowestMs = Math.max(slowestMs, outcome.convergedMs ?? 0);
    if (outcome.violations.length > 0) {
      reportFailure(outcome, options, print);
      return false;
    }
    if (options.twice && runHistory(history, Core).hash !== outcome.hash) {
      print(`seed ${history.seed} gives another trace the second time`);
      return false;
    }
    if ((i + 1) % PROGRESS_EVERY === 0) print(progress(i + 1, options, startedAt));
  }
  print(`${options.seeds} histories from seed ${options.from}: no violation; ${cpu()} s of CPU`);
  print(`slowest agreement after calm: ${(slowestMs / 1_000).toFixed(2)} s`);
  print(counted(totals));
  for (const row of report.rows()) print(row);
  if (options.seeds < WORTH_COUNTING || options.temper !== undefined) return true;
  const missing = MUST_HAPPEN.filter((name) => !totals.get(name));
  if (missing.length > 0) print(`never happened: ${missing.join(', ')}`);
  return missing.length === 0;
}

function progress(done: number, { seeds, from }: SimOptions, startedAt: number): string {
  const seconds = (performance.now() - startedAt) / 1_000;
  const left = (seconds / done) * (seeds - done);
  return `${done} of ${seeds} histories, ${seconds.toFixed(0)} s, ${left.toFixed(0)} s to go; go on with --from ${from + done} --seeds ${seeds - done}`;
}

function counted(totals: ReadonlyMap<string, number>): string {
  return [...totals]
    .sort()
    .map(([name, times]) => `${name} ${times}`)
    .join(', ');
}

function cpu(): string {
  const { user, system } = process.cpuUsage();
  return ((user + system) / 1e6).toFixed(0);
}

function reportFailure(outcome: HistoryOutcome, { temper }: SimOptions, print: (line: string) => void): void {
  const { history, violations } = outcome;
  print(summary(outcome));
  for (const { time, rule, what } of violations.slice(0, 3)) print(`  ${(time / 1_000).toFixed(3)}s ${rule}: ${what}`);
  const [first] = violations;
  let kept = history.faults.map((_, i) => i);
  let last = first!.what;
  for (let i = kept.length - 1; i >= 0; i--) {
    const without = kept.filter((_, at) => at !== i);
    const [again] = runHistory(withOnly(history, without), Core).violations;
    if (again?.rule !== first!.rule) continue;
    kept = without;
    last = again.what;
  }
  print(`${kept.length} of ${history.faults.length} faults are enough: ${last}`);
  for (const i of kept) print(`  ${describeFault(history.faults[i]!)}`);
  const how = temper === undefined ? '' : ` --temper ${temper}`;
  print(`replay: npm run sim -- histories --seed ${history.seed}${how} --keep ${kept.join(',') || 'none'}`);
}

function withOnly(history: History, kept: readonly number[]): History {
  return { ...history, faults: history.faults.filter((_, i) => kept.includes(i)) };
}

function summary({ history, violations, hash, events, convergedMs }: HistoryOutcome): string {
  const { seed, temper, hosts, table, faults, chaosMs } = history;
  const verdict = violations.length === 0 ? 'well' : 'BROKEN';
  const shape = `${hosts} hosts, ${table.slots} slots, ${table.copies} copies, ${faults.length} faults in ${(chaosMs / 1_000).toFixed(1)} s`;
  return `seed ${seed} ${temper}: ${verdict}; ${shape}; trace ${hash}, ${events} events, agreed after ${convergedMs ?? '–'} ms`;
}
