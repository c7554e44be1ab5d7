/** Times of arrival, kept raw so that percentiles are exact. Bounded: beyond the limit nothing more is kept. */
import type { LatencySummary } from './commands.js';
import { percentile } from './stats.js';

const SAMPLES_MAX = 4_000_000;

export class Samples {
  #values = new Float64Array(1 << 16);
  #count = 0;

  add(ms: number): void {
    if (this.#count === this.#values.length) {
      if (this.#count >= SAMPLES_MAX) return;
      const larger = new Float64Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = ms;
  }

  clear(): void {
    this.#count = 0;
  }

  summary(): LatencySummary {
    const sorted = this.#values.slice(0, this.#count).sort();
    return {
      count: this.#count,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      p999Ms: percentile(sorted, 0.999),
      maxMs: sorted.at(-1) ?? Number.NaN,
    };
  }
}
