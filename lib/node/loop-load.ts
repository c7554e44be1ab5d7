/**
 * Whether the event loop is busy all the time: then what can be done for several turns at once is. Looked at a few dozen
 * times a second, by Node's own count of the time that the loop waited for anything to do.
 */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';

const LOOK_MS = 20;
/** Share of the time from which on a loop counts as busy. */
const BUSY_FROM = 0.9;

export class LoopLoad {
  #last: EventLoopUtilization = performance.eventLoopUtilization();
  #lookedAt = 0;
  #busy = false;

  /** As of the last LOOK_MS to which anybody asked; `now` in monotonic ms. */
  readonly isBusy = (now: number): boolean => {
    if (now - this.#lookedAt < LOOK_MS) return this.#busy;
    this.#lookedAt = now;
    const current = performance.eventLoopUtilization();
    this.#busy = performance.eventLoopUtilization(current, this.#last).utilization >= BUSY_FROM;
    this.#last = current;
    return this.#busy;
  };
}
