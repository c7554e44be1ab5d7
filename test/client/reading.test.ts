/** Each message once, in order, or a gap: positions, chains, aliases, resubscribing. */
import test from 'ava';
import { L1, L2, message, Script } from './script.js';

function reading(channel = 'room', after: string | undefined = undefined, s = new Script()): Script {
  s.start();
  s.core.subscribe(channel, after);
  s.welcome();
  s.stand();
  return s;
}

test('goes on after what it has, on any node', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'm1', `${L1}.1`), message('room', 'm2', `${L1}.4`));
  s.lose(s.last);
  s.pass(1_000);
  s.welcome();
  t.deepEqual(s.take(s.last, 'subscribe'), [{ type: 'subscribe', channel: 'room', after: `1~${L1}.4` }]);
  s.hear(s.last, { type: 'subscribed', channel: 'room', position: `1~${L1}.4`, recovered: true });
  s.hear(s.last, message('room', 'm2', `${L1}.4`), message('room', 'm3', `${L1}.5`));
  t.deepEqual(s.seen, ['m1', 'm2', 'm3']);
});

test('a subscription from now resumes where now was, even if nothing has come', (t) => {
  const s = new Script().start();
  s.core.subscribe('room', 'now');
  s.welcome();
  s.stand(s.last, `1~${L1}.7`);
  s.lose(s.last);
  s.pass(1_000);
  s.welcome();
  t.like(s.take(s.last, 'subscribe')[0], { after: `1~${L1}.7` });
});

test('an empty channel has a position: what comes while the client is away is not skipped', (t) => {
  const s = reading('room', 'now');
  s.lose(s.last);
  s.pass(1_000);
  s.welcome();
  t.like(s.take(s.last, 'subscribe')[0], { after: '1~' });
  t.is(s.core.exportState().channels['room']!.position, '1~');
});

test('a subscription that has not begun is exported as what it asked for', (t) => {
  const s = new Script().start();
  s.core.subscribe('room', 'now');
  const { channels } = s.core.exportState();
  t.is(channels['room']!.position, 'now');
  t.is(s.core.positionOf('room'), undefined);
  const next = new Script({}, { version: 1, channels }).start();
  next.core.subscribe('room');
  next.welcome();
  t.like(next.take(next.last, 'subscribe')[0], { after: 'now' });
});

test('a subscription from the start takes what lies before the position it is told', (t) => {
  const s = new Script().start();
  s.core.subscribe('room', 'start');
  s.welcome();
  s.stand(s.last, `1~${L1}.3`);
  s.hear(s.last, message('room', 'm1', `${L1}.1`), message('room', 'm2', `${L1}.2`), message('room', 'm3', `${L1}.3`));
  t.deepEqual(s.seen, ['m1', 'm2', 'm3']);
});

test('the position counts every lineage', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'm1', `${L1}.1`), message('room', 'm2', `${L2}.1~${L1}.1`));
  s.hear(s.last, message('room', 'm3', `${L1}.2~${L2}.1`), message('room', 'm2', `${L2}.1~${L1}.1`));
  t.deepEqual(s.seen, ['m1', 'm2', 'm3']);
  t.is(s.core.positionOf('room'), `1~${L2}.1~${L1}.2`);
});

test("a message's position resumes after all that was seen, also what another connection brought", (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'm1', `${L1}.1`), message('room', 'm2', `${L2}.1~${L1}.1`));
  // this node has not heard of the second lineage yet
  s.hear(s.last, message('room', 'm3', `${L1}.2`));
  const position = s.messages[2]!.position;
  t.true(position.includes(`${L1}.2`) && position.includes(`${L2}.1`), position);
});

test('the same publish under two names is seen once', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'p.1', `${L1}.1`, ['publisher', 1]));
  s.hear(s.last, message('room', 'p.1', `${L2}.1~${L1}.1`, ['publisher', 1]));
  s.hear(s.last, message('room', 'p.2', `${L2}.2~${L1}.1`, ['publisher', 2]));
  t.deepEqual(s.seen, ['p.1', 'p.2']);
});

test('the same id under two names is seen once, with and without a chain', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'order-1', `${L1}.1`), message('room', 'order-1', `${L2}.1~${L1}.1`));
  s.hear(s.last, message('room', 'order-1', `${L2}.2~${L1}.1`, ['publisher', 1]));
  s.hear(s.last, message('room', 'next', `${L2}.3~${L1}.1`, ['publisher', 2]));
  t.deepEqual(s.seen, ['order-1', 'next']);
});

test('a message that was numbered anew is known by the id of its first number, whichever comes first', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'publisher.1', `${L1}.1`, ['publisher', 1]));
  s.hear(s.last, message('room', 'publisher.1', `${L2}.1~${L1}.1`, ['session2', 1]));
  s.hear(s.last, message('room', 'publisher.2', `${L2}.2~${L1}.1`, ['session2', 2]));
  s.hear(s.last, message('room', 'publisher.2', `${L1}.2~${L2}.2`, ['publisher', 2]));
  s.hear(s.last, message('room', 'publisher.3', `${L1}.3~${L2}.2`, ['publisher', 3]));
  t.deepEqual(s.seen, ['publisher.1', 'publisher.2', 'publisher.3']);
});

test("a hole in a publisher's chain is read again from before it", (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'p.1', `${L1}.1`, ['publisher', 1]));
  // the second is lost on the way; another publisher's message moves the position past it
  s.hear(s.last, message('room', 'q.1', `${L1}.3`, ['another1', 1]));
  s.hear(s.last, message('room', 'p.3', `${L1}.4`, ['publisher', 3]));
  t.deepEqual(s.take(s.last, 'subscribe'), [{ type: 'subscribe', channel: 'room', after: `1~${L1}.1` }]);
  s.hear(s.last, message('room', 'p.4', `${L1}.5`, ['publisher', 4]));
  t.deepEqual(s.seen, ['p.1', 'q.1'], 'what is still on its way counts for nothing');
  s.hear(s.last, { type: 'subscribed', channel: 'room', position: `1~${L1}.1`, recovered: true });
  s.hear(s.last, message('room', 'p.2', `${L1}.2`, ['publisher', 2]));
  s.hear(s.last, message('room', 'q.1', `${L1}.3`, ['another1', 1]));
  s.hear(s.last, message('room', 'p.3', `${L1}.4`, ['publisher', 3]));
  s.hear(s.last, message('room', 'p.4', `${L1}.5`, ['publisher', 4]));
  t.deepEqual(s.seen, ['p.1', 'q.1', 'p.2', 'p.3', 'p.4']);
});

test('a hole that cannot be filled is told as a gap before the next message', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'p.1', `${L1}.1`, ['publisher', 1]));
  for (let i = 0; i < 3; i++) {
    s.hear(s.last, message('room', 'p.3', `${L1}.3`, ['publisher', 3]));
    s.stand();
  }
  t.deepEqual(s.seen, ['p.1', 'gap:lost', 'p.3']);
});

test('a gap lets each chain jump once', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'p.1', `${L1}.1`, ['publisher', 1]));
  s.hear(s.last, { type: 'gap', channel: 'room', reason: 'size', position: `1~${L1}.8` });
  s.hear(s.last, message('room', 'p.9', `${L1}.9`, ['publisher', 9]));
  t.deepEqual(s.seen, ['p.1', 'gap:size', 'p.9']);
  s.hear(s.last, message('room', 'p.11', `${L1}.11`, ['publisher', 11]));
  t.is(s.take(s.last, 'subscribe').length, 1);
});

test('the first word of a publisher may be any of its chain', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'p.7', `${L1}.1`, ['publisher', 7]));
  t.deepEqual(s.seen, ['p.7']);
});

test('while two connections overlap, a gap that the other has filled is not told', (t) => {
  const s = reading();
  const old = s.last;
  s.hear(old, message('room', 'm1', `${L1}.1`));
  s.hear(old, { type: 'move', url: 'http://b', afterMs: 0, deadlineMs: 9_000 });
  s.pass(1);
  const young = s.welcome();
  s.hear(old, message('room', 'm2', `${L1}.2`), message('room', 'm3', `${L1}.3`));
  s.core.subscribe('other');
  s.hear(young, { type: 'subscribed', channel: 'room', position: `1~${L1}.1`, recovered: false });
  s.hear(young, { type: 'gap', channel: 'room', reason: 'size', position: `1~${L1}.2` });
  s.hear(young, message('room', 'm3', `${L1}.3`), message('room', 'm4', `${L1}.4`));
  t.deepEqual(s.seen, ['m1', 'm2', 'm3', 'm4']);
});

test('a subscription refused for good ends with the reason, one refused for now is tried again', (t) => {
  const s = new Script().start();
  s.core.subscribe('secret');
  s.core.subscribe('busy');
  const link = s.welcome();
  s.take(link, 'subscribe');
  s.hear(link, { type: 'error', channel: 'secret', error: { code: 'forbidden', message: 'no', retry: false } });
  s.hear(link, { type: 'error', channel: 'busy', error: { code: 'overloaded', message: 'later', retry: true } });
  t.like(s.over, [{ channel: 'secret', error: { code: 'forbidden' } }]);
  s.pass(1_000);
  t.deepEqual(
    s.take(link, 'subscribe').map(({ channel }) => channel),
    ['busy'],
  );
  s.hear(link, { type: 'subscribed', channel: 'busy', position: '1~', recovered: true });
  s.hear(link, message('busy', 'm1', `${L1}.1`));
  t.deepEqual(s.seen, ['m1']);
});

test('leaving and coming back on one connection mixes nothing up', (t) => {
  const s = reading();
  s.core.unsubscribe('room');
  s.core.subscribe('room', 'start');
  // still on its way from the first subscription
  s.hear(s.last, message('room', 'm5', `${L1}.5`));
  s.hear(s.last, { type: 'unsubscribed', channel: 'room' });
  s.hear(s.last, { type: 'subscribed', channel: 'room', position: '1~', recovered: true });
  s.hear(s.last, message('room', 'm1', `${L1}.1`));
  t.deepEqual(s.seen, ['m1']);
  t.deepEqual(s.over, []);
});

test('a paused subscription goes on from the same position, on another node too', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'm1', `${L1}.1`));
  s.core.pause('room');
  t.is(s.take(s.last, 'unsubscribe').length, 1);
  s.hear(s.last, message('room', 'm2', `${L1}.2`), { type: 'unsubscribed', channel: 'room' });
  s.lose(s.last);
  s.pass(1_000);
  s.welcome();
  t.deepEqual(s.take(s.last, 'subscribe'), []);
  s.core.goOn('room');
  t.deepEqual(s.take(s.last, 'subscribe'), [{ type: 'subscribe', channel: 'room', after: `1~${L1}.1` }]);
  s.hear(s.last, { type: 'subscribed', channel: 'room', position: `1~${L1}.1`, recovered: true });
  s.hear(s.last, message('room', 'm2', `${L1}.2`));
  t.deepEqual(s.seen, ['m1', 'm2']);
});

test('a subscription ended by the node is told, and forgotten', (t) => {
  const s = reading();
  s.hear(s.last, { type: 'unsubscribed', channel: 'room' });
  t.deepEqual(s.over, [{ channel: 'room', error: undefined }]);
  t.notThrows(() => s.core.subscribe('room'));
});

test('the state of one process lets the next go on without repeating', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'p.1', `${L1}.1`, ['publisher', 1]), message('room', 'x', `${L1}.2`));
  const exported = JSON.parse(JSON.stringify(s.core.exportState()));
  const next = new Script({}, exported).start();
  next.core.subscribe('room');
  next.welcome();
  t.like(next.take(next.last, 'subscribe')[0], { after: `1~${L1}.2` });
  next.hear(next.last, { type: 'subscribed', channel: 'room', position: `1~${L1}.2`, recovered: true });
  next.hear(next.last, message('room', 'p.1', `${L2}.1~${L1}.2`, ['publisher', 1]));
  next.hear(next.last, message('room', 'x', `${L2}.2~${L1}.2`));
  next.hear(next.last, message('room', 'p.2', `${L2}.3~${L1}.2`, ['publisher', 2]));
  t.deepEqual(next.seen, ['p.2']);
});

test('each defence that is switched off lets its fault through', (t) => {
  const all = { position: true, chain: true, alias: true };
  const off = (which: keyof typeof all): Script =>
    reading('room', undefined, new Script({ defences: { ...all, [which]: false } }));
  const position = off('position');
  position.hear(position.last, message('room', 'm1', `${L1}.1`), message('room', 'm2', `${L1}.2`));
  position.hear(position.last, { ...message('room', 'other-id', `${L1}.1`) });
  t.deepEqual(position.seen, ['m1', 'm2', 'other-id']);
  const chain = off('chain');
  chain.hear(chain.last, message('room', 'p.1', `${L1}.1`, ['publisher', 1]));
  chain.hear(chain.last, message('room', 'p.3', `${L1}.3`, ['publisher', 3]));
  t.deepEqual(chain.seen, ['p.1', 'p.3']);
  const alias = off('alias');
  alias.hear(alias.last, message('room', 'p.1', `${L1}.1`, ['publisher', 1]));
  alias.hear(alias.last, message('room', 'p.1', `${L2}.1~${L1}.1`, ['publisher', 1]));
  t.deepEqual(alias.seen, ['p.1', 'p.1']);
});

test('a gap for a lost lineage does not set back the others', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'm1', `${L1}.1`), message('room', 'm2', `${L2}.9~${L1}.1`));
  s.hear(s.last, { type: 'gap', channel: 'room', reason: 'lost', position: `1~${L2}.3` });
  t.is(s.core.positionOf('room'), `1~${L2}.9`);
});

test('a lineage that is lost for good leaves the position, so that the same gap is not told again', (t) => {
  const s = reading();
  s.hear(s.last, message('room', 'm1', `${L1}.1`));
  s.hear(s.last, { type: 'gap', channel: 'room', reason: 'unknown', position: `1~${L2}.3` });
  s.lose(s.last);
  s.pass(1_000);
  s.welcome();
  t.deepEqual(s.take(s.last, 'subscribe'), [{ type: 'subscribe', channel: 'room', after: `1~${L2}.3` }]);
});
