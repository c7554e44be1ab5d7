/** Copies beyond `acks`: what is new reaches them a little later, many entries together. */
import test from 'ava';
import type { NodeId } from '../../lib/wire/ids.js';
import { Trio } from './trio.js';

test('copies beyond acks get what is new a little later, together, unless the first one does not answer', (t) => {
  const trio = new Trio();
  const [owner, first, second] = trio.line('room') as [NodeId, NodeId, NodeId];
  const sentTo = (id: NodeId) => trio.queue.filter(({ to, message }) => to === id && message.type === 'push').length;
  const results = [trio.append(owner, 'room', 1), trio.append(owner, 'room', 2)];
  trio.flush();
  t.deepEqual([sentTo(first), sentTo(second)], [1, 0]);
  trio.settle();
  t.deepEqual(
    results.flat().map(({ ok }) => ok),
    [true, true],
    'the copy that was not told is not needed',
  );
  t.is(trio.at(second).stats()['storedEntries'], 0);
  trio.pass(50);
  t.is(trio.at(second).stats()['storedEntries'], 2);
  // the first copy confirms nothing: the others are not kept waiting for long
  const late = trio.append(owner, 'room', 3);
  trio.pass(50, ({ from }) => from === first);
  t.deepEqual(
    late.map(({ ok }) => ok),
    [true],
  );
});

test('a copy that takes no more does not keep the owner awake', (t) => {
  const trio = new Trio();
  const [owner, , second] = trio.line('room') as [NodeId, NodeId, NodeId];
  const isSilent = ({ from }: { readonly from: NodeId }) => from === second;
  trio.append(owner, 'room', 1);
  trio.pass(50);
  const data = JSON.stringify('x'.repeat(60_000));
  for (let seq = 2; seq <= 200; seq++) {
    const request = { channel: 'room', ownId: '', publisher: 'pub', seq, data, firstTriedAt: trio.now };
    trio.at(owner).append({ ...request, done: () => undefined }, trio.now);
    trio.settle(isSilent);
    if (seq % 10 !== 0) continue;
    trio.pass(50, isSilent);
    t.true(trio.at(owner).nextWakeAt() > trio.now, `after ${seq}`);
  }
});
