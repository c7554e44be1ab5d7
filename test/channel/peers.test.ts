/** What a node notes of its peers, and when it forgets it. */
import test from 'ava';
import type { NodeId } from '../../lib/wire/ids.js';
import { Trio } from './trio.js';

test('peers that came and went for good are forgotten, with what they confirmed', (t) => {
  const trio = new Trio();
  const [owner] = trio.line('room') as [NodeId];
  trio.append(owner, 'room', 1);
  trio.pass(100);
  const channels = trio.at(owner);
  const before = [channels.stats()['peers'], channels.inspection.marks];
  for (let i = 0; i < 100; i++) {
    const id = `guest${i}` as NodeId;
    channels.onPeerUp(id, 1, trio.now);
    channels.onMessage(id, { type: 'acquire', request: 1, slots: [...Array(16).keys()], held: [] }, trio.now);
    channels.onPeerDown(id, trio.now);
  }
  t.is(channels.inspection.marks, before[1]! + 100);
  trio.pass(20_000);
  t.deepEqual([channels.stats()['peers'], channels.inspection.marks], before);
});

test('a member whose link is down is kept, until it is a member no more', (t) => {
  const trio = new Trio();
  const [owner, copy, third] = trio.line('room') as [NodeId, NodeId, NodeId];
  trio.append(owner, 'room', 1);
  trio.pass(100);
  trio.kill(third);
  trio.view(owner, [owner, copy]);
  trio.pass(20_000);
  t.is(trio.at(owner).stats()['peers'], 2);
  trio.view(owner, [owner, copy], [owner, copy]);
  trio.pass(20_000);
  t.is(trio.at(owner).stats()['peers'], 1);
});

test('a forgotten peer that comes back counts only with what it confirms now', (t) => {
  const trio = new Trio({ nodes: 2, channels: { copies: 2, acks: 2, whenShort: 'refuse' } });
  const [owner, copy] = trio.line('room') as [NodeId, NodeId];
  const first = trio.append(owner, 'room', 1);
  trio.settle();
  t.like(first[0], { ok: true, copies: 2 });
  trio.kill(copy);
  trio.view(owner, [owner], [owner]);
  trio.pass(20_000);
  t.is(trio.at(owner).stats()['peers'], 0);
  trio.start(copy);
  trio.view(copy, trio.ids);
  trio.view(owner, trio.ids);
  for (const id of trio.ids) {
    const other = id === owner ? copy : owner;
    trio.at(id).onPeerUp(other, trio.boots.get(other)!, trio.now);
  }
  const second = trio.append(owner, 'room', 2);
  trio.pass(1_000, ({ from }) => from === copy);
  t.is(second.length, 0, 'the copy has not confirmed it');
  trio.pass(1_000);
  t.like(second[0], { ok: true, copies: 2 });
  t.is(trio.at(copy).stats()['storedEntries'], 2);
  t.is(trio.delivered.get(owner)!.length, 2);
});
