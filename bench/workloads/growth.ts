/**
 * What a larger cluster costs on the same work: 5,000 messages a second to 1,000 users, published through one node, on 1 to 8
 * nodes. All share this machine's cores, so it shows the price of clustering, never its gain in capacity.
 */
import { pause, Stage } from '../harness/stage.js';
import { costOf, resultOf, STRANGERS } from './outcome.js';
import type { Workload } from './workload.js';

const RATE = 5_000;
/** Long enough for what translates its code while it runs (latency.ts). */
const WARM_MS = 8_000;
const IDLE_S = 2;
/** Systems whose nodes talk to each other; where a broker stands between them, it is the broker that would be measured. */
const MESHES: readonly string[] = ['halod', 'nats'];

export const growth: Workload = {
  name: 'growth',
  title: 'Growth: 5,000 messages/s to 1,000 users on 1 to 8 nodes',
  variants: [1, 2, 3, 4, 5, 6, 7, 8].map((nodes) => ({
    name: `${nodes} node${nodes === 1 ? '' : 's'}`,
    nodes,
    rate: RATE,
  })),
  columns: [
    { key: 'serverMicros', title: 'server CPU µs a delivery', better: 'less' },
    { key: 'nodeCoresMax', title: 'cores of the busiest node', better: 'less' },
    { key: 'nodeCoresMean', title: 'cores a node, mean', better: 'less' },
    { key: 'idleCoresMean', title: 'cores a node without traffic', better: 'less' },
    { key: 'p50Ms', title: 'p50 ms', better: 'less' },
    { key: 'p99Ms', title: 'p99 ms', better: 'less' },
    { key: 'perSecond', title: 'delivered/s' },
    STRANGERS,
  ],
  charts: ['serverMicros', 'nodeCoresMean'],
  fits: (peer) => MESHES.includes(peer.name),
  async run(peer, variant, { users, seconds, payloadBytes, root, progress }) {
    const stage = await Stage.open(peer, {
      nodes: variant.nodes,
      root,
      kind: 'own',
      readers: users,
      channels: users,
      payloadBytes,
    });
    try {
      progress('connect');
      await stage.generator.connect(0, users, 50);
      await pause(1_000);
      const idling = await stage.over(IDLE_S);
      progress('pace');
      await stage.generator.publish({ do: 'pace', rate: RATE, order: 'random' });
      await pause(WARM_MS);
      await stage.generator.sample('each');
      const interval = await stage.over(seconds);
      const { p50Ms, p99Ms } = await stage.generator.latencies();
      await stage.generator.sample('none');
      const cores = interval.nodesMs.map((ms) => ms / 1e3 / interval.seconds);
      return resultOf(await stage.outcome(), {
        ...costOf(interval),
        p50Ms,
        p99Ms,
        nodeCoresMax: Math.max(...cores),
        nodeCoresMean: cores.reduce((sum, each) => sum + each, 0) / cores.length,
        idleCoresMean: idling.serverMs / 1e3 / idling.seconds / variant.nodes,
      });
    } finally {
      await stage.close();
    }
  },
};
