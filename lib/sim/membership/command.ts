/**
 * `npm run sim -- membership`: seeds in a row, each checked; a failing one is shrunk and printed as one command to replay.
 * The sweep itself fails where a fault it promises never took effect.
 */
import { Membership } from '../../core/membership/membership.js';
import { describeFault, type Fault } from '../world-faults.js';
import { runMutants } from './mutants.js';
import { type Outcome, runScenario } from './run.js';
import { makeScenario, type Scenario, TEMPERS, type Temper } from './scenario.js';
import { keepFaults, shrink } from './shrink.js';

export interface SimOptions {
  readonly seed?: number;
  readonly seeds: number;
  readonly from: number;
  readonly keep?: readonly number[];
  readonly temper?: string;
  readonly trace: boolean;
  readonly twice: boolean;
  readonly mutants: boolean;
  readonly scenarios?: boolean;
  readonly mutant?: string;
}

/** What a sweep of any size worth the name must have seen. */
const MUST_HAPPEN = [
  'kill',
  'silence',
  'restart',
  'stall',
  'cut',
  'partition',
  'loss',
  'clog',
  'muffle',
  'duplicate',
  'delay',
  'break',
  'skew',
  'command',
  'network lost',
  'network blocked',
  'network doubled',
  'network clogged',
  'network overtaken',
  'alive→suspect',
  'suspect→alive',
  'suspect→failed',
  'failed→alive',
  'failed→forgotten',
  'left→forgotten',
  'new→alive',
  'draining→left',
  'running member failed',
  'sync',
  'want',
  'superseded',
  'started over',
  'rebuild',
] as const;
const WORTH_COUNTING = 500;

export async function membershipCommand(options: SimOptions, print: (line: string) => void): Promise<boolean> {
  if (options.mutants) return await runMutants(print, options.mutant);
  if (options.seed !== undefined) return replay(options.seed, options, print);
  return sweep(options, print);
}

function scenarioOf(seed: number, options: SimOptions): Scenario {
  if (options.temper !== undefined && !(TEMPERS as readonly string[]).includes(options.temper))
    throw new Error(`no such temper: ${options.temper}; there are ${TEMPERS.join(', ')}`);
  return makeScenario(seed, options.temper as Temper | undefined);
}

function replay(seed: number, options: SimOptions, print: (line: string) => void): boolean {
  const whole = scenarioOf(seed, options);
  const scenario = options.keep ? keepFaults(whole, options.keep) : whole;
  print(
    `seed ${seed}: ${scenario.hosts} hosts, ${scenario.temper}, ${scenario.faults.length} faults, chaos ${scenario.chaosMs} ms`,
  );
  const outcome = runScenario(scenario, Membership, options.trace ? print : undefined);
  if (!options.trace) for (const [i, fault] of whole.faults.entries()) printFault(i, fault, options, print);
  print(summary(outcome));
  for (const violation of outcome.violations)
    print(`  ${(violation.time / 1000).toFixed(3)}s ${violation.rule}: ${violation.what}`);
  return outcome.violations.length === 0;
}

function printFault(i: number, fault: Fault, options: SimOptions, print: (line: string) => void): void {
  if (!options.keep || options.keep.includes(i)) print(`  ${i}: ${describeFault(fault)}`);
}

function sweep(options: SimOptions, print: (line: string) => void): boolean {
  const totals = new Map<string, number>();
  const started = Date.now();
  let events = 0;
  let slowest = 0;
  for (let i = 0; i < options.seeds; i++) {
    const seed = options.from + i;
    const scenario = scenarioOf(seed, options);
    const outcome = runScenario(scenario, Membership);
    events += outcome.events;
    slowest = Math.max(slowest, outcome.convergedMs ?? 0);
    for (const [name, times] of outcome.counts) totals.set(name, (totals.get(name) ?? 0) + times);
    if (outcome.violations.length > 0) {
      reportFailure(scenario, outcome, options, print);
      return false;
    }
    if (options.twice && runScenario(scenario, Membership).hash !== outcome.hash) {
      print(`seed ${seed} gives another trace the second time`);
      return false;
    }
    if ((i + 1) % 100 === 0)
      print(`${i + 1} of ${options.seeds} seeds, ${((Date.now() - started) / 1000).toFixed(0)} s`);
  }
  print(
    `${options.seeds} seeds from ${options.from}: no violation; ${events} events, slowest convergence ${(slowest / 1000).toFixed(1)} s`,
  );
  print(
    [...totals]
      .sort()
      .map(([name, times]) => `${name} ${times}`)
      .join(', '),
  );
  if (options.seeds < WORTH_COUNTING || options.temper !== undefined) return true;
  const missing = MUST_HAPPEN.filter((name) => !totals.get(name));
  if (missing.length > 0) print(`never happened: ${missing.join(', ')}`);
  return missing.length === 0;
}

function reportFailure(scenario: Scenario, outcome: Outcome, options: SimOptions, print: (line: string) => void): void {
  print(summary(outcome));
  for (const violation of outcome.violations.slice(0, 3))
    print(`  ${(violation.time / 1000).toFixed(3)}s ${violation.rule}: ${violation.what}`);
  const small = shrink(scenario, outcome, (s) => runScenario(s, Membership));
  print(`${small.kept.length} of ${scenario.faults.length} faults are enough (${small.runs} runs):`);
  for (const i of small.kept) print(`  ${describeFault(scenario.faults[i] as Fault)}`);
  for (const violation of small.outcome.violations.slice(0, 1)) print(`  → ${violation.rule}: ${violation.what}`);
  const temper = options.temper === undefined ? '' : ` --temper ${options.temper}`;
  print(
    `replay: npm run sim -- membership --seed ${scenario.seed}${temper} --keep ${small.kept.join(',') || 'none'} --trace`,
  );
}

function summary(outcome: Outcome): string {
  const { scenario } = outcome;
  const verdict = outcome.violations.length === 0 ? 'well' : 'BROKEN';
  return `seed ${scenario.seed}: ${verdict}; ${scenario.hosts} hosts, ${scenario.temper}; trace ${outcome.hash}, ${outcome.events} events, converged after ${outcome.convergedMs ?? '–'} ms`;
}
