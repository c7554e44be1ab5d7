/**
 * Five users lose their connection for two seconds, in which 1,000 messages are published to each; then they come back.
 * What is missing after that, and how long it took from the first dial to the last message of the last user.
 */
import { pause, Stage } from '../harness/stage.js';
import { resultOf } from './outcome.js';
import type { Workload } from './workload.js';

const USERS = 5;
const BEFORE = 60;
const MISSED = 1_000;
const AWAY_MS = 2_000;
const DEADLINE_MS = 5_000;

export const away: Workload = {
  name: 'away',
  title: '2 s away and back: 5 users miss 1,000 messages each',
  variants: [
    { name: '3 nodes', nodes: 3 },
    { name: '1 node', nodes: 1 },
  ],
  columns: [
    { key: 'lost', title: 'missing, of 5,000', better: 'less' },
    { key: 'recoveryMs', title: 'ms to catch up', better: 'less' },
    { key: 'acked', title: 'acknowledged' },
  ],
  charts: ['recoveryMs', 'lost'],
  fits: (peer, variant) => peer.isClustered || variant.nodes === 1,
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
    const everyone = Array.from({ length: USERS }, (_, index) => index);
    try {
      await generator.connect(0, USERS, USERS);
      await pause(1_000);
      progress('before');
      await generator.publish({ do: 'burst', channels: everyone, count: BEFORE });
      await generator.awaitDelivered(USERS * BEFORE, DEADLINE_MS);
      progress('away');
      await generator.drop(everyone);
      const left = performance.now();
      await pause(200);
      await generator.publish({ do: 'burst', channels: everyone, count: MISSED });
      await generator.publish({ do: 'settle', deadlineMs: DEADLINE_MS });
      await pause(Math.max(0, AWAY_MS - (performance.now() - left)));
      progress('back');
      const { sent } = await generator.state();
      const recoveryMs = await generator.return(everyone, sent, DEADLINE_MS);
      const outcome = await stage.outcome();
      return resultOf(outcome, {
        lost: outcome.lost,
        acked: outcome.published.acked,
        ...(recoveryMs < 0 ? {} : { recoveryMs }),
      });
    } finally {
      await stage.close();
    }
  },
};
