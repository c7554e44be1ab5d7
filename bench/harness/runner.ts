/**
 * Runs what was asked for, interleaved: round by round, every peer once per round, so that whatever drifts on the machine
 * meets all peers alike. A run that fails is reported and counted, never repeated in silence.
 */
import type { Peer } from '../peers/peer.js';
import type { RunResult, Variant, Workload, WorkloadOptions } from '../workloads/workload.js';
import { Progress } from './progress.js';
import { type Cell, isSameCell, type Results, saveResults } from './results.js';
import { printed } from './stats.js';

export interface Job {
  readonly workload: Workload;
  readonly variant: Variant;
  readonly peer: Peer;
}

export function jobsOf(workloads: readonly Workload[], peers: readonly Peer[], nodes: readonly number[]): Job[] {
  return workloads.flatMap((workload) =>
    workload.variants
      .filter((variant) => nodes.length === 0 || nodes.includes(variant.nodes))
      .flatMap((variant) =>
        peers.filter((peer) => workload.fits(peer, variant)).map((peer) => ({ workload, variant, peer })),
      ),
  );
}

function summaryOf(workload: Workload, result: RunResult): string {
  const figures = workload.columns.slice(0, 4).flatMap(({ key, title }) => {
    const value = result.figures[key];
    return value === undefined ? [] : [`${title} ${printed(value)}`];
  });
  const bad = Object.entries(result.checks).filter(([, count]) => count > 0);
  const checks = bad.length === 0 ? '' : `; ${bad.map(([name, count]) => `${count} ${name}`).join(', ')}`;
  return `${figures.join(', ')}${checks}${result.faults.length > 0 ? `; ${result.faults[0]}` : ''}`;
}

export interface RunnerOptions {
  readonly jobs: readonly Job[];
  readonly runs: number;
  readonly results: Results;
  readonly file: string;
  readonly workload: Omit<WorkloadOptions, 'progress'>;
}

export async function runAll({ jobs, runs, results, file, workload: options }: RunnerOptions): Promise<void> {
  const progress = new Progress(jobs.length * runs);
  const cells = new Map<Job, Cell>();
  for (const job of jobs) {
    const cell: Cell = {
      workload: job.workload.name,
      variant: job.variant.name,
      peer: job.peer.name,
      startedAt: new Date().toISOString(),
      runs: [],
      failures: [],
    };
    cells.set(job, cell);
    results.cells = results.cells.filter((other) => !isSameCell(other, cell));
    results.cells.push(cell);
  }
  // Round by round within a workload and variant: peers of one comparison run within minutes of each other.
  const groups = new Map<string, Job[]>();
  for (const job of jobs) {
    const key = `${job.workload.name} ${job.variant.name}`;
    groups.set(key, [...(groups.get(key) ?? []), job]);
  }
  for (const group of groups.values()) {
    for (let run = 0; run < runs; run++) {
      for (const job of group) {
        const cell = cells.get(job)!;
        progress.begin(`${job.workload.name}, ${job.variant.name}, ${job.peer.name}, run ${run + 1}`);
        try {
          const result = await job.workload.run(job.peer, job.variant, {
            ...options,
            progress: (text) => progress.step(text),
          });
          cell.runs.push(result);
          progress.end(summaryOf(job.workload, result));
        } catch (error) {
          cell.failures.push(error instanceof Error ? error.message : String(error));
          progress.end(`FAILED: ${cell.failures.at(-1)}`);
        }
        saveResults(file, results);
      }
    }
  }
}
