/**
 * `kill -9` of one of three nodes while 500 messages a second go to 300 users in turn, published through a node that lives.
 * Readers of the dead node dial another after a random time up to 500 ms, whatever the peer. A user is served again with the
 * first message that was sent after the kill; as each is written to every 0.6 s, that alone takes 0.3 s on average.
 */

import { pause, Stage } from '../harness/stage.js';
import { percentile } from '../harness/stats.js';
import { resultOf } from './outcome.js';
import type { Workload } from './workload.js';

const USERS = 300;
const RATE = 500;
const BEFORE_MS = 3_000;
const AFTER_MS = 10_000;
const PATIENCE_MS = 6_000;
const VICTIM = 1;

export const crash: Workload = {
  name: 'crash',
  title: 'kill -9 of one of three nodes at 500 messages/s to 300 users',
  variants: [{ name: '3 nodes', nodes: 3 }],
  columns: [
    { key: 'ackedLost', title: 'acknowledged, never delivered', better: 'less' },
    { key: 'allServedMs', title: 'all users receive again, ms', better: 'less' },
    { key: 'servedP99Ms', title: 'p99 of users, ms', better: 'less' },
    { key: 'servedP50Ms', title: 'p50, ms' },
    { key: 'reattachedMs', title: 'all attached again, ms' },
    { key: 'neverServed', title: 'users never served', better: 'less' },
    { key: 'sent', title: 'sent' },
    { key: 'acked', title: 'acknowledged' },
    { key: 'lost', title: 'lost of all sent' },
  ],
  charts: ['allServedMs', 'ackedLost'],
  fits: (peer) => peer.isClustered,
  async run(peer, variant, { payloadBytes, root, progress }) {
    const stage = await Stage.open(peer, {
      nodes: variant.nodes,
      root,
      kind: 'own',
      readers: USERS,
      channels: USERS,
      payloadBytes,
      wantsAcks: true,
    });
    const { generator } = stage;
    try {
      progress('connect');
      await generator.connect(0, USERS, 50);
      await pause(1_500);
      await generator.publish({ do: 'pace', rate: RATE, order: 'turn' });
      await pause(BEFORE_MS);
      progress('kill');
      await generator.watch();
      stage.cluster.nodes[VICTIM]!.kill();
      await pause(AFTER_MS);
      const outcome = await stage.outcome(PATIENCE_MS);
      const watched = await generator.watched();
      const served = watched.firstMs.filter((ms) => ms >= 0).sort((a, b) => a - b);
      const neverServed = USERS - served.length;
      return resultOf(outcome, {
        sent: outcome.published.total,
        acked: outcome.published.acked,
        lost: outcome.lost,
        ackedLost: outcome.ackedLost,
        neverServed,
        servedP50Ms: percentile(served, 0.5),
        servedP99Ms: percentile(served, 0.99),
        ...(neverServed > 0 ? {} : { allServedMs: served.at(-1)! }),
        ...(watched.reattachedMs < 0 ? {} : { reattachedMs: watched.reattachedMs }),
      });
    } finally {
      await stage.close();
    }
  },
};
