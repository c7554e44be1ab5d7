/** Time from sending to arrival, at a rate that the clock keeps whatever the peer does. */
import { pause, Stage } from '../harness/stage.js';
import { costOf, resultOf, STRANGERS } from './outcome.js';
import type { Workload } from './workload.js';

const WARM_MS = 1_500;

export const latency: Workload = {
  name: 'latency',
  title: 'Latency at a fixed rate, 1,000 users',
  variants: [
    { name: '1,000/s, 3 nodes', nodes: 3, rate: 1_000 },
    { name: '10,000/s, 3 nodes', nodes: 3, rate: 10_000 },
    { name: '1,000/s, 1 node', nodes: 1, rate: 1_000 },
    { name: '10,000/s, 1 node', nodes: 1, rate: 10_000 },
  ],
  columns: [
    { key: 'p50Ms', title: 'p50 ms', better: 'less' },
    { key: 'p99Ms', title: 'p99 ms', better: 'less' },
    { key: 'p999Ms', title: 'p99.9 ms', better: 'less' },
    { key: 'perSecond', title: 'delivered/s' },
    { key: 'serverMicros', title: 'server CPU µs a delivery', better: 'less' },
    { key: 'timerLateP99Ms', title: "generator's timer late, p99 ms" },
    STRANGERS,
  ],
  charts: ['p50Ms', 'p99Ms'],
  fits: (peer, variant) => (peer.isClustered ? variant.nodes === 3 : variant.nodes === 1),
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
      progress('pace');
      await stage.generator.publish({ do: 'pace', rate: variant.rate!, order: 'random' });
      await pause(peer.warmMs ?? WARM_MS);
      await stage.generator.sample('each');
      const interval = await stage.over(seconds);
      const { p50Ms, p99Ms, p999Ms, maxMs } = await stage.generator.latencies();
      await stage.generator.sample('none');
      const outcome = await stage.outcome();
      return resultOf(outcome, {
        ...costOf(interval),
        p50Ms,
        p99Ms,
        p999Ms,
        maxMs,
        timerLateP99Ms: outcome.published.timerLateP99Ms,
      });
    } finally {
      await stage.close();
    }
  },
};
