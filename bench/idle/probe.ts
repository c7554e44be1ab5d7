/**
 * Loaded ahead of the server that is looked at. At SIGUSR2 it writes what V8 says of its heap, and a snapshot of the heap
 * where one was asked for, into the directory in which the server runs.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { getHeapSpaceStatistics, writeHeapSnapshot } from 'node:v8';

export interface ProbeAnswer {
  /** What V8's pages take of the process's memory, full or not. */
  readonly heapBytes: number;
}

let asked = 0;

process.on('SIGUSR2', () => {
  asked++;
  const heapBytes = getHeapSpaceStatistics().reduce((sum, space) => sum + space.physical_space_size, 0);
  if (process.env['BENCH_PROBE'] === 'snapshot') writeHeapSnapshot(`probe-${asked}.heapsnapshot`);
  writeFileSync('probe.part', JSON.stringify({ heapBytes } satisfies ProbeAnswer));
  renameSync('probe.part', `probe-${asked}.json`);
});
