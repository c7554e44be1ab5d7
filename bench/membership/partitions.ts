/** A cluster is cut in two for ten minutes: when, after the heal, is everyone's view the one from before, and its table. */
import type { MembershipTiming } from '../../lib/core/membership/options.js';
import { Cluster } from '../../lib/sim/membership/cluster.js';
import { SeededRandom } from '../../lib/sim/world-random.js';

export interface Partition {
  /** From the heal until all views hold everyone alive and agree. */
  readonly healedMs: number;
  /** From the heal until all tables are those from before. */
  readonly tablesMs: number;
  readonly sameTable: boolean;
  /** Verdicts after the heal: each moves slots that did not need to move. */
  readonly superfluous: number;
}

export function measurePartition(
  size: number,
  seed: number,
  share: number,
  lastsMs: number,
  timing?: MembershipTiming,
): Partition {
  const cluster = new Cluster({ seed, size, alive: true, ...(timing ? { timing } : {}) });
  cluster.warm();
  const random = new SeededRandom(seed, 11);
  const hosts = random.shuffled(Array.from({ length: size }, (_, i) => i));
  const cutAt = Math.max(1, Math.round(size * share));
  const tableOf = (host: number) => JSON.stringify(cluster.program(host)?.membership.provisioned());
  const before = tableOf(0);
  cluster.world.inject({
    at: cluster.world.now,
    kind: 'partition',
    groups: [hosts.slice(0, cutAt), hosts.slice(cutAt)],
    forMs: lastsMs,
  });
  cluster.world.run(cluster.world.now + lastsMs);
  const healedAt = cluster.world.now;
  let superfluous = 0;
  let tablesAt = healedAt;
  cluster.changed = ({ to, from, time }) => {
    if (to === 'failed' || to === 'forgotten') superfluous += 1;
    if (from === 'failed') tablesAt = time;
  };
  const well = cluster.until(() => cluster.complete(), healedAt + 60_000, 100);
  return {
    healedMs: well ? cluster.world.now - healedAt : Number.NaN,
    tablesMs: tablesAt - healedAt,
    sameTable: hosts.every((host) => tableOf(host) === before),
    superfluous,
  };
}
