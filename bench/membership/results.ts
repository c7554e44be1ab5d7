/** What the bench keeps in bench/results/membership.json: one sample a line, so that a run can go on where it stopped. */
import type { Bootstrap } from './bootstrap.js';
import type { Death } from './deaths.js';
import type { Faulty } from './faulty.js';
import type { Partition } from './partitions.js';
import type { Speed } from './speed.js';
import type { StallResult } from './stalls.js';
import type { Traffic } from './traffic.js';

/** Which cluster a sample is of, and the seed of its world. */
export interface Sample {
  readonly size: number;
  readonly seed: number;
}

export interface StallRow {
  readonly seed: number;
  readonly kind: 'stall' | 'muffle';
  readonly stalled: number;
  readonly stallMs: number;
  readonly full: StallResult;
  readonly plain: StallResult;
}

export interface Results {
  /** Fingerprint of the protocol that was measured: of what it does, not of its text. */
  protocol: string;
  machine?: string;
  /** Spent on all samples together. */
  cpuMs?: number;
  killed?: (Death & Sample)[];
  silent?: (Death & Sample)[];
  stalls?: StallRow[];
  bootstrap?: (Bootstrap & Sample)[];
  partition?: (Partition & Sample & { readonly share: number; readonly lastsMs: number })[];
  faulty?: (Faulty & Sample & { readonly lastsMs: number })[];
  traffic?: (Traffic & Sample)[];
  speed?: Speed;
}

export function resultsText(results: Results): string {
  const parts = Object.entries(results).map(([key, value]) => {
    const text = Array.isArray(value)
      ? `[\n${value.map((row) => `  ${JSON.stringify(row, short)}`).join(',\n')}\n ]`
      : JSON.stringify(value, short);
    return ` ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${parts.join(',\n')}\n}\n`;
}

/** Times in a hundredth of a millisecond, shares in a hundredth of a per cent, or finer: more than any figure here is good for. */
function short(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Math.round(value * 10_000) / 10_000 : value;
}
