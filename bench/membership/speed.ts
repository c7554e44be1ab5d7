/** How fast the simulator is: one large cluster, ten quiet minutes of its time, on one core; twice, for the same trace. */
import { Cluster } from '../../lib/sim/membership/cluster.js';

export interface Speed {
  readonly size: number;
  readonly virtualMs: number;
  /** CPU and wall time of the first run, the making of the cluster included. */
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly events: number;
  readonly hash: string;
  /** The second run was this much shorter, and both traces were compared there. */
  readonly comparedMs: number;
  readonly sameHash: boolean;
}

export function measureSpeed(size: number, virtualMs: number): Speed {
  const comparedMs = Math.min(virtualMs, 60_000);
  const cpu = process.cpuUsage();
  const wall = Date.now();
  const cluster = new Cluster({ seed: 1, size, alive: true });
  cluster.warm(0);
  cluster.world.run(comparedMs);
  const halfway = cluster.world.trace.hash;
  cluster.world.run(virtualMs);
  const { user, system } = process.cpuUsage(cpu);
  const wallMs = Date.now() - wall;
  const again = new Cluster({ seed: 1, size, alive: true });
  again.warm(0);
  again.world.run(comparedMs);
  const { hash, events } = cluster.world.trace;
  const cpuMs = (user + system) / 1_000;
  return { size, virtualMs, cpuMs, wallMs, events, hash, comparedMs, sameHash: again.world.trace.hash === halfway };
}
