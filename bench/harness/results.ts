/**
 * The result of a benchmark as JSON: what ran, where, and every run's figures. Written after each run, so that nothing
 * measured is lost; later runs may be added to the same file, which replaces the same cell and keeps the others.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RunResult } from '../workloads/workload.js';
import type { Machine } from './machine.js';

export interface Cell {
  readonly workload: string;
  readonly variant: string;
  readonly peer: string;
  readonly startedAt: string;
  readonly runs: RunResult[];
  readonly failures: string[];
}

export interface PeerRecord {
  readonly title: string;
  readonly guarantee: string;
  readonly configuration: string;
  readonly versions: Readonly<Record<string, string>>;
}

export interface Results {
  readonly startedAt: string;
  readonly command: string;
  /** Commands that put further cells in later. */
  added?: string[];
  readonly machine: Machine;
  readonly options: Readonly<Record<string, unknown>>;
  readonly peers: Record<string, PeerRecord>;
  readonly skipped: Record<string, string>;
  cells: Cell[];
}

export function loadResults(file: string): Results | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : undefined;
}

export function saveResults(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
}

export function isSameCell(
  a: Pick<Cell, 'workload' | 'variant' | 'peer'>,
  b: Pick<Cell, 'workload' | 'variant' | 'peer'>,
): boolean {
  return a.workload === b.workload && a.variant === b.variant && a.peer === b.peer;
}
