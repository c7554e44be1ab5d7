/** One channel with 2,000 readers, spread over the nodes; the same window of 8,192 undelivered copies. */
import { pause, Stage } from '../harness/stage.js';
import { COST_COLUMNS, costOf, resultOf, STRANGERS } from './outcome.js';
import { WINDOW } from './unicast.js';
import type { Workload } from './workload.js';

const READERS = 2_000;
const WARM_MS = 1_500;

export const fanout: Workload = {
  name: 'fanout',
  title: 'Fan-out: one channel, 2,000 readers',
  variants: [
    { name: '3 nodes', nodes: 3 },
    { name: '1 node', nodes: 1 },
  ],
  columns: [
    ...COST_COLUMNS,
    { key: 'lastP50Ms', title: 'last reader, p50 ms', better: 'less' },
    { key: 'lastP99Ms', title: 'p99 ms', better: 'less' },
    STRANGERS,
  ],
  charts: ['serverMicros', 'perSecond'],
  fits: (peer, variant) => (peer.isClustered ? variant.nodes === 3 : variant.nodes === 1),
  async run(peer, variant, { seconds, payloadBytes, root, progress }) {
    const stage = await Stage.open(peer, {
      nodes: variant.nodes,
      root,
      kind: 'shared',
      readers: READERS,
      channels: 1,
      payloadBytes,
    });
    try {
      progress('connect');
      await stage.generator.connect(0, READERS, 50);
      await pause(1_000);
      progress('flood');
      await stage.generator.publish({ do: 'flood', window: WINDOW, order: 'random' });
      await pause(peer.warmMs ?? WARM_MS);
      await stage.generator.sample('last');
      const interval = await stage.over(seconds);
      const { p50Ms, p99Ms } = await stage.generator.latencies();
      await stage.generator.sample('none');
      return resultOf(await stage.outcome(), { ...costOf(interval), lastP50Ms: p50Ms, lastP99Ms: p99Ms });
    } finally {
      await stage.close();
    }
  },
};
