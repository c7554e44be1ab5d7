/** What copies know of messages that are gone. */
import test from 'ava';
import type { NodeId } from '../../lib/wire/ids.js';
import { Trio } from './trio.js';

const HOUR = { messages: 1_000, bytes: 1 << 20, ageMs: 3_600_000 };

test('a copy that has forgotten a channel takes what its owner still counts on', (t) => {
  const options = { history: { ...HOUR, ageMs: 5_000 }, metaTtlMs: 20_000 };
  const trio = new Trio({ nodes: 2, channels: { copies: 2, ...options } });
  const [owner, copy] = trio.line('room') as [NodeId, NodeId];
  for (let seq = 1; seq <= 3; seq++) trio.append(owner, 'room', seq);
  trio.pass(60_000);
  t.is(trio.at(copy).stats()['lineages'], 0);
  const result = trio.append(owner, 'room', 4);
  trio.pass(1_000);
  t.like(result, [{ ok: true, copies: 2 }]);
  t.is([...trio.at(copy).inspection.entries()].length, 1);
});

test('a copy remembers up to where a quiet publisher was removed while it holds messages above', (t) => {
  const trio = new Trio({ channels: { history: { ...HOUR, messages: 40 } } });
  const [owner, copy] = trio.line('room') as [NodeId, NodeId];
  for (let seq = 1; seq <= 30; seq++) trio.append(owner, 'room', seq, 'early');
  for (let seq = 1; seq <= 20; seq++) trio.append(owner, 'room', seq, 'late');
  trio.pass(30_000);
  // without what happens within a second
  for (let i = 0; i < 40 * 60; i++) {
    trio.now += 1_000;
    for (const channels of trio.nodes.values()) channels.tick(trio.now);
    trio.settle();
  }
  trio.kill(owner);
  const rest = trio.ids.filter((id) => id !== owner);
  for (const id of rest) trio.view(id, rest);
  trio.pass(2_000);
  const order = [...trio.at(copy).inspection.orderOf('room')].map(({ id }) => id);
  const early = Array.from({ length: 20 }, (_, i) => `early.${i + 11}`);
  const late = Array.from({ length: 20 }, (_, i) => `late.${i + 1}`);
  t.deepEqual(order, [...early, ...late]);
});

/** The owner dies, and its heir is alone for a minute; the one that is away stands still meanwhile. */
function leaveAlone(trio: Trio, owner: NodeId, heir: NodeId, away: NodeId): void {
  trio.split([away]);
  trio.kill(owner);
  trio.view(heir, [heir]);
  for (let i = 0; i < 60; i++) {
    trio.now += 1_000;
    trio.at(heir).tick(trio.now);
    trio.at(heir).flush(trio.now);
  }
}

function meetAgain(trio: Trio, heir: NodeId, away: NodeId): void {
  for (const [a, b] of [
    [heir, away],
    [away, heir],
  ] as const) {
    trio.view(a, [heir, away]);
    trio.at(a).onPeerUp(b, trio.boots.get(b)!, trio.now);
  }
  trio.settle();
}

test('what was removed of a forgotten lineage does not come back from a node that was away', (t) => {
  const trio = new Trio({ channels: { acks: 1, metaTtlMs: 20_000, history: { ...HOUR, ageMs: 5_000 } } });
  const [owner, heir, away] = trio.line('room') as [NodeId, NodeId, NodeId];
  for (let seq = 1; seq <= 3; seq++) trio.append(owner, 'room', seq);
  trio.pass(1_000);
  leaveAlone(trio, owner, heir, away);
  t.is(trio.at(heir).stats()['lineages'], 0);
  t.is([...trio.at(away).inspection.entries()].length, 3);
  const delivered = trio.delivered.get(heir)!.length;
  meetAgain(trio, heir, away);
  t.deepEqual([...trio.at(heir).inspection.entries()], []);
  t.is(trio.delivered.get(heir)!.length, delivered);
});

test('nor where that node tells first what it has removed of it itself', (t) => {
  const trio = new Trio({ channels: { acks: 1, metaTtlMs: 20_000, history: { ...HOUR, messages: 2, ageMs: 5_000 } } });
  const [owner, heir, away] = trio.line('room') as [NodeId, NodeId, NodeId];
  for (let seq = 1; seq <= 30; seq++) {
    trio.append(owner, 'room', seq);
    trio.settle();
  }
  trio.pass(1_000);
  leaveAlone(trio, owner, heir, away);
  t.is(trio.at(heir).stats()['lineages'], 0);
  t.true([...trio.at(away).inspection.entries()].length > 0);
  const delivered = trio.delivered.get(heir)!.length;
  meetAgain(trio, heir, away);
  t.deepEqual([...trio.at(heir).inspection.entries()], []);
  t.is(trio.delivered.get(heir)!.length, delivered);
});
