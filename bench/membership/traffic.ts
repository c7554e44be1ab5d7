/** Bytes that a node sends, frames and handshakes: in quiet times, and in the worst second while ten nodes crash. */

import { Cluster } from '../../lib/sim/membership/cluster.js';
import { SeededRandom } from '../../lib/sim/world-random.js';
import { spread } from './statistics.js';

export interface Traffic {
  readonly size: number;
  /** Mean bytes a second a node: frames alone, and with the handshakes of links opened. */
  readonly steady: number;
  readonly steadyWithHandshakes: number;
  readonly framesPerSecond: number;
  /** The worst second (in steps of 0.1 s) of any node, and of the median node, while a hundredth, at most ten, is killed. */
  readonly worstSecond: number;
  readonly worstSecondMedian: number;
  /** The same while they fall silent. */
  readonly worstSecondSilent: number;
  readonly wallMsPerVirtualSecond: number;
}

export function measureTraffic(size: number, seed: number, steadyMs: number): Traffic {
  const cluster = new Cluster({ seed, size, alive: true });
  cluster.warm(15_000);
  const { network } = cluster.world;
  const before = { ...network.counters };
  const sentBefore = network.sentBytes.reduce((sum, bytes) => sum + bytes, 0);
  const startedAt = process.cpuUsage().user;
  cluster.world.run(cluster.world.now + steadyMs);
  const cpuMs = (process.cpuUsage().user - startedAt) / 1_000;
  const perNode = (bytes: number) => bytes / size / (steadyMs / 1_000);
  const steady = perNode(network.counters.bytes - before.bytes);
  const withHandshakes = perNode(network.sentBytes.reduce((sum, bytes) => sum + bytes, 0) - sentBefore);
  const frames = perNode(network.counters.messages - before.messages);
  const killed = crash(cluster, new SeededRandom(seed, 13), false);
  const silent = crash(cluster, new SeededRandom(seed, 14), true);
  return {
    size,
    steady,
    steadyWithHandshakes: withHandshakes,
    framesPerSecond: frames,
    worstSecond: killed.max,
    worstSecondMedian: killed.median,
    worstSecondSilent: silent.max,
    wallMsPerVirtualSecond: cpuMs / (steadyMs / 1_000),
  };
}

const STEP_MS = 100;
const STEPS_A_SECOND = 10;

/** Ten crash at once; the worst second of each node in the fifteen after, wherever it begins. */
function crash(cluster: Cluster, random: SeededRandom, silently: boolean): { max: number; median: number } {
  const { world } = cluster;
  const running = world.hosts.filter((host) => host.process && host.index > 0).map((host) => host.index);
  const victims = random.shuffled(running).slice(0, Math.min(10, Math.ceil(cluster.size / 100)));
  for (const victim of victims) world.stop(victim, silently);
  const worst = new Float64Array(cluster.size);
  const earlier: Float64Array[] = [];
  for (let step = 0; step < 15 * STEPS_A_SECOND; step++) {
    earlier.push(world.network.sentBytes.slice());
    if (earlier.length > STEPS_A_SECOND) earlier.shift();
    const before = earlier[0] as Float64Array;
    world.run(world.now + STEP_MS);
    for (let host = 0; host < cluster.size; host++)
      worst[host] = Math.max(
        worst[host] as number,
        (world.network.sentBytes[host] as number) - (before[host] as number),
      );
  }
  const { max, median } = spread([...worst]);
  return { max, median };
}
