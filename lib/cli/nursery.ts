/**
 * How large V8 lets its nursery grow, which is 16 MB by default. Most of what is young on a node stays, for it is history:
 * each collection of a large nursery then stops the loop for 10 to 20 ms, and the 99th percentile of latency is that pause. A
 * small one is collected more often, for 1 ms, at 5 to 25 % more CPU. So it stays as it starts (1 MB) while the loop has rest,
 * and may grow once it has none for a whole second and throughput is all that counts.
 */
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';

const LOOK_MS = 1_000;
/** Share of the time from which on the loop counts as having no rest. */
const BUSY_FROM = 0.8;

export function paceNursery(): void {
  let last = performance.eventLoopUtilization();
  mayGrow(false);
  setInterval(() => {
    const current = performance.eventLoopUtilization();
    mayGrow(performance.eventLoopUtilization(current, last).utilization >= BUSY_FROM);
    last = current;
  }, LOOK_MS).unref();
}

function mayGrow(may: boolean): void {
  setFlagsFromString(`--semi-space-growth-factor=${may ? 2 : 1}`);
}
