import test from 'ava';
import { Stage } from '../../bench/harness/stage.js';
import { rawWs } from '../../bench/peers/raw-ws.js';

// The whole of the harness once, with the peer that needs nothing installed: real processes on loopback.
test('a run with raw ws delivers every message once and leaves no process behind', async (t) => {
  const stage = await Stage.open(rawWs, {
    nodes: 1,
    root: process.cwd(),
    kind: 'own',
    readers: 20,
    channels: 20,
    payloadBytes: 128,
    wantsAcks: true,
  });
  const { generator } = stage;
  const channels = Array.from({ length: 20 }, (_, index) => index);
  await generator.connect(0, 20, 5);
  await generator.publish({ do: 'burst', channels, count: 50 });
  t.true(await generator.awaitDelivered(1_000, 30_000));
  await generator.drop([0]);
  await generator.publish({ do: 'burst', channels, count: 1 });
  t.true(await generator.awaitDelivered(1_019, 30_000));
  const outcome = await stage.outcome(200);
  await stage.close();
  t.is(outcome.published.total, 1_020);
  t.is(outcome.published.acked, 1_020);
  t.is(outcome.lost, 1);
  t.is(outcome.ackedLost, 1);
  t.deepEqual(outcome.finish.counts, { delivered: 1_019, repeated: 0, reordered: 0, foreign: 0, unreadable: 0 });
  t.deepEqual(outcome.faults, []);
  t.true(stage.servers.every((server) => !server.isRunning));
});
