import test from 'ava';
import { Contradiction } from '../../lib/core/channel/store.js';
import type { NodeId } from '../../lib/wire/ids.js';
import { parsePosition } from '../../lib/wire/position.js';
import { PushWriter } from '../../lib/wire/push.js';
import { Trio } from './trio.js';

const ids = (trio: Trio, node: NodeId) => trio.delivered.get(node)!.map((entry) => entry.id);
const code = (results: readonly { ok: boolean; code?: string }[]) => results.map((r) => (r.ok ? 'ok' : r.code));

test('a publish is answered and delivered only once acks nodes hold it, and the answer says how many do', (t) => {
  const trio = new Trio();
  const [owner, first, second] = trio.line('room') as [NodeId, NodeId, NodeId];
  const results = trio.append(owner, 'room', 1);
  trio.settle(({ message }) => message.type === 'have');
  t.deepEqual(results, []);
  t.deepEqual(ids(trio, owner), []);
  trio.settle(({ from, message }) => message.type === 'have' && from === second);
  t.like(results[0], { ok: true, id: 'pub.1', copies: 2 });
  t.deepEqual(ids(trio, owner), ['pub.1']);
  trio.settle();
  t.deepEqual(ids(trio, owner), ['pub.1']);
  t.is([...trio.at(first).inspection.entries()].length, 1);
});

test('with acks 3 one silent copy keeps a publish waiting until its time is over', (t) => {
  const trio = new Trio({ channels: { acks: 3 } });
  const [owner, , last] = trio.line('room') as [NodeId, NodeId, NodeId];
  const results = trio.append(owner, 'room', 1);
  trio.pass(4_500, ({ to, message }) => to === last && message.type === 'push');
  t.deepEqual(results, []);
  trio.pass(1_000, ({ to, message }) => to === last && message.type === 'push');
  t.deepEqual(code(results), ['timeout']);
  trio.settle();
  t.deepEqual(ids(trio, owner), ['pub.1']);
});

test('a copy that does not confirm in 150 ms is hedged by the next node in line', (t) => {
  const trio = new Trio({ nodes: 5, channels: { copies: 2, acks: 2 } });
  const [owner, copy, next] = trio.line('room') as [NodeId, NodeId, NodeId];
  const results = trio.append(owner, 'room', 1);
  trio.pass(100, ({ to }) => to === copy);
  t.deepEqual(results, []);
  trio.pass(200, ({ to }) => to === copy);
  t.like(results[0], { ok: true, copies: 2 });
  t.is([...trio.at(next).inspection.entries()].length, 1);
});

test('a single node acknowledges by itself and says so', (t) => {
  const trio = new Trio({ nodes: 1 });
  const results = trio.append(trio.ids[0]!, 'room', 1);
  trio.settle();
  t.like(results[0], { ok: true, copies: 1 });
});

test('of two members one accepts alone, of three one refuses, unless told otherwise', (t) => {
  const alone = (nodes: number, whenShort: 'accept' | 'refuse' | 'auto') => {
    const trio = new Trio({ nodes, channels: { whenShort } });
    const [owner] = trio.line('room') as [NodeId];
    for (const id of trio.ids) if (id !== owner) trio.kill(id);
    trio.view(owner, [owner]);
    trio.pass(1_000);
    const results = trio.append(owner, 'room', 1);
    trio.settle();
    return results[0];
  };
  t.like(alone(2, 'auto'), { ok: true, copies: 1 });
  t.like(alone(3, 'auto'), { ok: false, code: 'copies' });
  t.like(alone(3, 'accept'), { ok: true, copies: 1 });
  t.like(alone(2, 'refuse'), { ok: false, code: 'copies' });
});

test('confirmations of a process that is gone do not count', (t) => {
  const trio = new Trio({ channels: { copies: 2, acks: 2 } });
  const [owner, copy] = trio.line('room') as [NodeId, NodeId];
  trio.append(owner, 'room', 1);
  trio.settle();
  trio.kill(copy);
  trio.start(copy);
  trio.view(copy, trio.ids);
  for (const id of trio.ids) {
    if (id === copy) continue;
    trio.at(id).onPeerUp(copy, trio.boots.get(copy)!, trio.now);
    trio.at(copy).onPeerUp(id, trio.boots.get(id)!, trio.now);
    trio.view(id, trio.ids);
  }
  t.true(trio.at(owner).stats()['underReplicated']! > 0);
  trio.pass(1_000);
  t.is(trio.at(owner).stats()['underReplicated'], 0);
  t.is([...trio.at(copy).inspection.entries()].length, 1);
});

test('a numbered message is taken once, in its place, and a hole is refused until it is filled', (t) => {
  const trio = new Trio();
  const [owner] = trio.line('room') as [NodeId];
  const first = trio.append(owner, 'room', 1);
  const third = trio.append(owner, 'room', 3);
  const second = trio.append(owner, 'room', 2);
  const again = trio.append(owner, 'room', 1);
  t.deepEqual(code(third), ['order']);
  trio.settle();
  t.deepEqual(ids(trio, owner), ['pub.1', 'pub.2']);
  t.deepEqual(code([...first, ...second]), ['ok', 'ok']);
  t.deepEqual(again, first);
});

test('a repeated publish waits for the commit of the first', (t) => {
  const trio = new Trio();
  const [owner] = trio.line('room') as [NodeId];
  trio.append(owner, 'room', 1);
  const again = trio.append(owner, 'room', 1);
  trio.settle(({ message }) => message.type === 'have');
  t.deepEqual(again, []);
  trio.settle();
  t.like(again[0], { ok: true, id: 'pub.1' });
});

test('an unnumbered message is known by its id, also after it left history', (t) => {
  const trio = new Trio({ channels: { history: { messages: 2, bytes: 1e6, ageMs: 1e6 } } });
  const [owner] = trio.line('room') as [NodeId];
  const first = trio.append(owner, 'room', 0, '', 'order-1');
  trio.settle();
  for (const n of [2, 3, 4, 5]) trio.append(owner, 'room', 0, '', `order-${n}`);
  trio.settle();
  const again = trio.append(owner, 'room', 0, '', 'order-1');
  trio.settle();
  t.deepEqual(ids(trio, owner), ['order-1', 'order-2', 'order-3', 'order-4', 'order-5']);
  t.true(again[0]!.ok && first[0]!.ok && again[0]!.position === first[0]!.position);
});

test('a publisher nobody knows starts at 1, not stale, and is told apart from one that a split hides', (t) => {
  const trio = new Trio();
  const [owner] = trio.line('room') as [NodeId];
  t.deepEqual(code(trio.append(owner, 'room', 5, 'stranger')), ['order']);
  trio.pass(11_000);
  t.deepEqual(code(trio.append(owner, 'room', 5, 'stranger')), ['publisher-unknown']);
  const results: { ok: boolean; code?: string }[] = [];
  trio.at(owner).append(
    {
      channel: 'room',
      ownId: 'x',
      publisher: 'old',
      seq: 1,
      data: '1',
      firstTriedAt: trio.now - 10 * 60_000,
      done: (result) => void results.push(result),
    },
    trio.now,
  );
  t.deepEqual(code(results), ['publisher-unknown']);
});

test('the owner dies: the first copy serves what was acknowledged, knows the publisher, and goes on', (t) => {
  const trio = new Trio();
  const [owner, heir] = trio.line('room') as [NodeId, NodeId];
  for (const seq of [1, 2, 3]) trio.append(owner, 'room', seq);
  trio.settle();
  trio.kill(owner);
  for (const id of trio.nodes.keys()) trio.view(id, [...trio.nodes.keys()]);
  trio.pass(500);
  const read = trio.at(heir).read('room', 'start', 100, trio.now);
  t.deepEqual(
    read.entries.map((entry) => entry.id),
    ['pub.1', 'pub.2', 'pub.3'],
  );
  t.false(read.catchingUp);
  const results = trio.append(heir, 'room', 4);
  const again = trio.append(heir, 'room', 3);
  trio.settle();
  t.deepEqual(code([...results, ...again]), ['ok', 'ok']);
  t.not(read.entries[0]!.lid, trio.delivered.get(heir)!.at(-1)!.lid, 'a new activation writes a new lineage');
});

test('a node that loses a slot answers what waits with moved, and what it held reaches the new owner', (t) => {
  const trio = new Trio();
  const [owner, heir] = trio.line('room') as [NodeId, NodeId];
  const others = trio.ids.filter((id) => id !== owner);
  const results = trio.append(owner, 'room', 1);
  trio.settle(() => true);
  trio.queue = [];
  // it learns that it is not in the table any more, as a node that leaves does
  trio.view(owner, others);
  t.deepEqual(code(results), ['moved']);
  for (const id of others) trio.view(id, others);
  trio.heal();
  for (const id of trio.ids) trio.view(id, others);
  trio.pass(1_500);
  t.deepEqual(ids(trio, heir), ['pub.1']);
  const again = trio.append(heir, 'room', 1);
  trio.settle();
  t.like(again[0], { ok: true });
  t.deepEqual(ids(trio, heir), ['pub.1']);
});

test('both sides of a split that have enough nodes take messages, and after it each reader gets the union', (t) => {
  const trio = new Trio({ nodes: 5 });
  const [owner, second, third, fourth, fifth] = trio.line('room') as [NodeId, NodeId, NodeId, NodeId, NodeId];
  trio.append(owner, 'room', 1, 'left');
  trio.append(owner, 'room', 1, 'both');
  // the copies beyond `acks` have them a little later
  trio.pass(50);
  trio.split([owner, second]);
  trio.pass(1_500);
  const left = trio.append(owner, 'room', 2, 'left');
  const onBoth = [trio.append(owner, 'room', 2, 'both'), trio.append(third, 'room', 2, 'both')];
  const right = trio.append(third, 'room', 1, 'right');
  const crossed = trio.append(third, 'room', 3, 'left');
  trio.settle();
  t.deepEqual(code([...left, ...right, ...onBoth.flat()]), ['ok', 'ok', 'ok', 'ok']);
  t.deepEqual(code(crossed), ['order'], 'its second is on the other side');
  const atThird = parsePosition(right[0]!.ok ? right[0]!.position : '');
  trio.heal();
  trio.pass(2_000);
  const all = trio
    .at(owner)
    .read('room', 'start', 100, trio.now)
    .entries.map((entry) => entry.id);
  t.deepEqual([...all].sort(), ['both.1', 'both.2', 'left.1', 'left.2', 'right.1']);
  const rest = trio.at(owner).read('room', atThird, 100, trio.now);
  t.deepEqual(
    rest.entries.map((entry) => entry.id),
    ['left.2'],
    'both.2 came under its other name',
  );
  t.is(trio.at(owner).stats()['underReplicated'], 0);
  t.truthy(fourth && fifth);
});

test('a message under two names is delivered once, whichever name was held first and whichever is committed first', (t) => {
  const trio = new Trio({ nodes: 5 });
  const line = trio.line('room');
  const [owner, second, third] = line as [NodeId, NodeId, NodeId];
  const confirmations = ({ message }: { readonly message: { readonly type: string } }) => message.type === 'have';
  trio.split([owner, second]);
  trio.pass(2_000);
  trio.append(owner, 'room', 1, '', 'x');
  trio.settle(confirmations);
  const there = trio.append(third, 'room', 1, '', 'x');
  trio.settle(({ message, to }) => message.type === 'have' && to === owner);
  t.like(there[0], { ok: true });
  t.deepEqual(ids(trio, owner), []);
  trio.heal();
  trio.pass(1_000, ({ message, to }) => message.type === 'have' && to === owner);
  t.deepEqual(ids(trio, owner), ['x']);
  trio.pass(2_000);
  t.deepEqual(ids(trio, owner), ['x']);
});

test('the lonely side of a split of three acknowledges nothing', (t) => {
  const trio = new Trio();
  const [owner] = trio.line('room') as [NodeId];
  const before = trio.append(owner, 'room', 1);
  trio.flush();
  trio.queue = [];
  trio.split([owner]);
  const after = trio.append(owner, 'room', 2);
  trio.pass(6_000);
  t.deepEqual(code(before), ['timeout']);
  t.deepEqual(code(after), ['copies']);
  t.deepEqual(ids(trio, owner), []);
});

test('a reader below what retention kept is told of a gap before the next message, others are not', (t) => {
  const trio = new Trio({ channels: { history: { messages: 3, bytes: 1e6, ageMs: 1e6 } } });
  const [owner, heir] = trio.line('room') as [NodeId, NodeId];
  const first = trio.append(owner, 'room', 1);
  trio.settle();
  for (let seq = 2; seq <= 40; seq++) trio.append(owner, 'room', seq);
  trio.settle();
  trio.pass(16_000);
  const at = parsePosition(first[0]!.ok ? first[0]!.position : '');
  for (const node of [owner, heir]) {
    if (node === heir) {
      trio.kill(owner);
      for (const id of trio.nodes.keys()) trio.view(id, [...trio.nodes.keys()]);
      trio.pass(500);
    }
    const missed = trio.at(node).read('room', at, 100, trio.now);
    t.is(missed.gap?.reason, 'size');
    t.deepEqual(
      missed.entries.map((entry) => entry.seq),
      [38, 39, 40],
    );
    t.is(trio.at(node).read('room', missed.gap!.position, 100, trio.now).gap, null);
    const resumed = trio.at(node).read('room', missed.position, 100, trio.now);
    t.deepEqual([resumed.gap, resumed.entries.length], [null, 0]);
    t.is(trio.at(node).read('room', 'start', 100, trio.now).gap, null);
  }
  const removed = trio.append(heir, 'room', 1);
  t.like(removed[0], { ok: true }, 'what was removed had been stored');
});

test('a lineage that nobody knows is looked for before it is called unknown', (t) => {
  const trio = new Trio();
  const [owner] = trio.line('room') as [NodeId];
  trio.append(owner, 'room', 1);
  trio.pass(500);
  const strange = parsePosition('1~AAAAAAAA.9');
  const first = trio.at(owner).read('room', strange, 100, trio.now);
  t.deepEqual([first.gap, first.catchingUp, first.entries.length], [null, true, 0], 'it may be about to arrive');
  trio.pass(1_100);
  const early = trio.at(owner).read('room', strange, 100, trio.now);
  t.deepEqual([early.gap, early.catchingUp, early.entries.length], [null, true, 1]);
  trio.pass(11_000);
  const late = trio.at(owner).read('room', strange, 100, trio.now);
  t.deepEqual([late.gap?.reason, late.catchingUp], ['unknown', false]);
  t.false(late.position.has('AAAAAAAA' as never));
});

test('a joiner is prepared once it holds what it will hold', (t) => {
  const trio = new Trio({ nodes: 4 });
  const late = trio.ids[3]!;
  const early = trio.ids.slice(0, 3);
  for (const id of early) trio.view(id, early, early);
  trio.pass(1_500);
  const next = trio.table(trio.ids);
  for (let i = 0; i < 60; i++) {
    const channel = `room:${i}`;
    const now = trio.table(early, early);
    for (let seq = 1; seq <= 5; seq++) trio.append(now.ownerOf(now.slotOf(channel))!, channel, seq);
  }
  trio.settle();
  trio.start(late);
  trio.view(late, early, early);
  for (const id of early) {
    trio.at(id).onPeerUp(late, trio.boots.get(late)!, trio.now);
    trio.at(late).onPeerUp(id, trio.boots.get(id)!, trio.now);
    trio.at(id).setNext(next, trio.now);
  }
  trio.at(late).prepare(next, trio.now);
  t.false(trio.at(late).prepared);
  trio.pass(1_000);
  t.true(trio.at(late).prepared);
  const held = new Set([...trio.at(late).inspection.entries()].map((entry) => entry.channel));
  for (let i = 0; i < 60; i++) {
    const wanted = next.holdersOf(next.slotOf(`room:${i}`)).includes(late);
    if (wanted) t.true(held.has(`room:${i}`), `room:${i}`);
  }
});

test('a node that leaves knows what others do not hold yet', (t) => {
  const trio = new Trio({ nodes: 4, channels: { copies: 2, acks: 2 } });
  const [owner, copy] = trio.line('room') as [NodeId, NodeId];
  trio.append(owner, 'room', 1);
  trio.settle();
  t.is(trio.at(owner).stats()['underReplicated'], 0);
  const rest = trio.ids.filter((id) => id !== owner);
  for (const id of trio.ids) trio.at(id).setNext(trio.table(rest, rest), trio.now);
  t.like(trio.at(owner).handover(trio.now), { slotsLeft: 1, entriesLeft: 1 });
  trio.pass(1_000);
  t.like(trio.at(owner).handover(trio.now), { slotsLeft: 0, entriesLeft: 0 });
  t.truthy(copy);
});

test('a lineage of this process that another one writes, or a name with two contents, is refused and ends the link', (t) => {
  const trio = new Trio();
  const [owner, copy] = trio.line('room') as [NodeId, NodeId];
  trio.append(owner, 'room', 1);
  trio.settle();
  const [entry] = [...trio.at(owner).inspection.entries()];
  const slot = trio.table(trio.ids).slotOf('room');
  const push = (to: NodeId, from: NodeId, s: number, id: string) => {
    const writer = new PushWriter();
    writer.entries(slot, entry!.lid, null, false, s, s, 1, 1);
    const { channel, publisher, data } = entry!;
    writer.entry({ s, prev: s - 1, channel, id, publisher, seq: s, time: 1, data, bornAt: trio.now }, trio.now);
    trio.at(to).onMessage(from, { type: 'push', batch: 99, bytes: writer.slice(0, writer.length) }, trio.now);
  };
  t.notThrows(() => push(copy, owner, 1, 'pub.1'));
  t.throws(() => push(copy, owner, 1, 'other'), { instanceOf: Contradiction });
  t.throws(() => push(owner, copy, 2, 'pub.2'), { instanceOf: Contradiction });
});
