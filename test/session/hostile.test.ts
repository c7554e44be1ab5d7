import test from 'ava';
import { LIMITS } from '../../lib/wire/limits.js';
import { TestCluster, type TestNode } from '../core/cluster.js';

test('a client that comes with a position of nonsense is refused at once, in line or not, and leaves nothing behind', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(1, { sessionsPerSecond: 10 });
  const [node] = cluster.nodes as [TestNode];
  for (let i = 0; i < 50; i++) cluster.connect(node, `user${i}`);
  t.true(node.core.sessions.waiting > 0);
  const before = node.core.sessions.all.size + node.core.sessions.waiting;
  t.throws(() => cluster.connect(node, 'eve', { after: 'bogus' }), { message: /position/ });
  t.is(node.core.sessions.all.size + node.core.sessions.waiting, before);
  t.notThrows(() => cluster.run(10_000));
  t.is(node.core.sessions.all.size, 50);
});

test('what a client asks for beyond what may wait for it is not looked up', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(1);
  const [node] = cluster.nodes as [TestNode];
  const { sink, session } = cluster.connect(node, 'eve');
  for (let i = 0; i < 20; i++) cluster.publish(node, 'room', i);
  cluster.run(100);
  const answers = () => sink.of('history').length + sink.of('subscribed').length + sink.entries.length;
  const ask = () => {
    session.onMessage({ type: 'history', ref: 1, channel: 'room', after: 'start', limit: 10 }, cluster.now);
    session.onMessage({ type: 'subscribe', channel: 'room', after: 'start' }, cluster.now);
  };
  const before = answers();
  sink.full = true;
  ask();
  cluster.run(100);
  t.is(answers(), before);
  sink.full = false;
  ask();
  cluster.run(100);
  t.is(answers(), before + 2 + 20);
});

test('a connection has so many questions under way at other nodes, and no more', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(2);
  const [node] = cluster.nodes as [TestNode];
  const elsewhere = Array.from({ length: 100 }, (_, i) => `room${i}`).find((c) => !node.core.homeOf(c).self)!;
  const { sink, session } = cluster.connect(node, 'eve', { relay: true });
  cluster.run(100);
  const ask = (count: number, after = 'start') => {
    for (let ref = 0; ref < count; ref++)
      session.onMessage({ type: 'history', ref, channel: elsewhere, after }, cluster.now);
    cluster.run(500);
    const counts = [sink.of('history').length, sink.of('error').length];
    sink.sent.length = 0;
    return counts;
  };
  t.deepEqual(ask(3 * LIMITS.asksPerSession), [LIMITS.asksPerSession, 2 * LIMITS.asksPerSession]);
  t.deepEqual(ask(2 * LIMITS.asksPerSession, 'bogus'), [0, 2 * LIMITS.asksPerSession]);
  t.deepEqual(ask(LIMITS.asksPerSession), [LIMITS.asksPerSession, 0]);
});
