/** How long until a dead node is seen dead: by the first, by all. Killed (its links close) or silent (nothing closes). */

import { Cluster } from '../../lib/sim/membership/cluster.js';
import { SeededRandom } from '../../lib/sim/world-random.js';

export type DeathKind = 'killed' | 'silent';

export interface Death {
  readonly firstMs: number;
  readonly allMs: number;
}

const WITHIN_MS = 30_000;
const APART_MS = 5_000;

/** One cluster, these deaths of different nodes in it, 5 to 8 s apart; nobody comes back. */
export function measureDeaths(size: number, seed: number, kinds: readonly DeathKind[]): Death[] {
  const cluster = new Cluster({ seed, size, alive: true });
  const random = new SeededRandom(seed, 9);
  cluster.warm();
  return kinds.map((kind, before) => {
    if (before > 0) cluster.run(APART_MS);
    cluster.run(random.between(0, 3_000));
    let victim = 1 + random.below(size - 1);
    while (!cluster.program(victim)) victim = 1 + random.below(size - 1);
    return die(cluster, victim, kind === 'silent', size - before - 1);
  });
}

function die(cluster: Cluster, victim: number, silently: boolean, survivors: number): Death {
  const { world } = cluster;
  const dead = new Set<number>();
  const diedAt = world.now;
  let firstMs = Number.NaN;
  let allMs = Number.NaN;
  cluster.changed = (change) => {
    if (change.subject !== victim || change.host === victim || change.to !== 'failed' || dead.has(change.host)) return;
    dead.add(change.host);
    const ms = change.time - diedAt;
    if (dead.size === 1) firstMs = ms;
    if (dead.size === survivors) allMs = ms;
  };
  world.stop(victim, silently);
  cluster.until(() => dead.size === survivors, diedAt + WITHIN_MS);
  cluster.changed = undefined;
  return { firstMs, allMs };
}
