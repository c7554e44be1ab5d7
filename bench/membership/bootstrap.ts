/** All nodes start at once and know one seed: when do all views hold everyone, and how many tables were built on the way. */
import { Cluster } from '../../lib/sim/membership/cluster.js';
import { spread } from './statistics.js';

export interface Bootstrap {
  readonly completeMs: number;
  /** Distinct sizes from which one node built a table: of the median node, and of the worst. */
  readonly sizesMedian: number;
  readonly sizesMax: number;
  /** Tables built by a node: median and worst. */
  readonly rebuildsMedian: number;
  readonly rebuildsMax: number;
  readonly megabytesPerNode: number;
}

export function measureBootstrap(size: number, seed: number): Bootstrap {
  const cluster = new Cluster({ seed, size });
  const completeMs = cluster.bootstrap() ?? Number.NaN;
  cluster.world.run(cluster.world.now + 1_000);
  const sizes = spread(cluster.tableSizes.map((set) => set.size));
  const rebuilds = spread(cluster.rebuilds);
  return {
    completeMs,
    sizesMedian: sizes.median,
    sizesMax: sizes.max,
    rebuildsMedian: rebuilds.median,
    rebuildsMax: rebuilds.max,
    megabytesPerNode: cluster.world.network.counters.bytes / 1e6 / size,
  };
}
