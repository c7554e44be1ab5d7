/**
 * What tells one protocol from another: the traces of a few small worlds in which everything happens that is measured. Samples of
 * the same behaviour stay good when the code that brings it about gets faster or tidier, and are void when one message
 * comes at another time or has another size. So the worlds below must not be changed without need: that voids all samples.
 */
import { createHash } from 'node:crypto';
import { Cluster, type ClusterOptions } from '../../lib/sim/membership/cluster.js';
import type { Fault } from '../../lib/sim/world-faults.js';
import { plainSwim } from './stalls.js';

const HASH_DIGITS = 12;

export function protocolFingerprint(): string {
  const hash = createHash('sha256');
  for (const [name, world] of Object.entries(WORLDS)) {
    const { trace, network } = world().world;
    hash.update(`${name} ${trace.hash} ${trace.events} ${network.counters.bytes}\n`);
  }
  return hash.digest('hex').slice(0, HASH_DIGITS);
}

const WORLDS: Readonly<Record<string, () => Cluster>> = {
  bootstrap: () => {
    const cluster = new Cluster({ seed: 1, size: 120 });
    cluster.bootstrap();
    cluster.run(2_000);
    return cluster;
  },
  deaths: () => {
    const cluster = warm({ seed: 2, size: 120 });
    cluster.world.stop(7, false, true);
    cluster.run(3_000);
    cluster.world.stop(8, true);
    cluster.run(9_000);
    return cluster;
  },
  'coming and going': () =>
    suffer({ seed: 3, size: 40 }, 30_000, (at) => [
      { at, kind: 'command', command: 'leave', host: 3 },
      { at: at + 1_000, kind: 'restart', host: 4, memory: true },
      { at: at + 2_000, kind: 'restart', host: 5, memory: false },
      { at: at + 3_000, kind: 'silence', host: 6 },
      { at: at + 20_000, kind: 'restart', host: 6, memory: true },
    ]),
  // Long enough that the dead are forgotten.
  'long absence': () =>
    suffer({ seed: 4, size: 5 }, 17 * 60_000, (at) => [
      { at, kind: 'silence', host: 1 },
      { at: at + 16 * 60_000, kind: 'restart', host: 1, memory: true },
    ]),
  partition: () =>
    suffer({ seed: 5, size: 120 }, 40_000, (at, hosts) => [
      { at, kind: 'partition', groups: [hosts.slice(0, 50), hosts.slice(50)], forMs: 25_000 },
    ]),
  'loss both ways': () => suffer({ seed: 6, size: 100 }, 25_000, (at) => lossy(at, 0.8, 0.8, 20_000)),
  'loss inward': () => suffer({ seed: 7, size: 100 }, 25_000, (at) => lossy(at, 0.8, 0, 20_000)),
  'flip-flop': () =>
    suffer({ seed: 8, size: 100 }, 45_000, (at) => [...lossy(at, 1, 0, 15_000), ...lossy(at + 30_000, 1, 0, 10_000)]),
  stalls: () => suffer({ seed: 9, size: 64 }, 30_000, (at, hosts) => stalls('stall', at, hosts)),
  muffled: () => suffer({ seed: 10, size: 64 }, 30_000, (at, hosts) => stalls('muffle', at, hosts)),
  'plain SWIM': () =>
    suffer({ seed: 11, size: 64, ...plainSwim(64) }, 45_000, (at, hosts) => stalls('stall', at, hosts)),
};

function warm(options: ClusterOptions): Cluster {
  const cluster = new Cluster({ alive: true, ...options });
  cluster.warm(2_000);
  return cluster;
}

/** These faults, from when the cluster has settled, for so long. */
function suffer(
  options: ClusterOptions,
  forMs: number,
  faults: (at: number, hosts: readonly number[]) => readonly Fault[],
): Cluster {
  const cluster = warm(options);
  const { world, size } = cluster;
  const hosts = Array.from({ length: size }, (_, host) => host);
  for (const fault of faults(world.now, hosts)) world.inject(fault);
  cluster.run(forMs);
  return cluster;
}

function lossy(at: number, inward: number, outward: number, forMs: number): readonly Fault[] {
  return [1, 2].map((host) => ({ at, kind: 'loss', host, in: inward, out: outward, forMs }));
}

/** Every eighth stands still for 6 s at a time. */
function stalls(kind: 'stall' | 'muffle', at: number, hosts: readonly number[]): Fault[] {
  return hosts
    .filter((host) => host % 8 === 1)
    .flatMap((host) => [0, 1, 2].map((turn) => ({ at: at + host * 13 + turn * 6_700, kind, host, forMs: 6_000 })));
}
