import test from 'ava';
import { ackedLostOf, Checker, lostOf } from '../../bench/harness/checker.js';

function checkerOf(readers: number, channels: number): Checker {
  return new Checker(Int32Array.from({ length: readers }, (_, reader) => reader % channels));
}

test('numbers in order are delivered and nothing else', (t) => {
  const checker = checkerOf(1, 1);
  for (let sequence = 0; sequence < 5; sequence++) t.true(checker.received(0, 0, sequence));
  t.deepEqual(checker.counts(), { delivered: 5, repeated: 0, reordered: 0, foreign: 0, unreadable: 0 });
  t.is(lostOf(checker.states(), Int32Array.of(5)), 0);
});

test('a number that comes twice is repeated, whether it was in order or late', (t) => {
  const checker = checkerOf(1, 1);
  for (const sequence of [0, 1, 1, 3, 2, 2]) checker.received(0, 0, sequence);
  const { delivered, repeated, reordered } = checker.counts();
  t.deepEqual({ delivered, repeated, reordered }, { delivered: 4, repeated: 2, reordered: 1 });
});

test('a hole is lost until it is filled, and then reordered', (t) => {
  const checker = checkerOf(1, 1);
  checker.received(0, 0, 0);
  checker.received(0, 0, 3);
  t.is(lostOf(checker.states(), Int32Array.of(4)), 2);
  t.false(checker.complete(0, 4));
  checker.received(0, 0, 1);
  checker.received(0, 0, 2);
  t.is(lostOf(checker.states(), Int32Array.of(4)), 0);
  t.is(checker.counts().reordered, 2);
  t.true(checker.complete(0, 4));
});

test('what was sent and never came is lost for every reader of the channel', (t) => {
  const checker = checkerOf(4, 2);
  checker.received(0, 0, 0);
  t.is(lostOf(checker.states(), Int32Array.of(1, 2)), 1 + 2 + 2);
});

test('a message of another channel is foreign and delivers nothing', (t) => {
  const checker = checkerOf(2, 2);
  t.false(checker.received(0, 1, 0));
  t.deepEqual(checker.counts(), { delivered: 0, repeated: 0, reordered: 0, foreign: 1, unreadable: 0 });
});

test('only what was acknowledged counts as acknowledged and lost', (t) => {
  const checker = checkerOf(1, 1);
  checker.received(0, 0, 0);
  checker.received(0, 0, 2);
  const isAcked = (_channel: number, sequence: number) => sequence !== 1;
  t.is(ackedLostOf(checker.states(), Int32Array.of(5), isAcked), 2);
});
