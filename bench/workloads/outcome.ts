/** What every workload reports beside its own figures: the checks, and CPU a delivery. */
import type { Interval, Outcome } from '../harness/stage.js';
import type { Column, Figures, RunResult } from './workload.js';

export function resultOf(outcome: Outcome, figures: Figures): RunResult {
  const { repeated, reordered, foreign, unreadable } = outcome.finish.counts;
  return { figures, checks: { lost: outcome.lost, repeated, reordered, foreign, unreadable }, faults: outcome.faults };
}

export function costOf(interval: Interval): Figures {
  const each = (ms: number) => (ms * 1e3) / interval.delivered;
  return {
    perSecond: interval.perSecond,
    serverMicros: each(interval.serverMs),
    brokerMicros: each(interval.brokerMs),
    generatorMicros: each(interval.generatorMs),
    strangerCores: interval.strangerCores,
  };
}

export const COST_COLUMNS: readonly Column[] = [
  { key: 'perSecond', title: 'delivered/s', better: 'more' },
  { key: 'serverMicros', title: 'server CPU µs a delivery', better: 'less' },
  { key: 'brokerMicros', title: 'of it broker' },
  { key: 'generatorMicros', title: 'generator CPU µs' },
];

export const STRANGERS: Column = { key: 'strangerCores', title: 'strangers, cores' };
