import test from 'ava';
import fc from 'fast-check';
import { Gossip } from '../../lib/core/membership/gossip.js';
import { Neighbours } from '../../lib/core/membership/neighbours.js';
import { TIMINGS } from '../../lib/core/membership/options.js';
import { suspicionTimeoutMs } from '../../lib/core/membership/suspicion.js';
import { TableDue } from '../../lib/core/membership/table-due.js';
import { type Entry, View } from '../../lib/core/membership/view.js';
import { idOfNumber } from '../../lib/sim/membership/member-program.js';
import type { NodeId } from '../../lib/wire/ids.js';
import { LIMITS } from '../../lib/wire/limits.js';
import type { MemberRecord, MembershipMessage, SignedState } from '../../lib/wire/membership.js';
import { Identity, Lone } from './harness.js';

function recordOf(n: number, boot = 1, incarnation = 0, state: SignedState = 'alive'): MemberRecord {
  return {
    id: idOfNumber(n),
    key: new Uint8Array(32),
    boot,
    incarnation,
    state,
    url: `http://h${n}`,
    weight: 1,
    zone: '',
    version: '1',
    signature: new Uint8Array(64),
  };
}

function emptyView(): View {
  return new View({ transition: () => undefined, tableChanged: () => undefined });
}

interface News {
  readonly n: number;
  readonly boot: number;
  readonly incarnation: number;
  readonly failed: boolean;
}

/** States follow from the version, as only the subject makes them. */
function apply(view: View, news: News): void {
  const states: SignedState[] = ['joining', 'alive', 'draining', 'left'];
  const state = states[(news.boot * 7 + news.incarnation) % 4] as SignedState;
  view.admit(recordOf(news.n, news.boot, news.incarnation, state), 0, 'test');
  const entry = view.get(idOfNumber(news.n));
  if (news.failed && entry && view.isOpen(entry, news)) view.fail(entry, { ...news }, idOfNumber(9), 0, 'test');
}

const news = fc.record({
  n: fc.integer({ min: 0, max: 4 }),
  boot: fc.integer({ min: 1, max: 3 }),
  incarnation: fc.integer({ min: 0, max: 3 }),
  failed: fc.boolean(),
});

test('the same records and verdicts in any order and number give the same view and digest', (t) => {
  fc.assert(
    fc.property(fc.array(news, { maxLength: 20 }), fc.infiniteStream(fc.nat()), (items, chance) => {
      const one = emptyView();
      const other = emptyView();
      for (const item of items) apply(one, item);
      const shuffled = items
        .map((item) => [chance.next().value as number, item] as const)
        .sort((x, y) => x[0] - y[0])
        .map(([, item]) => item);
      // A verdict is only passed on what is known: bring the records first, as the protocol does.
      for (const item of shuffled) apply(other, { ...item, failed: false });
      for (const item of shuffled) apply(other, item);
      for (const item of items) apply(other, item);
      for (const item of shuffled) apply(one, item);
      t.is(one.digest, other.digest);
      t.deepEqual(
        one.entries.map((e) => [e.id, e.state]),
        other.entries.map((e) => [e.id, e.state]),
      );
    }),
    { numRuns: 3_000, verbose: true },
  );
});

test('a digest tells versions, verdicts and members apart', (t) => {
  const digests = new Set<string>();
  for (const items of [
    [],
    [{ n: 0, boot: 1, incarnation: 1, failed: false }],
    [{ n: 0, boot: 1, incarnation: 2, failed: false }],
    [{ n: 0, boot: 2, incarnation: 1, failed: false }],
    [{ n: 0, boot: 1, incarnation: 1, failed: true }],
    [{ n: 1, boot: 1, incarnation: 1, failed: false }],
  ]) {
    const view = emptyView();
    for (const item of items) apply(view, item);
    digests.add(view.digest);
  }
  t.is(digests.size, 6);
});

const RULE = { minMs: 3_000, maxMs: 18_000, confirmations: 3 };
for (const [confirmed, ms] of [
  [0, 18_000],
  [1, 10_500],
  [2, 6_113],
  [3, 3_000],
  [4, 3_000],
] as const)
  test(`a suspicion with ${confirmed} confirmations lasts ${ms} ms`, (t) => {
    t.is(Math.round(suspicionTimeoutMs(confirmed, RULE)), ms);
  });

test('a part of a view has exactly the members whose place begins with its prefix', (t) => {
  const view = emptyView();
  for (let n = 0; n < 500; n++) view.admit(recordOf(n), 0, 'test');
  for (let n = 0; n < 500; n += 7) view.forget(view.get(idOfNumber(n))!, recordOf(n), 0);
  for (const bits of [0, 4, 8, 12]) {
    for (let part = 0; part < 1 << bits; part += 1 + (bits >> 2)) {
      const prefix = bits === 0 ? 0 : (part << (32 - bits)) >>> 0;
      const expected = view.entries.filter((entry) => bits === 0 || (entry.place ^ prefix) >>> (32 - bits) === 0);
      const ids = view.parts.within(bits, prefix).map(({ id }) => id);
      t.is(view.parts.countWithin(bits, prefix), expected.length);
      t.deepEqual(
        ids.sort(),
        expected.map(({ id }) => id),
        `${bits} bits, part ${part}`,
      );
    }
  }
});

test('the sums that a view keeps of its parts are those of the members in them, whatever came, changed and went', (t) => {
  const view = emptyView();
  for (let n = 0; n < 500; n++) view.admit(recordOf(n), 0, 'test');
  for (let n = 0; n < 500; n += 3) view.fail(view.get(idOfNumber(n))!, recordOf(n), idOfNumber(1), 0, 'test');
  for (let n = 0; n < 500; n += 7) view.forget(view.get(idOfNumber(n))!, recordOf(n), 0);
  for (const bits of [0, 4, 8]) {
    for (let part = 0; part < 1 << bits; part++) {
      const prefix = bits === 0 ? 0 : (part << (32 - bits)) >>> 0;
      const sums = new Array<number>(16).fill(0);
      for (const { place, low } of view.entries) {
        if (bits > 0 && (place ^ prefix) >>> (32 - bits) !== 0) continue;
        const at = (place >>> (28 - bits)) & 15;
        sums[at] = ((sums[at] as number) + low) >>> 0;
      }
      t.deepEqual(view.parts.digests(bits, prefix), sums, `${bits} bits, part ${part}`);
    }
  }
});

test('members are listed in id order, in whatever order they came', (t) => {
  const view = emptyView();
  for (let n = 0; n < 100; n++) {
    view.admit(recordOf((n * 37) % 100), 0, 'test');
    if (n % 9 > 0) continue;
    const ids = view.entries.map(({ id }) => id);
    t.is(ids.length, view.size);
    t.deepEqual(ids, [...ids].sort());
  }
});

test('a suspicion that nobody can confirm lasts the minimum', (t) => {
  t.is(suspicionTimeoutMs(0, { ...RULE, confirmations: 0 }), 3_000);
});

test('of 300 members each is watched by nearly as many as there are rings, and the choice depends on the members alone', (t) => {
  const rings = 10;
  const watchers = new Map<NodeId, number>();
  const views = [emptyView(), emptyView()] as const;
  for (let n = 0; n < 300; n++) views[0].admit(recordOf(n), 0, 'test');
  for (let n = 299; n >= 0; n--) views[1].admit(recordOf(n), 0, 'test');
  for (let n = 0; n < 300; n++) {
    const [one, other] = views.map((view) =>
      new Neighbours(view, view.get(idOfNumber(n)) as Entry, rings).watched.map((e) => e.id).sort(),
    );
    t.deepEqual(one, other);
    for (const id of one ?? []) watchers.set(id, (watchers.get(id) ?? 0) + 1);
  }
  t.is(watchers.size, 300);
  t.true(Math.min(...watchers.values()) >= 6);
});

test('where one address refuses a second word is waited for; where all others do, there is nobody left to say it', (t) => {
  const node = new Lone();
  const others = [new Identity(), new Identity(), new Identity()];
  node.hear(
    others[0]!,
    others.map((other) => other.record()),
  );
  const states = () => others.map((other) => node.stateOf(other));
  node.membership.onLinkDown(others[0]!.id, 'refused', 0);
  node.membership.onLinkDown(others[1]!.id, 'refused', 0);
  t.deepEqual(states(), ['suspect', 'suspect', 'alive']);
  node.membership.onLinkDown(others[2]!.id, 'refused', 0);
  t.deepEqual(states(), ['failed', 'failed', 'failed']);
});

test('a failed neighbour is replaced at once', (t) => {
  const view = emptyView();
  for (let n = 0; n < 100; n++) view.admit(recordOf(n), 0, 'test');
  const neighbours = new Neighbours(view, view.get(idOfNumber(0)) as Entry, 10);
  const first = neighbours.watched[0] as Entry;
  const before = neighbours.watched.length;
  view.fail(first, first.record, idOfNumber(1), 0, 'test');
  t.false(neighbours.watches(first));
  t.true(neighbours.watched.length >= before - 1);
});

test('joins are bundled until it is quiet for 100 ms, but not longer than 500 ms; a death is never held back', (t) => {
  const due = new TableDue(100, 500);
  for (let now = 0; now <= 450; now += 50) due.changed(now, false);
  t.is(due.dueAt, 500);
  due.taken();
  due.changed(1_000, false);
  t.is(due.dueAt, 1_100);
  due.changed(1_020, true);
  t.is(due.dueAt, 1_020);
});

test('news fits its frame whatever waits, and is told a bounded number of times', (t) => {
  const sent: MembershipMessage[] = [];
  const gossip = new Gossip(TIMINGS.lan, {
    recordOf: (id) => ({ ...recordOf(0), id }),
    claimOf: (id) => ({ kind: 'failed', id, boot: 1, incarnation: 0, accusers: [id] }),
    targets: () => [idOfNumber(1)],
    liveCount: () => 1_000,
    send: (_, message) => sent.push(message),
  });
  for (let n = 0; n < 500; n++) {
    gossip.tellRecord(idOfNumber(n), 0);
    gossip.tellClaim(idOfNumber(n), 0);
  }
  let now = 0;
  while (gossip.dueAt < Number.POSITIVE_INFINITY && sent.length < 10_000) {
    now = gossip.dueAt;
    gossip.flush(now);
  }
  t.is(gossip.waiting, 0);
  let records = 0;
  for (const message of sent) {
    if (message.type !== 'news') continue;
    t.true(message.records.length <= LIMITS.newsRecordsMax && message.claims.length <= LIMITS.newsClaimsMax);
    records += message.records.length;
  }
  t.true(records >= 500 && records <= 4 * 500);
});
