import test from 'ava';
import { JournalError } from '../../lib/core/channel/ports.js';
import { decodeFrame } from '../../lib/core/outbox.js';
import { LIMITS } from '../../lib/wire/limits.js';
import { formatPosition } from '../../lib/wire/position.js';
import { decodeRouting } from '../../lib/wire/routing.js';
import { TestCluster, type TestNode } from './cluster.js';

test('three nodes agree on one table and each owns a third of the slots', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(3, { slots: 1024 });
  const { nodes } = cluster.nodes[0]!.core.cluster();
  t.is(nodes.length, 3);
  for (const node of nodes) t.true(Math.abs(node.slots - 1024 / 3) <= 1);
});

test('a lone node answers a publish with one copy', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(1);
  const out = cluster.publish(cluster.nodes[0]!, 'room', { text: 'hi' });
  cluster.run(50);
  t.like(out.result, { ok: true, copies: 1 });
});

test('a publish to any node reaches readers on every node once and in order', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(3);
  const readers = cluster.nodes.map((node, i) => {
    const { sink, session } = cluster.connect(node, `reader${i}`, { relay: true });
    session.onMessage({ type: 'subscribe', channel: 'room' }, cluster.now);
    return sink;
  });
  cluster.run(200);
  for (let i = 0; i < 20; i++) {
    cluster.publish(cluster.nodes[i % 3]!, 'room', i);
    cluster.run(20);
  }
  for (const sink of readers) {
    t.deepEqual(
      sink.entries.filter((e) => e.channel === 'room').map((e) => e.data),
      Array.from({ length: 20 }, (_, i) => i),
    );
  }
});

test('the same id published twice through different nodes is one message', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(3);
  const { sink, session } = cluster.connect(cluster.nodes[0]!, 'r', { relay: true });
  session.onMessage({ type: 'subscribe', channel: 'room', after: 'start' }, cluster.now);
  const a = cluster.publish(cluster.nodes[0]!, 'room', 1, 'same');
  const b = cluster.publish(cluster.nodes[1]!, 'room', 1, 'same');
  cluster.run(300);
  t.true(a.result?.ok && b.result?.ok);
  t.is(sink.entries.length, 1);
});

test('readers are served before the answer to the publisher leaves, and after what a message waits for elsewhere', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(2, { channels: { copies: 1, acks: 1 } });
  const owner = cluster.nodes.find((n) => n.core.homeOf('@alice').self)!;
  const entry = cluster.nodes.find((n) => n !== owner)!;
  const elsewhere = Array.from({ length: 100 }, (_, i) => `room${i}`).find((c) => !owner.core.homeOf(c).self)!;
  const { sink } = cluster.connect(owner, 'alice');
  cluster.run(50);
  const left: string[] = [];
  cluster.onLeaving = (from, frame) => {
    if (from !== owner) return;
    if (frame === null) return void left.push(`${sink.entries.length} messages`);
    for (const element of decodeFrame(frame).elements)
      if ((element[0] as number) >= 40) left.push(decodeRouting(element).type);
  };
  const out = cluster.publish(entry, '@alice', 1);
  cluster.run(5);
  t.true(out.result?.ok);
  t.deepEqual(left.filter((what) => what !== '0 messages').slice(0, 2), ['1 messages', 'answers']);
  left.length = 0;
  cluster.publish(owner, '@alice', 2);
  cluster.publish(owner, elsewhere, 3);
  cluster.run(1);
  t.deepEqual(left.slice(0, 2), ['forwards', '2 messages']);
});

test('a client at the wrong node is sent to the owner of its own channel', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(3);
  const at = cluster.nodes.map((node) => cluster.connect(node, 'alice').sink);
  cluster.run(50);
  t.is(at.filter((sink) => sink.of('connected').length === 1).length, 1);
  const owner = cluster.nodes.find((n) => n.core.homeOf('@alice').self)!;
  for (const sink of at.filter((s) => s.closed !== undefined)) {
    t.is(sink.closed!.code, 4301);
    t.is(sink.of('redirect')[0]!.url, owner.url);
  }
});

test('what was acknowledged before its owner died is delivered to a reader that comes back with its position', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(3);
  const owner = cluster.nodes.find((n) => n.core.homeOf('@alice').self)!;
  const other = cluster.nodes.find((n) => n !== owner)!;
  const first = cluster.connect(owner, 'alice');
  cluster.run(50);
  const before = cluster.publish(other, '@alice', 'before');
  cluster.run(50);
  t.true(before.result?.ok && before.result.copies >= 2);
  const position = first.sink.entries[0]!.position;
  const missed = cluster.publish(other, '@alice', 'missed');
  cluster.runUntil(() => missed.result !== undefined, 1_000);
  cluster.kill(owner);
  cluster.runUntil(() => cluster.agreed(2), 10_000);
  cluster.run(1_000);
  const second = cluster.connect(other, 'alice', { after: position, relay: true });
  cluster.run(500);
  t.deepEqual(
    second.sink.entries.map((e) => e.data),
    ['missed'],
  );
  t.is(second.sink.of('subscribed')[0]!.recovered, true);
  t.deepEqual(second.sink.of('gap'), []);
});

test('a node that drains hands over what it holds, moves its clients and leaves', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(3);
  const [leaver, ...rest] = cluster.nodes;
  const out = cluster.publish(leaver!, 'room', 'kept');
  const user = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].find((u) => leaver!.core.homeOf(`@${u}`).self)!;
  const { sink } = cluster.connect(leaver!, user);
  cluster.runUntil(() => out.result !== undefined, 1_000);
  leaver!.core.drain(cluster.now);
  cluster.runUntil(() => sink.of('move').length === 1, 5_000);
  const session = [...leaver!.core.sessions.all][0]!;
  session.onClosed(cluster.now);
  cluster.runUntil(() => leaver!.core.state === 'left', 15_000);
  cluster.kill(leaver!);
  cluster.run(2_000);
  const reader = cluster.connect(rest[0]!, 'z', { relay: true });
  reader.session.onMessage({ type: 'subscribe', channel: 'room', after: 'start' }, cluster.now);
  cluster.run(500);
  t.deepEqual(
    reader.sink.entries.map((e) => e.data),
    ['kept'],
  );
});

test('a node drains while messages keep coming, and leaves nothing behind that only it holds', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(3);
  const [leaver, ...rest] = cluster.nodes;
  const outs: ReturnType<TestCluster['publish']>[] = [];
  const publish = (ms: number) => {
    for (let i = 0; i < ms / 5; i++) {
      outs.push(cluster.publish(rest[i % 2]!, `room${outs.length % 50}`, outs.length));
      cluster.run(5);
    }
  };
  publish(500);
  leaver!.core.drain(cluster.now);
  const startedAt = cluster.now;
  while (leaver!.core.state !== 'left' && cluster.now < startedAt + 9_000) publish(100);
  t.true(cluster.now - startedAt < 4_000, `left after ${cluster.now - startedAt} ms`);
  cluster.kill(leaver!);
  publish(200);
  cluster.run(2_000);
  t.deepEqual(
    outs.filter((out) => out.result?.ok !== true).map((out) => out.result),
    [],
  );
  const { sink, session } = cluster.connect(rest[0]!, 'z', { relay: true });
  for (let i = 0; i < 50; i++)
    session.onMessage({ type: 'subscribe', channel: `room${i}`, after: 'start' }, cluster.now);
  cluster.run(1_000);
  t.is(sink.entries.length, outs.length);
});

test('a publish that was handed to a node just killed goes to its successor once the table says so', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(3);
  const owner = cluster.nodes.find((n) => n.core.id === cluster.nodes[0]!.core.locate('room').owner.id)!;
  const entry = cluster.nodes.find((n) => n !== owner)!;
  cluster.kill(owner);
  cluster.run(5);
  t.is(entry.core.locate('room').owner.id, owner.core.id);
  cluster.dropsSilently = true;
  const out = cluster.publish(entry, 'room', 1);
  cluster.runUntil(() => entry.core.locate('room').owner.id !== owner.core.id, 5_000);
  t.is(out.result, undefined);
  cluster.runUntil(() => out.result !== undefined, 1_000);
  t.like(out.result, { ok: true });
});

test('a reader on the node through which a publish comes has it before the publisher has the answer', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(1);
  const [node] = cluster.nodes as [TestNode];
  const { sink } = cluster.connect(node, 'alice');
  cluster.run(50);
  const had: number[] = [];
  const done = () => void had.push(sink.entries.length);
  const request = { channel: '@alice', publisher: '', seq: 0, data: '1', firstTriedAt: cluster.now, done };
  for (const ownId of ['a', 'b']) node.core.publish({ ...request, ownId }, cluster.now);
  cluster.run(5);
  t.deepEqual(had, [2, 2]);
});

test('history through any node has as many messages as were asked for, or as fit one answer', (t) => {
  const cluster = new TestCluster();
  cluster.startAll(3, { channels: { history: { messages: 5_000, bytes: 1e9, ageMs: 1e7 } } });
  const other = cluster.nodes.find((node) => !node.core.homeOf('room').self)!;
  const read = (after: string, limit: number) => {
    let result: Parameters<Parameters<typeof other.core.history>[3]>[0] | undefined;
    other.core.history(
      'room',
      after,
      limit,
      (got) => {
        result = got;
      },
      cluster.now,
    );
    cluster.run(200);
    if (result?.ok !== true) throw new Error('not answered');
    return result.value;
  };
  for (let i = 0; i < 1_200; i++) cluster.publish(cluster.nodes[i % 3]!, 'room', i);
  cluster.run(500);
  t.is(read('', 1_000).entries.length, 1_000);
  const first = read('start', 1_000);
  t.deepEqual([first.entries.length, first.gap], [1_000, false]);
  const rest = read(formatPosition(first.position), 1_000);
  t.deepEqual([rest.entries.length, rest.gap], [200, false]);
  t.is(new Set([...first.entries, ...rest.entries].map((e) => e.data)).size, 1_200);
  t.deepEqual(read('now', 10), { entries: [], position: rest.position, gap: false });
  const large = 'x'.repeat(60_000);
  for (let i = 0; i < 400; i++) cluster.publish(cluster.nodes[i % 3]!, 'room', large);
  cluster.run(500);
  let came = 0;
  for (let position = formatPosition(rest.position); came < 400; ) {
    const part = read(position, 1_000);
    t.true(part.entries.length > 0 && part.entries.length <= 1 + LIMITS.historyAnswerBytes / large.length + 20);
    came += part.entries.length;
    position = formatPosition(part.position);
  }
  t.is(came, 400);
});

test('a node that cannot write down what a peer sends stops, and does not blame the peer', (t) => {
  const cluster = new TestCluster();
  const full = new Set<number>();
  cluster.onWriting = (index) => {
    if (full.has(index)) throw new JournalError('no space left');
  };
  cluster.startAll(2);
  const entry = cluster.nodes.find((n) => !n.core.homeOf('room').self)!;
  const out = cluster.publish(entry, 'room', 1);
  cluster.run(100);
  t.true(out.result?.ok);
  full.add(entry.index);
  // the owner sends it the message together with the answer, which it would give at once
  const last = cluster.publish(entry, 'room', 2);
  t.throws(() => cluster.run(100), { instanceOf: JournalError });
  t.is(last.result, undefined);
});
