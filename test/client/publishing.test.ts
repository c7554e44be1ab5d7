/** A publish ends as stored, refused, or unknown; on the way its number in the chain never changes its meaning. */
import test from 'ava';
import type { ClientMessage, PublishItem, PublishOutcome } from '../../lib/wire/client.js';
import { type ErrorCode, HalodError } from '../../lib/wire/errors.js';
import { type Link, Script } from './script.js';

type Frame = Extract<ClientMessage, { type: 'publish' }>;

const stored = (item: PublishItem): PublishOutcome => ({
  id: item.id ?? `${item.publisher}.${item.seq}`,
  channel: item.channel,
  position: '1~lineage1.1',
  copies: 2,
});
const refused = (code: ErrorCode): PublishOutcome => ({ error: new HalodError(code).toBody() });

function connected(): { s: Script; link: Link } {
  const s = new Script({ urls: ['http://a', 'http://b'] }).start();
  return { s, link: s.welcome() };
}

function frames(s: Script, link = s.last): Frame[] {
  s.flush();
  return s.take(link, 'publish');
}

function answer(s: Script, link: Link, frame: Frame, outcome: (item: PublishItem) => PublishOutcome): void {
  s.hear(link, { type: 'published', ref: frame.ref, results: frame.messages.map(outcome) });
}

const numbers = (frame: Frame): number[] => frame.messages.map((item) => item.seq!);

test('what one turn publishes leaves in one frame, numbered by channel', (t) => {
  const { s, link } = connected();
  const results = [s.publish('a', '1'), s.publish('b', '2'), s.publish('a', '3')];
  const [frame, ...more] = frames(s);
  t.deepEqual(more, []);
  const { messages } = frame!;
  t.deepEqual(
    messages.map(({ channel, seq, data }) => [channel, seq, data]),
    [
      ['a', 1, '1'],
      ['a', 2, '3'],
      ['b', 1, '2'],
    ],
  );
  t.is(messages[0]!.publisher, messages[1]!.publisher);
  t.not(messages[0]!.publisher, messages[2]!.publisher);
  answer(s, link, frame!, stored);
  t.true(results.every(({ outcome }) => outcome !== undefined && !('error' in outcome)));
});

test("a message with an id of the application's own takes no number, and travels alone to keep its place", (t) => {
  const { s, link } = connected();
  const results = [s.publish('a', '1'), s.publish('a', '2', 'order-7'), s.publish('a', '3'), s.publish('a', '4')];
  const sent: unknown[] = [];
  for (let more = frames(s); more.length > 0; more = frames(s)) {
    for (const frame of more) {
      sent.push(frame.messages.map(({ seq, id, data }) => [seq, id, data]));
      answer(s, link, frame, stored);
    }
  }
  t.deepEqual(sent, [
    [[1, undefined, '1']],
    [[undefined, 'order-7', '2']],
    [
      [2, undefined, '3'],
      [3, undefined, '4'],
    ],
  ]);
  t.true(results.every(({ outcome }) => outcome !== undefined));
  const refusedOne = s.publish('a', '5', 'order-8');
  const behind = s.publish('a', '6');
  answer(s, link, frames(s)[0]!, () => refused('forbidden'));
  t.like(refusedOne.outcome, { error: { code: 'forbidden' } });
  t.deepEqual(numbers(frames(s)[0]!), [4], 'the chain is whole');
  t.is(behind.outcome, undefined);
});

test('a window of 32 a channel is under way, the rest in line', (t) => {
  const { s, link } = connected();
  const results = Array.from({ length: 100 }, (_, i) => s.publish('a', String(i)));
  const [first] = frames(s);
  t.is(first!.messages.length, 32);
  answer(s, link, first!, stored);
  const [second] = frames(s);
  t.deepEqual(
    numbers(second!),
    Array.from({ length: 32 }, (_, i) => i + 33),
  );
  answer(s, link, second!, stored);
  answer(s, link, frames(s)[0]!, stored);
  answer(s, link, frames(s)[0]!, stored);
  t.true(results.every(({ outcome }) => outcome !== undefined));
});

test('a window of 1,024 a client, and a bounded line behind it', (t) => {
  const { s, link } = connected();
  for (let i = 0; i < 40; i++) for (let n = 0; n < 32; n++) s.publish(`c${i}`, '0');
  const sent = frames(s);
  t.is(
    sent.reduce((sum, frame) => sum + frame.messages.length, 0),
    1_024,
  );
  answer(s, link, sent[0]!, stored);
  t.is(
    frames(s).reduce((sum, frame) => sum + frame.messages.length, 0),
    sent[0]!.messages.length,
  );
  let last = s.publish('a', '0');
  for (let i = 0; i < 17_000; i++) last = s.publish('a', '0');
  t.like(last.outcome, { error: { code: 'overloaded' } });
});

test('a lost connection: the same numbers go to the next node', (t) => {
  const { s, link } = connected();
  const result = s.publish('a', '1');
  const [before] = frames(s);
  s.lose(link);
  s.pass(1_000);
  s.welcome();
  const [after] = frames(s);
  t.not(s.last.conn, link.conn);
  t.like(after!.messages[0], { publisher: before!.messages[0]!.publisher!, seq: 1, data: '1' });
  t.true(after!.messages[0]!.ageMs! > 0);
  t.is(before!.messages[0]!.ageMs, undefined);
  answer(s, s.last, after!, stored);
  t.like(result.outcome, { copies: 2 });
});

test('refused for now: tried again with the same number, later each time', (t) => {
  const { s, link } = connected();
  const result = s.publish('a', '1');
  const triedAt: number[] = [];
  const began = s.now;
  while (s.now < began + 10_000) {
    for (const frame of frames(s)) {
      triedAt.push(s.now - began);
      t.deepEqual(numbers(frame), [1]);
      answer(s, link, frame, () => refused('copies'));
    }
    s.pass(10);
  }
  t.is(result.outcome, undefined);
  t.true(triedAt[1]! <= 60 && triedAt.length > 10 && triedAt.length < 30, triedAt.join());
  s.pass(2_000);
  answer(s, link, frames(s)[0]!, stored);
  t.like(result.outcome, { copies: 2 });
});

test('an earlier message is missing at the node: the later one waits a moment and comes again in order', (t) => {
  const { s, link } = connected();
  s.publish('a', '1');
  const [one] = frames(s);
  s.publish('a', '2');
  const [two] = frames(s);
  answer(s, link, two!, () => refused('order'));
  answer(s, link, one!, () => refused('moved'));
  s.pass(200);
  const [again] = frames(s);
  t.deepEqual(numbers(again!), [1, 2]);
});

test('at the deadline it is unknown, and the chain goes on under a new name', (t) => {
  const { s, link } = connected();
  const lost = s.publish('a', '1');
  const name = frames(s)[0]!.messages[0]!.publisher;
  const gone = s.now;
  while (s.now < gone + 31_000) {
    s.pass(1_000);
    s.hear(s.links.find(({ closedWith }) => closedWith === undefined) ?? link, { type: 'pong' });
    for (const frame of frames(s)) t.is(frame.messages[0]!.publisher, name);
  }
  t.like(lost.outcome, { error: { code: 'unknown', retry: false } });
  s.publish('a', '2');
  const [fresh] = frames(s);
  t.not(fresh!.messages[0]!.publisher, name);
  t.deepEqual(numbers(fresh!), [1]);
});

test('what was never sent is not unknown at the deadline', (t) => {
  const s = new Script().start();
  const result = s.publish('a', '1');
  s.pass(31_000);
  t.like(result.outcome, { error: { code: 'timeout' } });
  t.regex(JSON.stringify(result.outcome), /was not sent and is not stored/);
});

test('a refusal for good takes one message out; those behind it that no node took come under a new name', (t) => {
  const { s, link } = connected();
  const [bad, good] = [s.publish('a', '1'), s.publish('a', '2')];
  const [frame] = frames(s);
  s.hear(link, {
    type: 'published',
    ref: frame!.ref,
    results: [refused('forbidden'), refused('order')],
  });
  t.like(bad.outcome, { error: { code: 'forbidden' } });
  const [again] = frames(s);
  t.deepEqual(numbers(again!), [1]);
  t.not(again!.messages[0]!.publisher, frame!.messages[0]!.publisher);
  t.like(again!.messages[0], { data: '2', id: `${frame!.messages[0]!.publisher}.2` });
  answer(s, link, again!, stored);
  t.like(good.outcome, { copies: 2 });
});

test('a refusal for good after a try without an answer is unknown, as is what was sent behind it', (t) => {
  const { s, link } = connected();
  const results = [s.publish('a', '1'), s.publish('a', '2')];
  frames(s);
  s.lose(link);
  s.pass(1_000);
  s.welcome();
  const [again] = frames(s);
  answer(s, s.last, again!, ({ seq }) => refused(seq === 1 ? 'forbidden' : 'order'));
  for (const { outcome } of results) t.like(outcome, { error: { code: 'unknown' } });
});

test('a publisher that the nodes forgot while it was idle begins anew without an error', (t) => {
  const { s, link } = connected();
  s.publish('a', '1');
  answer(s, link, frames(s)[0]!, stored);
  const result = s.publish('a', '2');
  const [frame] = frames(s);
  t.deepEqual(numbers(frame!), [2]);
  answer(s, link, frame!, () => refused('publisher-unknown'));
  const [again] = frames(s);
  t.deepEqual(numbers(again!), [1]);
  answer(s, link, again!, stored);
  t.like(result.outcome, { copies: 2 });
});

test('a publisher that is forgotten with a try unanswered ends as unknown', (t) => {
  const { s, link } = connected();
  const result = s.publish('a', '1');
  frames(s);
  s.lose(link);
  s.pass(1_000);
  s.welcome();
  answer(s, s.last, frames(s)[0]!, () => refused('publisher-unknown'));
  t.like(result.outcome, { error: { code: 'unknown' } });
});

test('a node that forgets at every try is not asked in a tight loop', (t) => {
  const { s, link } = connected();
  const result = s.publish('a', '1');
  let tries = 0;
  const end = s.now + 31_000;
  while (s.now < end) {
    for (let more = frames(s); more.length > 0; more = frames(s)) {
      tries += more.length;
      for (const frame of more) answer(s, link, frame, () => refused('publisher-unknown'));
    }
    s.hear(link, { type: 'pong' });
    s.pass(20);
  }
  t.true(tries < 100, `${tries} tries`);
  t.like(result.outcome, { error: { code: 'publisher-unknown' } });
});

test('a frame refused as a whole is refused for each of its messages', (t) => {
  const { s, link } = connected();
  const result = s.publish('a', '1');
  const [frame] = frames(s);
  s.hear(link, { type: 'error', ref: frame!.ref, error: new HalodError('too-large').toBody() });
  t.like(result.outcome, { error: { code: 'too-large' } });
});

test('frames stay below what a node takes', (t) => {
  const { s } = connected();
  const data = JSON.stringify('x'.repeat(60_000));
  for (let i = 0; i < 20; i++) s.publish('a', data);
  const sent = frames(s);
  t.true(sent.length > 1);
  for (const frame of sent) t.true(JSON.stringify(frame).length < 350_000);
  t.deepEqual(
    sent.flatMap(numbers),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
});

test('history and presence are asked again on the next connection', (t) => {
  const { s, link } = connected();
  const answers: unknown[] = [];
  s.core.history('a', undefined, 5, (value) => answers.push(value), s.now);
  s.core.presence('a', (value) => answers.push(value), s.now);
  t.is(s.take(link, 'history').length, 1);
  s.lose(link);
  s.pass(1_000);
  s.welcome();
  const [history] = s.take(s.last, 'history');
  const [presence] = s.take(s.last, 'presence');
  s.hear(s.last, { type: 'history', ref: history!.ref, messages: [], position: '1~', gap: false });
  s.hear(s.last, { type: 'presence', ref: presence!.ref, users: ['bob'], count: 1 });
  t.like(answers, [{ messages: [] }, { users: ['bob'] }]);
});

test('a call without an answer ends at its deadline', (t) => {
  const s = new Script().start();
  const answers: unknown[] = [];
  s.core.presence('a', (value) => answers.push(value), s.now);
  s.pass(11_000);
  t.like(answers, [{ error: { code: 'timeout' } }]);
});
