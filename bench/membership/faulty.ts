/** One in a hundred nodes has a bad network: most of its messages are lost, or it hears nothing every other 20 seconds. */

import { Cluster } from '../../lib/sim/membership/cluster.js';
import { SeededRandom } from '../../lib/sim/world-random.js';

export type Defect = 'loss' | 'ingress-loss' | 'flip-flop';

export interface Faulty {
  readonly defect: Defect;
  readonly size: number;
  readonly faulty: number;
  /** Verdicts about healthy nodes, in views of healthy nodes and of faulty ones. */
  readonly healthyRemoved: number;
  readonly healthyRemovedByFaulty: number;
  /** Verdicts and returns of a faulty node, in the view of a typical healthy one. */
  readonly changesPerFaulty: number;
  /** Share of the seconds at whose end all healthy views were equal. */
  readonly agreedShare: number;
  readonly bytesPerNodeSecond: number;
}

const FLIP_MS = 20_000;

export function measureFaulty(size: number, seed: number, defect: Defect, lastsMs: number): Faulty {
  const cluster = new Cluster({ seed, size, alive: true });
  cluster.warm();
  const random = new SeededRandom(seed, 12);
  const hosts = random.shuffled(Array.from({ length: size }, (_, i) => i));
  const faulty = new Set(hosts.slice(0, Math.max(1, Math.round(size / 100))));
  const healthy = hosts.filter((host) => !faulty.has(host));
  const start = cluster.world.now;
  for (const host of faulty) {
    if (defect === 'flip-flop')
      for (let at = start; at < start + lastsMs; at += 2 * FLIP_MS)
        cluster.world.inject({ at, kind: 'loss', host, in: 1, out: 0, forMs: FLIP_MS });
    else
      cluster.world.inject({
        at: start,
        kind: 'loss',
        host,
        in: 0.8,
        out: defect === 'loss' ? 0.8 : 0,
        forMs: lastsMs,
      });
  }
  const observer = healthy[0] as number;
  let healthyRemoved = 0;
  let healthyRemovedByFaulty = 0;
  let changes = 0;
  cluster.changed = ({ host, subject, from, to }) => {
    if (faulty.has(subject)) {
      if (host === observer && (to === 'failed' || from === 'failed')) changes += 1;
    } else if (to === 'failed') {
      if (faulty.has(host)) healthyRemovedByFaulty += 1;
      else healthyRemoved += 1;
    }
  };
  const bytesBefore = cluster.world.network.counters.bytes;
  let agreed = 0;
  let looks = 0;
  while (cluster.world.now < start + lastsMs) {
    cluster.world.run(cluster.world.now + 1_000);
    looks += 1;
    const digest = cluster.program(observer)?.membership.digest();
    if (healthy.every((host) => cluster.program(host)?.membership.digest() === digest)) agreed += 1;
  }
  return {
    defect,
    size,
    faulty: faulty.size,
    healthyRemoved,
    healthyRemovedByFaulty,
    changesPerFaulty: changes / faulty.size,
    agreedShare: agreed / looks,
    bytesPerNodeSecond: (cluster.world.network.counters.bytes - bytesBefore) / size / (lastsMs / 1_000),
  };
}
