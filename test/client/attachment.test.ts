/** Connecting, redirects, backoff, moves: where the client is attached, and what it does when that ends. */
import test from 'ava';
import { L1, message, Script } from './script.js';

const NEXT = ['http://b', 'http://c'];

test('connects, says who it is, and is connected once welcomed', (t) => {
  const s = new Script({ user: 'alice' }).start();
  t.is(s.last.url, 'http://a');
  s.welcome({ user: 'alice' });
  t.deepEqual(s.take(s.last, 'connect'), [{ type: 'connect', user: 'alice', after: 'now' }]);
  t.deepEqual(
    s.states.map(({ state }) => state),
    ['connecting', 'connected'],
  );
  s.hear(s.last, message('@alice', 'm1', `${L1}.1`));
  t.deepEqual(s.seen, [], 'before the subscription stands nothing counts');
});

test('the own channel delivers and resumes by connecting', (t) => {
  const s = new Script({ user: 'alice' }).start();
  const first = s.welcome({ user: 'alice' });
  s.hear(first, { type: 'subscribed', channel: '@alice', position: '1~', recovered: true });
  s.hear(first, message('@alice', 'm1', `${L1}.1`));
  s.lose(first);
  s.pass(1_000);
  s.welcome({ user: 'alice' });
  t.deepEqual(s.take(s.last, 'connect'), [{ type: 'connect', user: 'alice', after: `1~${L1}.1` }]);
  t.deepEqual(s.take(s.last, 'subscribe'), []);
  t.deepEqual(s.seen, ['m1']);
});

test('follows a redirect at once', (t) => {
  const s = new Script({ user: 'alice' }).start();
  s.core.opened(s.last.conn, s.now);
  s.hear(s.last, { type: 'redirect', url: 'http://b', reason: 'home' });
  t.is(s.links.length, 2);
  t.is(s.links[0]!.closedWith, 1000);
  t.is(s.last.url, 'http://b');
  s.welcome({ user: 'alice' });
  t.is(s.core.state.state, 'connected');
});

test('led in a circle, it asks to be relayed after five redirects', (t) => {
  const s = new Script({ user: 'alice' }).start();
  for (let i = 0; i < 6; i++) {
    s.core.opened(s.last.conn, s.now);
    s.hear(s.last, { type: 'redirect', url: i % 2 === 0 ? 'http://b' : 'http://a', reason: 'home' });
  }
  t.is(s.links.length, 7);
  t.is(s.last.url, 'http://b', 'the node that sent it away last');
  s.welcome({ user: 'alice' });
  t.deepEqual(s.take(s.last, 'connect'), [{ type: 'connect', user: 'alice', relay: true, after: 'now' }]);
});

test('a relayed client looks for its owner again later, without letting go of the relay', (t) => {
  const s = new Script({ user: 'alice' }).start();
  for (let i = 0; i < 6; i++) {
    s.core.opened(s.last.conn, s.now);
    s.hear(s.last, { type: 'redirect', url: i % 2 === 0 ? 'http://b' : 'http://a', reason: 'home' });
  }
  const relay = s.welcome({ user: 'alice' });
  s.hear(relay, { type: 'subscribed', channel: '@alice', position: '1~', recovered: true });
  for (let i = 0; i < 200 && s.core.state.state !== 'moving'; i++) s.pass(100);
  t.is(s.core.state.state, 'moving');
  t.is(relay.closedWith, undefined);
  s.core.opened(s.last.conn, s.now);
  s.hear(s.last, { type: 'redirect', url: 'http://c', reason: 'home' });
  const home = s.welcome({ user: 'alice' });
  t.is(home.url, 'http://c');
  t.is(relay.closedWith, undefined);
  s.hear(home, { type: 'subscribed', channel: '@alice', position: '1~', recovered: true });
  t.is(relay.closedWith, 1000);
  t.is(s.core.state.state, 'connected');
});

test('a redirect to the node that has just died is answered by asking for a relay', (t) => {
  const s = new Script({ user: 'alice' }).start();
  const first = s.welcome({ user: 'alice', next: NEXT });
  s.pass(60_000 - 35_000);
  s.hear(first, { type: 'pong' });
  s.lose(first);
  s.pass(10);
  t.is(s.last.url, 'http://b', 'where the dead node said to go');
  s.core.opened(s.last.conn, s.now);
  s.hear(s.last, { type: 'redirect', url: 'http://a', reason: 'home, as far as b knows' });
  t.is(s.last.url, 'http://b');
  s.welcome({ user: 'alice' });
  t.like(s.take(s.last, 'connect')[0], { relay: true });
});

test('clients of a dead node spread over the time that it named', (t) => {
  const waits: number[] = [];
  for (let seed = 0; seed < 200; seed++) {
    const s = new Script({}, undefined, seed).start();
    const first = s.welcome({ next: NEXT, spreadMs: 4_000 });
    s.pass(10_000);
    s.lose(first);
    waits.push(s.core.nextWakeAt() - s.now);
  }
  t.true(Math.max(...waits) <= 4_000);
  t.true(Math.min(...waits) < 200);
  const mean = waits.reduce((a, b) => a + b) / waits.length;
  t.true(mean > 1_600 && mean < 2_400, `mean ${mean}`);
});

test('tries all addresses in turn, waiting longer from round to round but never longer than the cap', (t) => {
  const urls = ['http://a', 'http://b', 'http://c'];
  const s = new Script({ urls, backoffBaseMs: 100, backoffCapMs: 2_000 }).start();
  const visited: string[] = [];
  const waits: number[] = [];
  for (let i = 0; i < 30; i++) {
    visited.push(s.last.url);
    const before = s.now;
    const count = s.links.length;
    s.lose(s.last);
    while (s.links.length === count) s.pass(Math.max(1, s.core.nextWakeAt() - s.now));
    waits.push(s.now - before);
  }
  t.deepEqual([...new Set(visited)].sort(), urls);
  t.true(Math.max(...waits) <= 2_001);
  t.true(waits[0]! <= 101);
  t.true(Math.max(...waits.slice(10)) > 500);
});

test('gives up a connection that does not open, and one that is never welcomed', (t) => {
  const s = new Script({ urls: ['http://a', 'http://b'] }).start();
  const first = s.last;
  s.pass(5_000);
  t.is(first.closedWith, 4504);
  s.pass(300);
  const second = s.last;
  t.not(second.url, first.url);
  s.core.opened(second.conn, s.now);
  s.pass(29_000);
  t.is(second.closedWith, undefined, 'a node may let it wait at the door');
  s.pass(2_000);
  t.is(second.closedWith, 4504);
});

test('asks a silent node for a sign of life, and leaves it if none comes', (t) => {
  const s = new Script().start();
  const link = s.welcome();
  s.pass(25_000);
  t.is(s.take(link, 'ping').length, 1);
  s.hear(link, { type: 'pong' });
  s.pass(25_000);
  t.is(s.take(link, 'ping').length, 1);
  s.pass(9_999);
  t.is(link.closedWith, undefined);
  s.pass(2);
  t.is(link.closedWith, 4504);
  t.is(s.core.state.state, 'connecting');
});

test('doubts a node sooner while a publish waits for it', (t) => {
  const s = new Script({ urls: ['http://a', 'http://b'] }).start();
  const link = s.welcome();
  s.publish('room', '1');
  s.flush();
  s.pass(5_000);
  t.is(link.closedWith, 4504);
  s.pass(500);
  t.not(s.last.url, link.url);
});

test('a move opens the new connection first, resumes everything there, then closes the old', (t) => {
  const s = new Script().start();
  s.core.subscribe('one');
  s.core.subscribe('two');
  const old = s.welcome();
  s.stand(old);
  s.hear(old, message('one', 'm1', `${L1}.1`));
  s.hear(old, { type: 'move', url: 'http://b', afterMs: 300, deadlineMs: 10_000 });
  t.is(s.links.length, 1);
  s.pass(300);
  t.is(s.core.state.state, 'moving');
  const young = s.welcome();
  t.deepEqual(
    s.take(young, 'subscribe').map(({ channel, after }) => [channel, after]),
    [
      ['one', `1~${L1}.1`],
      ['two', '1~'],
    ],
  );
  s.hear(old, message('one', 'm2', `${L1}.2`));
  s.hear(young, { type: 'subscribed', channel: 'one', position: `1~${L1}.1`, recovered: true });
  s.hear(young, message('one', 'm2', `${L1}.2`));
  t.is(old.closedWith, undefined);
  s.hear(young, { type: 'subscribed', channel: 'two', position: '1~', recovered: true });
  t.is(old.closedWith, 1000);
  s.hear(young, message('one', 'm3', `${L1}.3`));
  t.deepEqual(s.seen, ['m1', 'm2', 'm3']);
  t.deepEqual(
    s.states.map(({ state }) => state),
    ['connecting', 'connected', 'moving', 'connected'],
  );
});

test('a move that does not succeed in time leaves the client where it is', (t) => {
  const s = new Script().start();
  s.core.subscribe('one');
  const old = s.welcome();
  s.stand(old);
  s.hear(old, { type: 'move', url: 'http://b', afterMs: 0, deadlineMs: 3_000 });
  s.pass(1);
  const young = s.welcome();
  s.pass(3_000);
  t.is(young.closedWith, 4504);
  t.is(old.closedWith, undefined);
  t.is(s.core.state.state, 'connected');
  s.hear(old, message('one', 'm1', `${L1}.1`));
  t.deepEqual(s.seen, ['m1']);
});

test('the old node dies during a move: the new connection carries on', (t) => {
  const s = new Script().start();
  s.core.subscribe('one');
  const old = s.welcome();
  s.stand(old);
  s.hear(old, { type: 'move', url: 'http://b', afterMs: 0, deadlineMs: 3_000 });
  s.pass(1);
  s.lose(old);
  t.is(s.links.length, 2);
  s.welcome();
  s.stand();
  t.is(s.core.state.state, 'connected');
  t.is(s.links.length, 2);
});

test('a code that says not to come back ends the client and its subscriptions', (t) => {
  const s = new Script().start();
  s.core.subscribe('one');
  const link = s.welcome();
  const sent = s.publish('one', '1');
  s.flush();
  const unsent = s.publish('one', '2');
  s.lose(link, 4403, 'forbidden: not you');
  t.like(s.core.state, { state: 'closed', error: { code: 'forbidden' } });
  t.like(s.over, [{ channel: 'one', error: undefined }]);
  t.like(sent.outcome, { error: { code: 'unknown' } });
  t.like(unsent.outcome, { error: { code: 'forbidden' } });
  t.throws(() => s.publish('one', '3'), { code: 'forbidden' });
  s.pass(600_000);
  t.is(s.links.length, 1);
});

test('a client that is refused says so to whoever waits', (t) => {
  const s = new Script().start();
  const publish = s.publish('one', '1');
  const answers: unknown[] = [];
  s.core.presence('one', (value) => answers.push(value), s.now);
  s.core.opened(s.last.conn, s.now);
  s.lose(s.last, 4401, 'no token');
  t.like(publish.outcome, { error: { code: 'unauthorized', retry: false } });
  t.like(answers, [{ error: { code: 'unauthorized', retry: false } }]);
});

test('where there never was a connection, none is said to be lost', (t) => {
  const s = new Script().start();
  s.lose(s.last, 1006, 'fetch failed');
  t.is(s.core.state.reason, 'no connection (1006: fetch failed)');
});

test('being too slow, or one too many, is no reason to stay away', (t) => {
  for (const code of [4408, 4429, 4503, 4500, 1001, 1006, 4302]) {
    const s = new Script({ urls: ['http://a', 'http://b'] }).start();
    s.lose(s.welcome(), code);
    s.pass(1_000);
    t.is(s.links.length, 2, `${code}`);
  }
});

test('a fresh token is asked for when the last is refused, and the client ends when that does not help', (t) => {
  const s = new Script({ token: 'asked' }).start();
  t.is(s.links.length, 0);
  t.is(s.tokensAsked, 1);
  s.core.setToken('t1', s.now);
  s.welcome({ user: 'alice' });
  t.deepEqual(s.take(s.last, 'connect'), [{ type: 'connect', token: 't1' }]);
  s.lose(s.last, 4401);
  t.is(s.tokensAsked, 2);
  s.core.setToken('t2', s.now);
  s.core.opened(s.last.conn, s.now);
  t.like(s.take(s.last, 'connect')[0], { token: 't2' });
  for (let i = 3; i < 8 && s.core.state.state !== 'closed'; i++) {
    s.lose(s.last, 4401);
    s.pass(10_000);
    s.core.setToken(`t${i}`, s.now);
  }
  t.like(s.core.state, { state: 'closed', error: { code: 'unauthorized' } });
});

test('a token that runs out is renewed on the living connection', (t) => {
  const s = new Script({ token: 'asked' }).start();
  s.core.setToken('t1', s.now);
  const link = s.welcome({ user: 'alice' });
  s.hear(link, { type: 'error', error: { code: 'unauthorized', message: 'expired', retry: false } });
  t.is(s.tokensAsked, 2);
  s.core.setToken('t2', s.now);
  t.deepEqual(s.take(link, 'refresh'), [{ type: 'refresh', token: 't2' }]);
  t.is(s.core.state.state, 'connected');
});

test('a node that speaks nonsense is left, with everything resumed elsewhere', (t) => {
  const s = new Script({ urls: ['http://a', 'http://b'] }).start();
  s.core.subscribe('one');
  const link = s.welcome();
  s.stand(link);
  s.hear(link, { ...message('one', 'm1', `${L1}.1`), position: 'nonsense' });
  t.is(link.closedWith, 4400);
  t.is(s.problems[0]!.code, 'bad-position');
  s.pass(1_000);
  t.is(s.links.length, 2);
});
