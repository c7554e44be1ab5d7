/**
 * How large V8 lets its nursery grow, which is 16 MB by default. Most of what is young on a node stays, for it is history: a
 * collection of 16 MB stops the loop for 10 to 20 ms, which was the 99th percentile of latency at 10,000 messages/s (14 to 20
 * ms; 7 with 4 MB). A smaller one costs throughput: 17 µs a delivery at full load against 15, with 1 MB 21. So it stays as
 * large as starting made it (4 MB) while the loop has rest, and may grow once it had none for a whole second.
 */
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';

const LOOK_MS = 1_000;
/** Share of the time from which on the loop counts as having no rest: 0.6 to 1 at full load on shared cores, 0.5 at 10,000/s. */
const BUSY_FROM = 0.6;

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
