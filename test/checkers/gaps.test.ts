/** Gaps and second names: what a gap tells of, when it is honest, and what a transport without memory may be sent again. */
import test from 'ava';
import type { HistoryEvent } from '../../lib/sim/checkers/history.js';
import { afterGap, cleanHistory, indexesOf, judge, kinds, type Of } from './history.js';

type Callback = Of<'callback'>;

test('a gap over what retention removed is honest', (t) => {
  const verdict = judge(afterGap(1), { retention: { messages: 3 } });
  t.deepEqual(verdict.violations, []);
  t.is(verdict.counts.gapped, 6);
});

test('a gap over what a node said it removed is honest', (t) => {
  t.true(judge([{ t: 40, kind: 'evict', ch: 'c', lid: 'lineage0', s: 7 }, ...afterGap(1)]).passed);
});

test('a gap that retention cannot explain is not', (t) => {
  t.deepEqual(kinds(judge(afterGap(1), { retention: { messages: 30 } })), ['unjustified-gap']);
});

/** `afterGap`, with three messages of the far side of a split, published before the removed ones and answered at 40. */
function afterHeal(answeredAt: number): HistoryEvent[] {
  const far = [1, 2, 3].flatMap((n): HistoryEvent[] => [
    { t: 2 + n, kind: 'pub-invoke', p: 'far', n, ch: 'c', hash: `f${n}` },
    { t: answeredAt, kind: 'pub-ok', p: 'far', n, ch: 'c', copies: 2, at: `lineage1.${n}` },
  ]);
  const got = [1, 2, 3].map((n): HistoryEvent => {
    return { t: 60 + n, kind: 'callback', client: 'r', ch: 'c', p: 'far', n, hash: `f${n}`, at: `lineage1.${n}` };
  });
  return [...far, ...afterGap(1), ...got];
}

test('what was under way until a split healed counts as newer than what the other side took meanwhile', (t) => {
  // three are newer than all that was removed by their numbers, three more came into the order when the wire was mended
  const retention = { messages: 12 };
  t.true(judge(afterHeal(40), { retention }).passed);
  t.deepEqual(kinds(judge(afterHeal(6), { retention })), ['unjustified-gap']);
});

test('a gap that comes after the message behind the hole came too late', (t) => {
  t.deepEqual(kinds(judge(afterGap(2), { retention: { messages: 3 } })), ['skipped']);
});

test('a gap that reaches less far than the hole leaves messages lost', (t) => {
  const events = afterGap(1).map((event) => (event.kind === 'gap' ? { ...event, position: '1~lineage0.5' } : event));
  const verdict = judge(events, { retention: { messages: 3 } });
  t.deepEqual(kinds(verdict), ['lost', 'skipped']);
  t.is(verdict.count('lost'), 2);
});

test('a gap over nothing is counted where retention may remove', (t) => {
  const events = cleanHistory(3);
  const last = events[indexesOf(events, 'callback').at(-1)!] as Callback;
  events.push({ t: 1e9, kind: 'gap', client: last.client, ch: last.ch, reason: 'age', position: `1~${last.at}` });
  const verdict = judge(events, { retention: { messages: 100_000 } });
  t.deepEqual(verdict.violations, []);
  t.is(verdict.counts.spuriousGaps, 1);
});

/** `afterGap`, where the gap is over the places of a second lineage, in which no reader saw the removed messages. */
function underSecondNames(isTold: boolean): HistoryEvent[] {
  const events = afterGap(1).map((e) => (e.kind === 'gap' ? { ...e, position: '1~lineage1.6' } : e));
  const names = [2, 3, 4, 5, 6, 7].map((n): HistoryEvent => {
    return { t: 40, kind: 'stored', ch: 'c', p: 'p', n, at: `lineage1.${n - 1}` };
  });
  return isTold ? [...names, ...events] : events;
}

test('a gap over one name of a message tells of the message, whether or not a reader ever saw that name', (t) => {
  const removed: HistoryEvent = { t: 45, kind: 'evict', ch: 'c', lid: 'lineage1', s: 6 };
  t.true(judge([removed, ...underSecondNames(true)]).passed);
  t.deepEqual(kinds(judge([removed, ...underSecondNames(false)])), ['lost', 'skipped', 'unjustified-gap']);
});

test('a place that was stored as one message and given out as another is a clash of names', (t) => {
  const events = cleanHistory(8);
  const { ch, p, n, at } = events[indexesOf(events, 'callback')[5]!] as Callback;
  t.deepEqual(kinds(judge([{ t: 1, kind: 'stored', ch, p, n: n + 1, at: at! }, ...events])), ['name-clash']);
});

test('a gap that does not say how far it reaches is not held against what comes after it', (t) => {
  const events = cleanHistory(9);
  const at = indexesOf(events, 'callback')[200]!;
  const { t: time, client, ch } = events[at] as Callback;
  const gap: HistoryEvent = { t: time, kind: 'gap', client, ch, reason: 'size' };
  const told = [...events.slice(0, at), gap, ...events.slice(at)];
  t.is(judge(told, { retention: {} }).counts.spuriousGaps, 1);
  t.true(judge(told, { retention: {} }).passed);
  const missed = told.filter((event) => event !== events[at]);
  t.true(kinds(judge(missed, { retention: {} })).includes('unjustified-gap'));
});

test('a transport without memory may get a message under a second name; it is counted, not condemned', (t) => {
  const events = cleanHistory(5).map((event) => (event.kind === 'sub' ? { ...event, bare: true as const } : event));
  const first = events[indexesOf(events, 'callback')[3]!] as Callback;
  events.push({ ...first, at: 'secondly.1' });
  const verdict = judge(events);
  t.true(verdict.passed);
  t.is(verdict.counts.bareRepeats, 1);
});

test('but not the very same entry twice', (t) => {
  const events = cleanHistory(5).map((event) => (event.kind === 'sub' ? { ...event, bare: true as const } : event));
  events.push(events[indexesOf(events, 'callback')[3]!]!);
  t.deepEqual(kinds(judge(events)), ['repeated']);
});

/** `afterGap`, and then one of the removed messages under the name that it has in a lineage of another node. */
function lateByName(bare: boolean, n: number, names: number): HistoryEvent[] {
  const events = afterGap(1).map((event) => (event.kind === 'sub' && bare ? { ...event, bare: true as const } : event));
  const second: HistoryEvent = { t: 40, kind: 'stored', ch: 'c', p: 'p', n, at: 'lineage1.1' };
  const at = names > 1 ? 'lineage1.1' : `lineage0.${n}`;
  const late: HistoryEvent = { t: 70, kind: 'callback', client: 'r', ch: 'c', p: 'p', n, hash: `h${n}`, at };
  return [...(names > 1 ? [second] : []), ...events, late];
}

test('a transport without memory may get what a gap told of after all, under a second name; the library may not', (t) => {
  const retention = { messages: 3 };
  const verdict = judge(lateByName(true, 5, 2), { retention });
  t.deepEqual(verdict.violations, []);
  t.is(verdict.counts.bareLate, 1);
  t.deepEqual(kinds(judge(lateByName(false, 5, 2), { retention })), ['out-of-order']);
  t.deepEqual(kinds(judge(lateByName(true, 5, 1), { retention })), ['out-of-order', 'position-back']);
});

test('nor may it get late, under a second name, what no gap told of', (t) => {
  const events = lateByName(true, 5, 2).map((event) => {
    return event.kind === 'gap' ? { ...event, position: '1~lineage0.4' } : event;
  });
  t.true(kinds(judge(events, { retention: { messages: 3 } })).includes('out-of-order'));
});
