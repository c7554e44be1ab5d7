/** Chance with a seed, so that a run of the benchmark can be repeated. */

/** A generator with a seed (mulberry32), so that a run can be repeated. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * count);
  }

  nodes(count: number): number[] {
    const drawn = new Set<number>();
    while (drawn.size < count) drawn.add(this.below(2 ** 30));
    return [...drawn];
  }
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
