/** Messages to 1,000 users, each on a channel of its own, as fast as a window of 8,192 undelivered messages allows. */
import { pause, Stage } from '../harness/stage.js';
import { COST_COLUMNS, costOf, resultOf, STRANGERS } from './outcome.js';
import type { Workload } from './workload.js';

export const WINDOW = 8_192;
/** Until memory has the size that the load needs. */
const WARM_MS = 4_000;

export const unicast: Workload = {
  name: 'unicast',
  title: 'Unicast to 1,000 users, published through one node',
  variants: [
    { name: '3 nodes', nodes: 3 },
    { name: '1 node', nodes: 1 },
  ],
  columns: [...COST_COLUMNS, STRANGERS],
  charts: ['serverMicros', 'perSecond'],
  fits: (peer, variant) => peer.isClustered || variant.nodes === 1,
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
      progress('flood');
      await stage.generator.publish({ do: 'flood', window: WINDOW, order: 'random' });
      await pause(peer.warmMs ?? WARM_MS);
      const interval = await stage.over(seconds);
      return resultOf(await stage.outcome(), costOf(interval));
    } finally {
      await stage.close();
    }
  },
};
