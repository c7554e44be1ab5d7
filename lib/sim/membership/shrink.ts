/** Makes a failing run smaller: leaves out faults, halves first, then one by one, while the same rule is still broken. */
import type { Fault } from '../world-faults.js';
import type { Outcome } from './run.js';
import type { Scenario } from './scenario.js';

export interface Shrunk {
  /** Positions in the scenario's own list of the faults that are needed. */
  readonly kept: readonly number[];
  readonly outcome: Outcome;
  readonly runs: number;
}

export function keepFaults(scenario: Scenario, kept: readonly number[]): Scenario {
  return { ...scenario, faults: kept.map((i) => scenario.faults[i] as Fault) };
}

export function shrink(scenario: Scenario, failing: Outcome, run: (s: Scenario) => Outcome, runsMax = 300): Shrunk {
  const rule = failing.violations[0]?.rule;
  let kept = scenario.faults.map((_, i) => i);
  let outcome = failing;
  let runs = 0;
  let size = Math.ceil(kept.length / 2);
  while (size >= 1 && runs < runsMax) {
    let smaller = false;
    for (let from = 0; from < kept.length && runs < runsMax; ) {
      const without = [...kept.slice(0, from), ...kept.slice(from + size)];
      const attempt = run(keepFaults(scenario, without));
      runs += 1;
      if (attempt.violations[0]?.rule === rule) {
        kept = without;
        outcome = attempt;
        smaller = true;
      } else from += size;
    }
    if (!smaller || size > kept.length) size = size === 1 ? 0 : Math.max(1, size >> 1);
  }
  return { kept, outcome, runs };
}
