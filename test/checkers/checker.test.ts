/** The checkers must be able to fail: each violation, planted into a clean history at a random place, is found and named. */
import test from 'ava';
import { entryOf, type HistoryEvent, parseEvent } from '../../lib/sim/checkers/history.js';
import type { ViolationKind } from '../../lib/sim/checkers/verdict.js';
import { afterGap, cleanHistory, indexesOf, judge, kinds, type Of, pick, random } from './history.js';

type Callback = Of<'callback'>;

const isAcked = (events: readonly HistoryEvent[]) => {
  const acked = new Set(
    events.flatMap((event) => (event.kind === 'pub-ok' ? [`${event.ch} ${event.p} ${event.n}`] : [])),
  );
  return (event: Callback) => acked.has(`${event.ch} ${event.p} ${event.n}`);
};

/** A reader's callbacks of one publisher, in one channel. */
function chainOf(events: readonly HistoryEvent[], like: Callback): number[] {
  return indexesOf(events, 'callback', (e) => e.client === like.client && e.ch === like.ch && e.p === like.p);
}

/** Tells each reader's last callback of a publisher in a channel from the ones before. */
function lastOfChain(events: readonly HistoryEvent[]): (event: Callback) => boolean {
  const last = new Map<string, HistoryEvent>();
  for (const event of events) if (event.kind === 'callback') last.set(`${event.client} ${event.ch} ${event.p}`, event);
  const all = new Set(last.values());
  return (event) => all.has(event);
}

interface Planted {
  readonly name: string;
  readonly expected: readonly ViolationKind[];
  /** Changes the history in place. */
  plant(events: HistoryEvent[], next: () => number): void;
}

const PLANTED: readonly Planted[] = [
  {
    name: 'an acknowledged message that one reader never gets is lost',
    expected: ['lost', 'skipped'],
    plant(events, next) {
      // not a publisher's last, so that the reader also goes past it
      const [acked, isLast] = [isAcked(events), lastOfChain(events)];
      const at = pick(
        indexesOf(events, 'callback', (e) => acked(e) && e.n > 1 && !isLast(e)),
        next,
      );
      events.splice(at, 1);
    },
  },
  {
    name: 'the last message of a publisher, which nobody can notice by its number, is lost too',
    expected: ['lost'],
    plant(events, next) {
      const [acked, isLast] = [isAcked(events), lastOfChain(events)];
      const at = pick(
        indexesOf(events, 'callback', (e) => acked(e) && isLast(e)),
        next,
      );
      events.splice(at, 1);
    },
  },
  {
    name: 'an acknowledged message that no reader gets is lost',
    expected: ['lost'],
    plant(events, next) {
      const ok = events[pick(indexesOf(events, 'pub-ok'), next)] as Of<'pub-ok'>;
      const isIt = (e: HistoryEvent) => e.kind === 'callback' && e.ch === ok.ch && e.p === ok.p && e.n >= ok.n;
      const kept = events.filter((e) => !isIt(e));
      events.splice(0, events.length, ...kept);
    },
  },
  {
    name: 'a callback that comes twice is repeated',
    expected: ['repeated'],
    plant(events, next) {
      const at = pick(indexesOf(events, 'callback'), next);
      events.splice(at + 1 + Math.floor(next() * (events.length - at)), 0, events[at]!);
    },
  },
  {
    name: 'two messages of one publisher that change places are out of order',
    expected: ['out-of-order'],
    plant(events, next) {
      const at = pick(
        indexesOf(events, 'callback', (e) => e.n > 2),
        next,
      );
      // two next to each other, both acknowledged: across a publish of unknown outcome no order is promised
      const acked = isAcked(events);
      const chain = chainOf(events, events[at] as Callback).filter((i) => acked(events[i] as Callback));
      const number = (i: number) => (events[i] as Callback).n;
      const first = chain.findIndex((i, place) => place > 0 && number(i) === number(chain[place - 1]!) + 1);
      const [a, b] = [chain[first - 1]!, chain[first]!];
      // entries change too, or the position goes back as well
      const [one, other] = [events[a] as Callback, events[b] as Callback];
      events[a] = { ...other, t: one.t };
      events[b] = { ...one, t: other.t };
      for (const index of [a, b]) {
        const { at: _, ...rest } = events[index] as Callback;
        events[index] = rest;
      }
    },
  },
  {
    name: 'a message that nobody published is invented',
    expected: ['invented'],
    plant(events) {
      events.push({ t: 1e9, kind: 'callback', client: 'r0', ch: 'c0', p: 'nobody', n: 1, hash: 'x' });
      for (const client of ['r1', 'r2', 'r3'])
        events.push({ t: 1e9, kind: 'callback', client, ch: 'c0', p: 'nobody', n: 1, hash: 'x' });
    },
  },
  {
    name: 'a message that turns up in another channel is invented there',
    expected: ['invented'],
    plant(events, next) {
      const from = events[pick(indexesOf(events, 'callback'), next)] as Callback;
      for (const client of ['r0', 'r1', 'r2', 'r3'])
        events.push({ t: 1e9, kind: 'callback', client, ch: 'other', p: from.p, n: from.n, hash: from.hash });
    },
  },
  {
    name: 'a message whose data changed on the way is altered',
    expected: ['altered'],
    plant(events, next) {
      const at = pick(indexesOf(events, 'callback'), next);
      events[at] = { ...(events[at] as Callback), hash: 'damaged' };
    },
  },
  {
    name: 'a refused message that is delivered is found',
    expected: ['refused-delivered'],
    plant(events, next) {
      const at = pick(indexesOf(events, 'pub-ok'), next);
      const { t, p, n, ch } = events[at] as Of<'pub-ok'>;
      events[at] = { t, kind: 'pub-fail', p, n, ch, code: 'too-large' };
    },
  },
  {
    name: 'a message of unknown outcome that some readers get and others do not is a disagreement',
    expected: ['disagreed'],
    plant(events, next) {
      const [acked, isLast] = [isAcked(events), lastOfChain(events)];
      const at = pick(
        indexesOf(events, 'callback', (e) => acked(e) && isLast(e)),
        next,
      );
      const { p, n, ch } = events[at] as Callback;
      const ok = indexesOf(events, 'pub-ok', (e) => e.p === p && e.n === n && e.ch === ch)[0]!;
      events[ok] = { t: events[ok]!.t, kind: 'pub-unknown', p, n, ch };
      events.splice(at, 1);
    },
  },
  {
    name: 'a gap over messages that nothing removed is not justified',
    expected: ['unjustified-gap'],
    plant(events, next) {
      const at = pick(
        indexesOf(events, 'callback', (e) => e.at !== undefined),
        next,
      );
      const { t, client, ch, at: entry } = events[at] as Callback;
      events[at] = { t, kind: 'gap', client, ch, reason: 'size', position: `1~${entry}` };
    },
  },
  {
    name: 'a gap over nothing is not justified where history outlasts the run',
    expected: ['unjustified-gap'],
    plant(events, next) {
      const at = pick(
        indexesOf(events, 'callback', (e) => e.at !== undefined),
        next,
      );
      const { t, client, ch, at: entry } = events[at] as Callback;
      events.splice(at + 1, 0, { t, kind: 'gap', client, ch, reason: 'age', position: `1~${entry}` });
    },
  },
  {
    name: 'a position that stands still is found',
    expected: ['name-clash', 'position-back'],
    plant(events, next) {
      const chain = chainOf(events, events[pick(indexesOf(events, 'callback'), next)] as Callback);
      const [a, b] = [events[chain[0]!] as Callback, events[chain[1]!] as Callback];
      events[chain[1]!] = { ...b, at: a.at! };
    },
  },
  {
    name: 'two entries of one lineage that change places are found, whoever published them',
    expected: ['position-back'],
    plant(events, next) {
      const lineage = (e: HistoryEvent) => (e as Callback).at?.slice(0, 8);
      const ofReader = indexesOf(events, 'callback', (e) => e.client === 'r0' && e.ch === 'c0');
      const pairs = ofReader.slice(1).flatMap((b, i) => {
        const [one, other] = [events[ofReader[i]!] as Callback, events[b] as Callback];
        return one.p !== other.p && lineage(one) === lineage(other) ? [[ofReader[i]!, b] as const] : [];
      });
      const [a, b] = pick(pairs, next);
      [events[a], events[b]] = [events[b]!, events[a]!];
    },
  },
  {
    name: 'one place of a lineage that holds two messages is a clash of names',
    expected: ['name-clash'],
    plant(events, next) {
      const [at, other] = [pick(indexesOf(events, 'pub-ok'), next), indexesOf(events, 'pub-ok')[0]!];
      const from = at === other ? indexesOf(events, 'pub-ok')[1]! : at;
      events[from] = { ...(events[from] as Of<'pub-ok'>), at: (events[other] as Of<'pub-ok'>).at! };
    },
  },
  {
    name: 'an acknowledgement with fewer copies than are due is short',
    expected: ['short-copies'],
    plant(events, next) {
      const at = pick(indexesOf(events, 'pub-ok'), next);
      events[at] = { ...(events[at] as Of<'pub-ok'>), copies: 1 };
    },
  },
  {
    name: 'an acknowledgement that counts a node which has ended is short',
    expected: ['short-copies'],
    plant(events) {
      const at = indexesOf(events, 'pub-ok').at(-1)!;
      events.splice(at, 0, { t: events[at]!.t, kind: 'gone', node: 'b', boot: 1 });
    },
  },
  {
    name: 'a publish that never ends is unanswered',
    expected: ['unanswered'],
    plant(events, next) {
      events.splice(pick(indexesOf(events, 'pub-ok'), next), 1);
    },
  },
];

test('a clean history has no violation, whatever the seed', (t) => {
  for (let seed = 1; seed <= 30; seed++) {
    const verdict = judge(cleanHistory(seed));
    t.deepEqual(verdict.violations, [], `seed ${seed}`);
    t.true(verdict.counts.delivered > 500 && verdict.counts.acknowledged > 200 && verdict.counts.unknown > 0);
  }
});

for (const { name, expected, plant } of PLANTED) {
  test(name, (t) => {
    for (let seed = 1; seed <= 20; seed++) {
      const events = cleanHistory(seed);
      plant(events, random(seed));
      const verdict = judge(events);
      t.deepEqual(kinds(verdict), [...expected].sort(), `seed ${seed}: ${JSON.stringify(verdict.violations)}`);
    }
  });
}

test('files may come in any order, each in its own', (t) => {
  const events = cleanHistory(7).filter((event) => event.kind !== 'hold');
  const readers = events.filter((event) => ['sub', 'subscribed', 'callback'].includes(event.kind));
  const publishers = events.filter((event) => event.kind.startsWith('pub-'));
  t.true(judge([...readers, ...publishers]).passed);
  readers.splice(indexesOf(readers, 'callback').at(-1)!, 1);
  t.false(judge([...readers, ...publishers]).passed);
});

test('nothing is owed to a reader that left, but what it got is judged', (t) => {
  const events = cleanHistory(4);
  const half = Math.floor(events.length / 2);
  const stays = events.filter((e, i) => i < half || !('client' in e && e.client === 'r1' && e.kind === 'callback'));
  stays.push(...['c0', 'c1', 'c2'].map((ch) => ({ t: 1e9, kind: 'leave', client: 'r1', ch }) as const));
  t.true(judge(stays).passed);
  const got = indexesOf(stays, 'callback', (e) => e.client === 'r1' && e.n > 1);
  stays.splice(got[Math.floor(got.length / 2)]!, 1);
  t.deepEqual(kinds(judge(stays)), ['skipped']);
});

test('no order is asked of a publisher that promises none', (t) => {
  const events = cleanHistory(6).map((event) => {
    if (event.kind === 'pub-invoke') return { ...event, unordered: true as const };
    if (event.kind !== 'callback') return event;
    const { at: _, ...rest } = event;
    return rest;
  });
  const chain = chainOf(events, events[indexesOf(events, 'callback')[0]!] as Callback);
  [events[chain[0]!], events[chain[1]!]] = [events[chain[1]!]!, events[chain[0]!]!];
  t.true(judge(events).passed);
});

test('no order is asked across a publish of unknown outcome, where the library starts a new session', (t) => {
  const events: HistoryEvent[] = afterGap(1).filter((event) => event.kind !== 'callback' && event.kind !== 'gap');
  for (const n of [1, 2, 3, 5, 6, 4, 7, 8, 9, 10])
    events.push({ t: 60 + n, kind: 'callback', client: 'r', ch: 'c', p: 'p', n, hash: `h${n}` });
  t.deepEqual(kinds(judge(events)), ['out-of-order']);
  const unknown = events.map((e) => {
    return e.kind === 'pub-ok' && e.n === 5 ? ({ t: e.t, kind: 'pub-unknown', p: 'p', n: 5, ch: 'c' } as const) : e;
  });
  t.true(judge(unknown).passed);
});

test('the entry of a position is its first part', (t) => {
  t.is(entryOf('1~AAAAAAAA.1z~BBBBBBBB.2'), 'AAAAAAAA.1z');
  t.is(entryOf('1~AAAAAAAA.1z'), 'AAAAAAAA.1z');
  t.is(entryOf('1~'), undefined);
  t.is(entryOf('1!abcde!AAAAAAAA.1'), undefined);
});

test('a broken line of a history is an error, not an event less', (t) => {
  t.throws(() => parseEvent('{"t":1,"kind":"call'));
  t.throws(() => parseEvent('{"kind":"calm"}'));
});
