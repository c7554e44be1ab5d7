/** What is kept, what is removed, and what readers are told of it. */
import test from 'ava';
import type { NodeId } from '../../lib/wire/ids.js';
import { LIMITS } from '../../lib/wire/limits.js';
import { parsePosition } from '../../lib/wire/position.js';
import { Trio } from './trio.js';

test('what is removed leaves nothing behind, at copies either', (t) => {
  const trio = new Trio({ channels: { history: { messages: 10, bytes: 1e6, ageMs: 1e6 } } });
  const line = trio.line('room');
  for (let seq = 1; seq <= 500; seq++) {
    trio.append(line[0]!, 'room', seq);
    if (seq % 10 === 0) trio.pass(100);
  }
  trio.pass(10_000);
  for (const node of line) t.true(trio.at(node).inspection.untold <= 10, `${node} ${trio.at(node).inspection.untold}`);
});

test('a slot that keeps changing hands keeps so many lineages that a position can name them', (t) => {
  const trio = new Trio({ channels: { history: { messages: 1_000, bytes: 1e6, ageMs: 1e8 } } });
  const [first, second] = trio.line('room') as [NodeId, NodeId];
  const positions: string[] = [];
  const publish = (node: NodeId) => {
    const results = trio.append(node, 'room', positions.length + 1, '', `m${positions.length}`);
    trio.pass(300);
    for (const result of results) if (result.ok) positions.push(result.position);
  };
  for (let flap = 0; flap < LIMITS.positionLineagesMax + 6; flap++) {
    trio.split([first]);
    trio.pass(20_000);
    publish(second);
    trio.heal();
    trio.pass(20_000);
    publish(first);
  }
  t.is(positions.length, 2 * (LIMITS.positionLineagesMax + 6));
  for (const position of positions) t.notThrows(() => parsePosition(position));
  const recent = trio.at(first).read('room', parsePosition(positions.at(-5)!), 100, trio.now);
  t.deepEqual([recent.entries.length, recent.gap], [4, null]);
  t.is(trio.at(first).read('room', parsePosition(positions[0]!), 1_000, trio.now).gap?.reason, 'age');
});

test('the latest messages are the last ones, however many there are', (t) => {
  const trio = new Trio({ channels: { history: { messages: 20_000, bytes: 1e8, ageMs: 1e6 } } });
  const [owner] = trio.line('room') as [NodeId];
  for (let seq = 1; seq <= 12_000; seq++) {
    trio.append(owner, 'room', seq);
    if (seq % 1_000 === 0) trio.settle();
  }
  const latest = trio.at(owner).latest('room', 3);
  t.deepEqual(
    latest.entries.map((entry) => entry.seq),
    [11_998, 11_999, 12_000],
  );
  t.deepEqual(latest.position, trio.at(owner).head('room'));
});

test('what is past its age goes, at the copies too', (t) => {
  const trio = new Trio({ channels: { history: { messages: 100, bytes: 1e6, ageMs: 10_000 } } });
  const [owner, copy] = trio.line('room') as [NodeId, NodeId];
  trio.append(owner, 'room', 1);
  trio.pass(9_000);
  t.is([...trio.at(owner).inspection.entries()].length, 1);
  trio.pass(3_000);
  t.is([...trio.at(owner).inspection.entries()].length, 0);
  trio.pass(4_000);
  t.is([...trio.at(copy).inspection.entries()].length, 0);
});

test('reads come in pages and say when more is there', (t) => {
  const trio = new Trio();
  const [owner] = trio.line('room') as [NodeId];
  for (let seq = 1; seq <= 10; seq++) trio.append(owner, 'room', seq);
  trio.settle();
  const page = trio.at(owner).read('room', 'start', 4, trio.now);
  t.deepEqual([page.entries.length, page.complete], [4, false]);
  const rest = trio.at(owner).read('room', page.position, 100, trio.now);
  t.deepEqual([rest.entries.map((entry) => entry.seq), rest.complete], [[5, 6, 7, 8, 9, 10], true]);
  t.deepEqual(rest.position, trio.at(owner).head('room'));
});
