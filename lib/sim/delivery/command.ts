/**
 * `npm run sim -- delivery`: seeds in a row over all kinds of schedule; a failing one is shrunk and printed as one
 * command to replay. The sweep itself fails where something it promises to exercise never came about.
 */
import type { SimOptions } from '../membership/command.js';
import { describeFault } from '../world-faults.js';
import { runDeliveryMutants } from './mutants.js';
import { type DeliveryOutcome, runDelivery } from './run.js';
import { DELIVERY_TEMPERS, type DeliveryScenario, type DeliveryTemper, makeDeliveryScenario } from './scenario.js';
import { runScenarios } from './scenarios/all.js';

/** What a sweep over all tempers of this many seeds or more must have seen. */
const WORTH_COUNTING = 100;
const MUST_HAPPEN = [
  'kill',
  'restart',
  'stall',
  'partition',
  'cut',
  'clog',
  'break',
  'command',
  'acknowledged',
  'gaps',
  'restored',
];

export async function deliveryCommand(options: SimOptions, print: (line: string) => void): Promise<boolean> {
  if (options.scenarios) return runScenarios(print);
  if (options.mutants) return runDeliveryMutants(print, options.mutant);
  const tempers = options.temper === undefined ? DELIVERY_TEMPERS : [temperOf(options.temper)];
  if (options.seed !== undefined)
    return tempers.every((temper) => replay(makeDeliveryScenario(options.seed!, temper), options, print));
  return sweep(tempers, options, print);
}

function temperOf(name: string): DeliveryTemper {
  const temper = DELIVERY_TEMPERS.find((t) => t === name);
  if (temper === undefined) throw new Error(`no such temper: ${name}; there are ${DELIVERY_TEMPERS.join(', ')}`);
  return temper;
}

function replay(whole: DeliveryScenario, options: SimOptions, print: (line: string) => void): boolean {
  const { keep } = options;
  const scenario = keep === undefined ? whole : { ...whole, faults: whole.faults.filter((_, i) => keep.includes(i)) };
  const listen = options.trace ? { line: print, event: (e: object) => print(JSON.stringify(e)) } : {};
  const outcome = runDelivery(scenario, listen);
  for (const [i, fault] of whole.faults.entries())
    if (keep === undefined || keep.includes(i)) print(`  ${i}: ${describeFault(fault)}`);
  for (const trigger of scenario.triggers) print(`  ${trigger.do} at ${trigger.on} number ${trigger.nth}`);
  print(summary(outcome));
  for (const { rule, what } of outcome.violations.slice(0, 20)) print(`  ${rule}: ${what}`);
  return outcome.violations.length === 0;
}

function sweep(tempers: readonly DeliveryTemper[], options: SimOptions, print: (line: string) => void): boolean {
  const totals = new Map<string, number>();
  const add = (name: string, times: number) => totals.set(name, (totals.get(name) ?? 0) + times);
  const startedAt = performance.now();
  let runs = 0;
  for (let seed = options.from; seed < options.from + options.seeds; seed++) {
    for (const temper of tempers) {
      const scenario = makeDeliveryScenario(seed, temper);
      const outcome = runDelivery(scenario);
      runs++;
      for (const [name, times] of outcome.happened) add(name, times);
      for (const [name, times] of Object.entries(outcome.counts)) if (name !== 'copiesMin') add(name, times);
      if (outcome.violations.length > 0) {
        reportFailure(outcome, print);
        return false;
      }
      if (options.twice && runDelivery(scenario).hash !== outcome.hash) {
        print(`seed ${seed} (${temper}) gives another trace the second time`);
        return false;
      }
      if (runs % 100 === 0) print(`${runs} of ${options.seeds * tempers.length} runs, ${seconds(startedAt)} s`);
    }
  }
  print(`${runs} runs (${tempers.join(', ')}) from seed ${options.from}: no violation, ${seconds(startedAt)} s`);
  print(
    [...totals]
      .sort()
      .map(([name, times]) => `${name} ${times}`)
      .join(', '),
  );
  if (runs < WORTH_COUNTING || tempers.length < DELIVERY_TEMPERS.length) return true;
  const missing = MUST_HAPPEN.filter((name) => !totals.get(name));
  if (missing.length > 0) print(`never happened: ${missing.join(', ')}`);
  return missing.length === 0;
}

function reportFailure(outcome: DeliveryOutcome, print: (line: string) => void): void {
  const { scenario } = outcome;
  print(summary(outcome));
  for (const { rule, what } of outcome.violations.slice(0, 5)) print(`  ${rule}: ${what}`);
  const rule = outcome.violations[0]!.rule;
  let kept = scenario.faults.map((_, i) => i);
  for (let i = kept.length - 1; i >= 0; i--) {
    const without = kept.filter((_, at) => at !== i);
    const attempt = runDelivery({ ...scenario, faults: without.map((at) => scenario.faults[at]!) });
    if (attempt.violations[0]?.rule === rule) kept = without;
  }
  print(`${kept.length} of ${scenario.faults.length} faults are enough:`);
  for (const i of kept) print(`  ${describeFault(scenario.faults[i]!)}`);
  print(
    `replay: npm run sim -- delivery --seed ${scenario.seed} --temper ${scenario.temper} --keep ${kept.join(',') || 'none'} --trace`,
  );
}

function summary({ scenario, violations, hash, counts }: DeliveryOutcome): string {
  const verdict = violations.length === 0 ? 'well' : 'BROKEN';
  const { nodes, channels, temper, seed } = scenario;
  const shape = `${nodes} nodes, copies ${channels.copies}, acks ${channels.acks}`;
  return `seed ${seed} ${temper}: ${verdict}; ${shape}; trace ${hash}; ${counts.acknowledged} acknowledged of ${counts.published}, ${counts.delivered} delivered, ${counts.gaps} gaps`;
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(0);
}
