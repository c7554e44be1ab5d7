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
