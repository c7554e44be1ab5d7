import test from 'ava';
import { parseChatLog } from '../../bench/replay/chat-log.js';
import { Judge } from '../../bench/replay/verdict.js';

const LINES = parseChatLog('[09:00] <ada> one\n[09:00] <bo> two\n[09:01] <ada> three\n');
const FILE = { channel: 'log:1', lines: LINES };

function judge(strict = false): Judge {
  return new Judge([FILE], 2, strict);
}

function arrive(on: Judge, reader: number, numbers: readonly number[]): void {
  for (const n of numbers) on.arrived('log:1', reader, n, LINES[n - 1]!.line);
}

test('a replay in which every reader got every line once is right', (t) => {
  const right = judge(true);
  arrive(right, 0, [1, 2, 3]);
  arrive(right, 1, [1, 2, 3]);
  t.like(right.verdict(), { lines: 3, expected: 6, delivered: 6, missing: 0, ok: true });
});

test('a line that a reader did not get is missing', (t) => {
  const wrong = judge();
  arrive(wrong, 0, [1, 2, 3]);
  arrive(wrong, 1, [1, 3]);
  t.like(wrong.verdict(), { missing: 1, ok: false });
});

test('a line that came twice is repeated, and not delivered twice', (t) => {
  const wrong = judge();
  arrive(wrong, 0, [1, 2, 3, 2]);
  arrive(wrong, 1, [1, 2, 3]);
  t.like(wrong.verdict(), { delivered: 6, repeated: 1, missing: 0, ok: false });
});

test('two lines of one nick in the wrong order are out of order', (t) => {
  const wrong = judge();
  arrive(wrong, 0, [3, 1, 2]);
  arrive(wrong, 1, [3, 1, 2]);
  t.like(wrong.verdict(), { outOfOrder: 2, ok: false });
});

test('lines of different nicks may change places unless the order of the file was asked for', (t) => {
  for (const strict of [false, true]) {
    const other = judge(strict);
    arrive(other, 0, [2, 1, 3]);
    arrive(other, 1, [2, 1, 3]);
    t.is(other.verdict().ok, !strict);
  }
});

test('readers of a channel that saw different orders disagree', (t) => {
  const wrong = judge();
  arrive(wrong, 0, [1, 2, 3]);
  arrive(wrong, 1, [2, 1, 3]);
  t.like(wrong.verdict(), { outOfOrder: 0, disagreeing: 1, ok: false });
});

test('a line that was never published, or with another text, is altered', (t) => {
  const wrong = judge();
  wrong.arrived('log:1', 0, 1, 'something else');
  wrong.arrived('log:1', 0, 4, '');
  wrong.arrived('log:2', 0, 1, LINES[0]!.line);
  t.is(wrong.verdict().altered, 3);
});

test('a gap or a line that could not be published makes a replay wrong', (t) => {
  for (const spoil of [(j: Judge) => j.gap(), (j: Judge) => j.unpublished()]) {
    const wrong = judge();
    arrive(wrong, 0, [1, 2, 3]);
    arrive(wrong, 1, [1, 2, 3]);
    t.true(wrong.verdict().ok);
    spoil(wrong);
    t.false(wrong.verdict().ok);
  }
});
