/** What a node writes down outlives it, and stands there before anybody hears of it. */
import test from 'ava';
import type { AppendResult, Entry } from '../../lib/core/channel/types.js';
import type { NodeId } from '../../lib/wire/ids.js';
import { parsePosition } from '../../lib/wire/position.js';
import { Trio, type TrioOptions } from './trio.js';

const alone = (channels: TrioOptions['channels'] = {}): { trio: Trio; id: NodeId } => {
  const trio = new Trio({ nodes: 1, journals: true, channels: { copies: 1, acks: 1, ...channels } });
  return { trio, id: trio.ids[0]! };
};

const idsOf = (trio: Trio, id: NodeId, channel = 'room'): string[] =>
  [...trio.at(id).inspection.orderOf(channel)].map((entry) => entry.id);

const publish = (trio: Trio, id: NodeId, from: number, to: number, publisher = 'pub'): AppendResult[] => {
  const results: AppendResult[][] = [];
  for (let seq = from; seq <= to; seq++) results.push(trio.append(id, 'room', seq, publisher));
  trio.settle();
  return results.flat();
};

/** The first channel of which the slot is that of `room`, or is not. */
const channelBeside = (trio: Trio, inSameSlot: boolean): string => {
  const table = trio.table(trio.ids);
  for (let i = 0; ; i++) if ((table.slotOf(`room-${i}`) === table.slotOf('room')) === inSameSlot) return `room-${i}`;
};

/** A copy has taken a message in the turn that is not over yet. */
const pushed = (): { trio: Trio; copy: NodeId; entry: Entry } => {
  const trio = new Trio({ journals: true });
  const [owner, copy] = trio.line('room') as [NodeId, NodeId];
  trio.append(owner, 'room', 1);
  trio.at(owner).flush(trio.now);
  const pushes = trio.queue.filter(({ to }) => to === copy);
  for (const { from, message } of pushes) trio.at(copy).onMessage(from, message, trio.now);
  const [entry] = [...trio.at(copy).inspection.entries()];
  return { trio, copy, entry: entry! };
};

const named = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `pub.${from + i}`);

test('a lone node that ends has all that it answered when it starts again', (t) => {
  const { trio, id } = alone();
  publish(trio, id, 1, 50);
  trio.append(id, 'room', 0, '', 'own');
  trio.pass(1_000);
  trio.outage();
  trio.pass(1_000);
  t.deepEqual(idsOf(trio, id), [...named(1, 50), 'own']);
  t.like(trio.restored.get(id), { messages: 51, channels: 1, damaged: 0 });
});

test('a publisher goes on where it was, a repeated message is the same one, and a reader resumes without a gap', (t) => {
  const { trio, id } = alone();
  const before = publish(trio, id, 1, 5);
  trio.append(id, 'room', 0, '', 'own');
  trio.settle();
  trio.outage();
  trio.pass(1_000);
  const again = publish(trio, id, 5, 6);
  t.deepEqual(
    again.map((result) => result.ok),
    [true, true],
  );
  t.is((again[0] as { id: string }).id, (before[4] as { id: string }).id);
  trio.append(id, 'room', 0, '', 'own');
  trio.settle();
  t.deepEqual(idsOf(trio, id), [...named(1, 5), 'own', 'pub.6']);
  const after = parsePosition((before[2] as { position: string }).position)!;
  const read = trio.at(id).read('room', after, 100, trio.now);
  t.is(read.gap, null);
  t.deepEqual(
    read.entries.map((entry) => entry.id),
    ['pub.4', 'pub.5', 'own', 'pub.6'],
  );
});

test('what was written by a process that has ended is never appended to', (t) => {
  const { trio, id } = alone();
  publish(trio, id, 1, 3);
  trio.outage();
  trio.pass(1_000);
  publish(trio, id, 4, 6);
  const lineages = new Set([...trio.at(id).inspection.entries()].map((entry) => entry.lid));
  t.is(lineages.size, 2);
});

test('where the journal cannot be written nothing is answered, delivered or sent', (t) => {
  const trio = new Trio({ journals: true });
  const [owner] = trio.line('room') as [NodeId];
  publish(trio, owner, 1, 1);
  const delivered = trio.delivered.get(owner)!.length;
  trio.failure = new Error('no space left');
  const results = trio.append(owner, 'room', 2);
  t.throws(() => trio.at(owner).flush(trio.now), { message: 'no space left' });
  t.deepEqual(results, []);
  t.is(trio.delivered.get(owner)!.length, delivered);
  t.false(trio.queue.some(({ from }) => from === owner));
});

test('a node that is asked whether it holds a message writes it down before it says so', (t) => {
  const { trio, copy, entry } = pushed();
  const written = trio.journals.get(copy)!.flat().length;
  t.true(trio.at(copy).holds(entry.lid, 1));
  t.is(trio.journals.get(copy)!.flat().length, written + 1);
});

test('after a write that failed nothing is said to be held, nor written', (t) => {
  const { trio, copy, entry } = pushed();
  trio.failure = new Error('no space left');
  t.throws(() => trio.at(copy).flush(trio.now), { message: 'no space left' });
  trio.failure = null;
  t.throws(() => trio.at(copy).holds(entry.lid, 1), { message: 'no space left' });
  t.throws(() => trio.at(copy).flush(trio.now), { message: 'no space left' });
  t.false(trio.queue.some(({ from }) => from === copy));
});

test('all nodes end at once: what was acknowledged is there, once', (t) => {
  const trio = new Trio({ journals: true });
  const [owner] = trio.line('room') as [NodeId];
  publish(trio, owner, 1, 30);
  trio.outage();
  trio.pass(3_000);
  t.deepEqual(idsOf(trio, owner), named(1, 30));
  t.true(publish(trio, owner, 31, 31)[0]!.ok);
});

test('the time in which a node did not run counts', (t) => {
  const { trio, id } = alone();
  publish(trio, id, 1, 3);
  trio.wallMs += 90 * 60_000;
  trio.outage();
  trio.pass(1_000);
  t.deepEqual(idsOf(trio, id), []);
});

test('a date that was set back makes nothing older or younger than it was', (t) => {
  const { trio, id } = alone();
  publish(trio, id, 1, 3);
  trio.wallMs -= 90 * 60_000;
  trio.outage();
  trio.pass(1_000);
  t.deepEqual(idsOf(trio, id), named(1, 3));
});

test('records lost at the end are messages lost on this node, and come back from the others', (t) => {
  const trio = new Trio({ journals: true });
  const [owner] = trio.line('room') as [NodeId];
  for (let seq = 1; seq <= 10; seq++) publish(trio, owner, seq, seq);
  trio.pass(1_000);
  const [edition] = trio.journals.get(owner)!;
  edition!.splice(-4);
  trio.outage();
  t.true(trio.restored.get(owner)!.messages < 10);
  trio.pass(3_000);
  t.deepEqual(idsOf(trio, owner), named(1, 10));
});

test('nothing is held beyond a record that is missing or cannot be read', (t) => {
  const { trio, id } = alone();
  for (let seq = 1; seq <= 10; seq++) publish(trio, id, seq, seq);
  const [edition] = trio.journals.get(id)!;
  const lost = edition!.length - 4;
  edition![lost] = new Uint8Array([1, 2, 3]);
  trio.outage();
  trio.pass(1_000);
  t.deepEqual(idsOf(trio, id), named(1, 6));
  // the record itself, and those of which it is the foundation
  t.is(trio.restored.get(id)!.damaged, 4);
});

test('the journal is written anew when it has grown, and stands for all that is held from then on', (t) => {
  const { trio, id } = alone({
    history: { messages: 20, bytes: 1 << 20, ageMs: 3_600_000 },
    journalBytesMin: 2_000,
    journalGrowth: 1.5,
  });
  for (let seq = 1; seq <= 300; seq++) {
    publish(trio, id, seq, seq);
    trio.pass(50);
  }
  const editions = trio.journals.get(id)!;
  t.is(editions.length, 1);
  const bytes = editions.flat().reduce((sum, record) => sum + record.length, 0);
  t.true(bytes < 10_000, `${bytes} bytes`);
  trio.outage();
  trio.pass(1_000);
  t.deepEqual(idsOf(trio, id).slice(-20), named(281, 300));
  t.true(publish(trio, id, 301, 301)[0]!.ok);
  // who was away since the third message is told that it missed some
  const [first] = [...trio.at(id).inspection.orderOf('room')];
  const read = trio.at(id).read('room', new Map([[first!.lid, 3]]), 100, trio.now);
  t.is(read.gap?.reason, 'size');
});

test('a new edition that was not finished adds to the one before', (t) => {
  const { trio, id } = alone();
  publish(trio, id, 1, 20);
  trio.outage();
  // the new edition is to be written from the next tick on
  publish(trio, id, 21, 22);
  t.is(trio.journals.get(id)!.length, 2);
  trio.outage();
  trio.pass(1_000);
  t.deepEqual(idsOf(trio, id), named(1, 22));
  t.is(trio.journals.get(id)!.length, 1);
});

test('more was written down than is to be held: the oldest goes while it is read', (t) => {
  const history = { messages: 100_000, bytes: 1 << 30, ageMs: 3_600_000 };
  const { trio, id } = alone({ history });
  for (let seq = 1; seq <= 400; seq++) publish(trio, id, seq, seq);
  const small = new Trio({
    nodes: 1,
    journals: true,
    channels: { copies: 1, acks: 1, historyBytesPerNode: 60_000, history },
  });
  small.journals.get(id)!.splice(0, 9, ...trio.journals.get(id)!);
  small.outage();
  t.true(small.restored.get(id)!.bytes <= 60_000);
  small.pass(1_000);
  t.is(idsOf(small, id).at(-1), 'pub.400');
});

test('what was forgotten stays forgotten, whatever older records say', (t) => {
  const { trio, id } = alone({ metaTtlMs: 20_000, history: { messages: 5, bytes: 1 << 20, ageMs: 3_600_000 } });
  publish(trio, id, 1, 5);
  trio.outage();
  trio.pass(1_000);
  publish(trio, id, 6, 10);
  trio.pass(60_000);
  t.is(trio.at(id).stats()['lineages'], 1);
  trio.outage();
  trio.pass(1_000);
  t.deepEqual(
    trio.delivered.get(id)!.map((entry) => entry.id),
    named(6, 10),
  );
});

test('a channel that was forgotten takes nothing with it of another one in its slot', (t) => {
  const { trio, id } = alone({
    publisherTtlMs: 10_000,
    historyBytesPerNode: 5_500,
    // written anew all the time
    journalBytesMin: 1,
    journalGrowth: 1,
  });
  const other = channelBeside(trio, true);
  publish(trio, id, 1, 1);
  trio.append(id, other, 1, 'another');
  for (let seq = 2; seq <= 3; seq++) {
    trio.pass(5_000);
    publish(trio, id, seq, seq);
  }
  trio.pass(2_000);
  t.is(trio.at(id).stats()['channels'], 1);
  trio.outage();
  trio.pass(1_000);
  t.deepEqual(idsOf(trio, id), named(1, 3));
});

test('what is removed of a slot that is half written anew is known as removed', (t) => {
  const { trio, id } = alone({ history: { messages: 20, bytes: 1 << 24, ageMs: 3_600_000 } });
  const large = { channel: channelBeside(trio, false), ownId: '', publisher: 'large', firstTriedAt: trio.now };
  const data = JSON.stringify('x'.repeat(50_000));
  for (let seq = 1; seq <= 20; seq++) trio.at(id).append({ ...large, seq, data, done: () => {} }, trio.now);
  publish(trio, id, 1, 20);
  trio.outage();
  trio.now += 50;
  trio.at(id).tick(trio.now);
  // the first step is taken up by the other slot; these begin a second lineage, and remove what is in the first
  for (let seq = 21; seq <= 30; seq++) publish(trio, id, seq, seq);
  t.is(trio.journals.get(id)!.length, 2);
  trio.pass(1_000);
  t.is(trio.journals.get(id)!.length, 1);
  trio.outage();
  trio.pass(1_000);
  t.deepEqual(idsOf(trio, id), named(11, 30));
  t.true(publish(trio, id, 31, 31)[0]!.ok);
});

test('a copy that hears of messages and of their removal in one turn knows them as removed', (t) => {
  const history = { messages: 10, bytes: 1 << 24, ageMs: 3_600_000 };
  const trio = new Trio({ journals: true, channels: { history } });
  const [owner, copy, third] = trio.line('room') as [NodeId, NodeId, NodeId];
  publish(trio, owner, 1, 10);
  for (let seq = 11; seq <= 60; seq++) {
    trio.append(owner, 'room', seq);
    trio.pass(50, ({ to }) => to === copy);
  }
  trio.pass(1_000);
  // what the others have is lost
  trio.journals.set(owner, []);
  trio.journals.set(third, []);
  trio.outage();
  trio.pass(3_000);
  t.deepEqual(idsOf(trio, owner).slice(-10), named(51, 60));
  t.true(publish(trio, owner, 61, 61)[0]!.ok);
});
