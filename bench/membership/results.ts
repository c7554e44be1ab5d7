/** What the bench keeps in bench/results/membership.json. */
import type { Bootstrap } from './bootstrap.js';
import type { Faulty } from './faulty.js';
import type { Partition } from './partitions.js';
import type { Speed } from './speed.js';
import type { StallResult } from './stalls.js';
import type { Spread } from './statistics.js';
import type { Traffic } from './traffic.js';

export interface DeathRow {
  readonly size: number;
  readonly first: Spread;
  readonly all: Spread;
  readonly samples: readonly number[];
}

export interface StallRow {
  readonly kind: 'stall' | 'muffle';
  readonly stalled: number;
  readonly stallMs: number;
  readonly full: StallResult;
  readonly plain: StallResult;
}

export interface Results {
  commit?: string;
  machine?: string;
  killed?: DeathRow[];
  silent?: DeathRow[];
  stalls?: StallRow[];
  bootstrap?: (Bootstrap & { readonly size: number })[];
  partition?: (Partition & { readonly size: number; readonly share: number })[];
  faulty?: Faulty[];
  traffic?: Traffic[];
  speed?: Speed;
}
