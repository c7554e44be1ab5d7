/**
 * Lifeguard's experiment: of 128 nodes some stand still again and again. `stall` freezes the whole event loop, timers
 * included; `muffle` freezes only what they send and receive while their timers go on, as in the paper. A false positive is
 * a verdict `failed` about a node that never stood still, in anybody's view; the same seeds are run with plain SWIM.
 */
import {
  type MembershipFeatures,
  type MembershipTiming,
  NO_FEATURES,
  TIMINGS,
} from '../../lib/core/membership/options.js';
import { Cluster } from '../../lib/sim/membership/cluster.js';
import { SeededRandom } from '../../lib/sim/world-random.js';

export interface StallOptions {
  readonly size: number;
  readonly seed: number;
  readonly stalled: number;
  readonly stallMs: number;
  readonly lastsMs: number;
  readonly plain: boolean;
  readonly kind: 'stall' | 'muffle';
}

export interface StallResult {
  /** Verdicts about nodes that never stalled, anywhere and at nodes that never stalled. */
  readonly anywhere: number;
  readonly atHealthy: number;
  /** Verdicts about nodes that did stall. */
  readonly ofStalled: number;
  readonly bytes: number;
}

/** SWIM as Lifeguard's paper ran it: a probe a second, suspicion of 5 · log10(N) seconds, nothing else. */
export function plainSwim(size: number): { timing: MembershipTiming; features: MembershipFeatures } {
  const suspicionMinMs = 5_000 * Math.max(1, Math.log10(size));
  const timing = { ...TIMINGS.lan, probeIntervalMs: 1_000, probeTimeoutMs: 500, gossipIntervalMs: 200, suspicionMinMs };
  return { timing, features: NO_FEATURES };
}

export function measureStalls(options: StallOptions): StallResult {
  const { size, seed, stalled, stallMs, lastsMs } = options;
  const cluster = new Cluster({ seed, size, alive: true, ...(options.plain ? plainSwim(size) : {}) });
  cluster.warm(3_000);
  const random = new SeededRandom(seed, 10);
  const victims = new Set(random.shuffled(Array.from({ length: size }, (_, i) => i)).slice(0, stalled));
  let anywhere = 0;
  let atHealthy = 0;
  let ofStalled = 0;
  cluster.changed = ({ host, subject, to }) => {
    if (to !== 'failed') return;
    if (victims.has(subject)) ofStalled += 1;
    else {
      anywhere += 1;
      if (!victims.has(host)) atHealthy += 1;
    }
  };
  const bytesBefore = cluster.world.network.counters.bytes;
  const until = cluster.world.now + lastsMs;
  for (const host of victims) {
    for (let at = cluster.world.now + random.between(0, 500); at < until; at += stallMs + random.between(1, 1_000))
      cluster.world.inject({ at, kind: options.kind, host, forMs: stallMs });
  }
  // A while longer than the last stall, so that its consequences show.
  cluster.world.run(until + stallMs + 10_000);
  return { anywhere, atHealthy, ofStalled, bytes: cluster.world.network.counters.bytes - bytesBefore };
}
