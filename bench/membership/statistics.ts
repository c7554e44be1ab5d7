/** Order statistics of a handful of samples, and how they are printed. */
export interface Spread {
  readonly n: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

export function spread(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { n: sorted.length, median: at(0.5), p99: at(0.99), max: at(1) };
}

/** From here on the making of a world is most of what a sample costs. */
export function isLarge(size: number): boolean {
  return size >= 1_000;
}

export function seconds(ms: number): string {
  return Number.isFinite(ms) ? (ms / 1_000).toFixed(ms < 10_000 ? 2 : 1) : '–';
}
