import test from 'ava';
import { TestCluster } from '../core/cluster.js';

test('a stampede waits in line: no second sees more sessions than the budget', (t) => {
  const cluster = new TestCluster();
  cluster.start({ sessionsPerSecond: 100 });
  const node = cluster.nodes[0]!;
  const sinks = Array.from({ length: 300 }, (_, i) => cluster.connect(node, `u${i}`).sink);
  const admitted = () => sinks.filter((s) => s.of('connected').length === 1).length;
  let before = 0;
  for (let second = 0; second < 5; second++) {
    cluster.run(1_000);
    t.true(admitted() - before <= 100, `${admitted() - before} in one second`);
    before = admitted();
  }
  t.is(admitted(), 300);
  t.true(sinks.every((s) => s.closed === undefined));
});

test('what a waiting session says is answered once it is let in', (t) => {
  const cluster = new TestCluster();
  cluster.start({ sessionsPerSecond: 10 });
  const node = cluster.nodes[0]!;
  cluster.connect(node, 'first');
  const { sink, session } = cluster.connect(node, 'second');
  session.onMessage({ type: 'ping' }, cluster.now);
  t.deepEqual(sink.sent, []);
  cluster.run(500);
  t.deepEqual(sink.sent.map((m) => m.type).sort(), ['connected', 'pong', 'subscribed']);
});

test('after a join only those who belong to the joiner are moved, at its pace', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(2, { slots: 1024, sessionsPerSecond: 100 });
  const sessions = Array.from({ length: 120 }, (_, i) => {
    const home = cluster.nodes.find((n) => n.core.homeOf(`@u${i}`).self)!;
    return { user: `u${i}`, ...cluster.connect(home, `u${i}`) };
  });
  cluster.run(2_000);
  const joiner = cluster.start({ seeds: [0], slots: 1024, sessionsPerSecond: 100 });
  cluster.runUntil(() => cluster.agreed(3), 10_000);
  const belong = sessions.filter((s) => joiner.core.homeOf(`@${s.user}`).self);
  const told = () => sessions.filter((s) => s.sink.of('move').length > 0);
  t.true(belong.length > 20);
  let before = told().length;
  for (let i = 0; i < 20 && told().length < belong.length; i++) {
    cluster.run(1_000);
    t.true(told().length - before <= 100);
    before = told().length;
  }
  t.deepEqual(told(), belong);
  t.true(told().every((s) => s.sink.of('move')[0]!.url === joiner.url));
});

test('a client that never moves is served in place', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(2, { slots: 64 });
  const users = Array.from({ length: 20 }, (_, i) => `u${i}`);
  const at = users.map((user) => cluster.connect(cluster.nodes.find((n) => n.core.homeOf(`@${user}`).self)!, user));
  const joiner = cluster.start({ seeds: [0], slots: 64 });
  cluster.runUntil(() => cluster.agreed(3), 10_000);
  const i = users.findIndex((user) => joiner.core.homeOf(`@${user}`).self);
  cluster.run(60_000);
  const { sink } = at[i]!;
  t.is(sink.closed, undefined);
  t.true(sink.of('move').length >= 1 && sink.of('move').length <= 3);
  cluster.publish(cluster.nodes[0]!, `@${users[i]}`, 'still here');
  cluster.run(200);
  t.is(sink.entries.at(-1)!.data, 'still here');
});

test('clients are told where to go should their node die, and how long to spread', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(3, { sessionsPerSecond: 100 });
  const home = cluster.nodes.find((n) => n.core.homeOf('@alice').self)!;
  const { sink } = cluster.connect(home, 'alice');
  cluster.run(100);
  const told = sink.of('connected')[0]!;
  const [heir] = cluster.nodes.filter((n) => n.url === told.next[0]);
  cluster.kill(home);
  cluster.runUntil(() => cluster.agreed(2), 10_000);
  t.true(heir!.core.homeOf('@alice').self, 'the first in line is the one that inherits the slot');
});

test('a client that only publishes is told of other nodes too', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(3);
  const { sink } = cluster.connect(cluster.nodes[0]!, '');
  cluster.run(100);
  t.deepEqual([...sink.of('connected')[0]!.next].sort(), [cluster.nodes[1]!.url, cluster.nodes[2]!.url].sort());
});
