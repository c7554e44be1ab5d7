/** How long until a dead node is seen dead: by the first, by all. Killed (its links close) or silent (nothing closes). */

import { Cluster } from '../../lib/sim/membership/cluster.js';
import { SeededRandom } from '../../lib/sim/world-random.js';

export interface Death {
  readonly firstMs: number;
  readonly allMs: number;
}

export interface DeathOptions {
  readonly size: number;
  readonly seed: number;
  readonly trials: number;
  readonly silent: boolean;
}

const WITHIN_MS = 30_000;
const SETTLE_MS = 5_000;

/** One cluster, so many deaths one after the other; each victim is back and everyone agrees before the next. */
export function measureDeaths(options: DeathOptions): Death[] {
  const { size, seed, trials, silent } = options;
  const cluster = new Cluster({ seed, size, alive: true });
  const random = new SeededRandom(seed, 9);
  cluster.warm();
  const deaths: Death[] = [];
  for (let trial = 0; trial < trials; trial++) {
    cluster.world.run(cluster.world.now + random.between(0, 3_000));
    const victim = 1 + random.below(size - 1);
    const dead = new Set<number>();
    const startedAt = cluster.world.now;
    let firstMs = Number.NaN;
    let allMs = Number.NaN;
    cluster.changed = (change) => {
      if (change.subject !== victim || change.host === victim || change.to !== 'failed' || dead.has(change.host))
        return;
      dead.add(change.host);
      const ms = change.time - startedAt;
      if (dead.size === 1) firstMs = ms;
      if (dead.size === size - 1) allMs = ms;
    };
    cluster.world.stop(victim, silent);
    cluster.until(() => dead.size === size - 1, startedAt + WITHIN_MS);
    deaths.push({ firstMs, allMs });
    cluster.changed = undefined;
    if (trial === trials - 1) break;
    cluster.world.run(cluster.world.now + 500);
    cluster.world.start(victim);
    cluster.until(() => cluster.complete(), cluster.world.now + 10_000, 100);
    // Until it has its links again: who has just started hears less, and may come in 1.5 s late.
    cluster.world.run(cluster.world.now + SETTLE_MS);
  }
  return deaths;
}
