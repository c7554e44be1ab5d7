/** What every scenario gets and gives. */
import type { Arena } from './harness/arena.js';
import type { NetworkKind } from './harness/open-network.js';

export interface ScenarioOptions {
  readonly minutes: number;
  readonly nodes: number;
  readonly subscribers: number;
  readonly publishers: number;
  readonly perSecond: number;
  readonly times: number;
  readonly seed: number;
  readonly network: NetworkKind;
  /** Keeps the histories. */
  readonly keep: boolean;
  say(line: string): void;
}

export interface Outcome {
  /** Broken promises; empty where all held. */
  readonly failures: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  readonly lines: readonly string[];
  /** SVG by file name. */
  readonly plots?: Readonly<Record<string, string>>;
}

export type Scenario = (options: ScenarioOptions) => Promise<Outcome>;

/** Runs `body` in an arena and always cleans up; keeps the histories where it fails. */
export async function within<T extends { readonly failures: readonly string[] }>(
  opening: Promise<Arena>,
  options: ScenarioOptions,
  body: (arena: Arena) => Promise<T>,
): Promise<T> {
  const arena = await opening;
  arena.keep = options.keep;
  try {
    const outcome = await body(arena);
    if (outcome.failures.length > 0) arena.keep = true;
    return outcome;
  } catch (error) {
    arena.keep = true;
    throw error;
  } finally {
    if (arena.keep) options.say(`histories are kept in ${arena.directory}`);
    await arena.close();
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

export function ms(value: number): string {
  return Number.isFinite(value) ? `${value < 10 ? value.toFixed(1) : Math.round(value)} ms` : '–';
}

export function row(title: string, values: readonly number[]): string {
  const at = (share: number) => ms(percentile(values, share));
  return `${title}: p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, max ${at(1)} (${values.length})`;
}
