import test from 'ava';
import { type AppendRequest, type AppendResult, idOf } from '../../lib/core/channel/types.js';
import { Publishes } from '../../lib/core/routing/publishes.js';
import type { NodeId } from '../../lib/wire/ids.js';
import {
  AnswersReader,
  AnswersWriter,
  type Forward,
  ForwardsReader,
  ForwardsWriter,
} from '../../lib/wire/publishes.js';

const ME = 'me' as NodeId;
const B = 'b' as NodeId;
const C = 'c' as NodeId;

interface Sent {
  readonly to: NodeId;
  readonly req: number;
  readonly hops: number;
  readonly id: string;
}

/** What Publishes asks of its surroundings, with the bytes that would go over links. */
class World {
  owner: NodeId | undefined = B;
  readonly forwarded: Sent[] = [];
  readonly answered: { to: NodeId; req: number; result: AppendResult; onceHeld: boolean }[] = [];
  /** Up to here lineage AAAAAAAA is held. */
  held = 0;
  readonly appended: AppendRequest[] = [];
  readonly publishes = new Publishes({
    self: ME,
    forward: (to, publish, req, ageMs) => {
      const m = new ForwardsReader(forwards(publish, req, ageMs));
      m.next();
      this.forwarded.push({ to, req, hops: m.hops, id: idOf(m) });
    },
    answer: (to, req, id, result, onceHeld) => {
      const m = new AnswersReader(answers(req, id, result, onceHeld));
      m.next();
      const read = m.resultFor({ ownId: id, publisher: '', seq: 0 });
      this.answered.push({ to, req: m.req, result: read, onceHeld: m.onceHeld });
    },
    holds: (lid, s) => lid === 'AAAAAAAA' && s <= this.held,
    slotOf: () => 0,
    ownerOf: () => this.owner,
    owns: () => this.owner === ME,
    append: (request) => void this.appended.push(request),
  });

  publish(id = 'x', now = 0): { results: AppendResult[] } {
    const results: AppendResult[] = [];
    const request = { channel: 'c', ownId: id, publisher: '', seq: 0, data: '1', firstTriedAt: now };
    this.publishes.publish({ ...request, done: (r) => void results.push(r) }, now);
    return { results };
  }

  /** The answer of a node to the first publish that was passed on. */
  answer(from: NodeId, result: AppendResult, onceHeld = false): void {
    this.publishes.onAnswers(from, answers(this.forwarded[0]!.req, 'x', result, onceHeld));
  }
}

function forwards(publish: Forward, req: number, ageMs: number): Uint8Array {
  const writer = new ForwardsWriter(1_024);
  writer.add(publish, req, ageMs);
  return writer.slice(0, writer.length);
}

function answers(req: number, id: string, result: AppendResult, onceHeld: boolean): Uint8Array {
  const writer = new AnswersWriter(1_024);
  writer.add(req, id, result, onceHeld);
  return writer.slice(0, writer.length);
}

const OK: AppendResult = { ok: true, id: 'x', position: '1~', copies: 2 };
const MOVED: AppendResult = { ok: false, code: 'moved', message: 'moving' };

test('the owner appends at once', (t) => {
  const world = new World();
  world.owner = ME;
  world.publish();
  t.is(world.appended.length, 1);
  t.is(world.forwarded.length, 0);
});

test('another node hands it to the owner and passes on its answer', (t) => {
  const world = new World();
  const out = world.publish();
  t.is(world.forwarded[0]!.to, B);
  world.answer(B, OK);
  t.deepEqual(out.results, [OK]);
});

test('an answer from a node that was not asked is ignored', (t) => {
  const world = new World();
  const out = world.publish();
  world.answer(C, OK);
  t.deepEqual(out.results, []);
});

test('a publish that is refused as moved goes to the next owner with the same id', (t) => {
  const world = new World();
  const out = world.publish('same');
  world.answer(B, MOVED);
  world.owner = C;
  world.publishes.onTable(10);
  world.publishes.tick(10);
  t.is(world.forwarded[1]!.to, C);
  t.is(world.forwarded[1]!.id, 'same');
  t.deepEqual(out.results, []);
});

test('a broken link sends what was under way again', (t) => {
  const world = new World();
  world.publish();
  world.publishes.onPeerReset(B);
  world.owner = C;
  world.publishes.onTable(5);
  world.publishes.tick(5);
  t.is(world.forwarded[1]!.to, C);
});

test('without an owner a publish waits, and ends in an explicit timeout', (t) => {
  const world = new World();
  world.owner = undefined;
  const out = world.publish();
  for (let now = 0; now <= 11_000; now += 50) world.publishes.tick(now);
  t.is(out.results.length, 1);
  t.like(out.results[0], { ok: false, code: 'timeout' });
});

test('a peer that asks the wrong node costs one more hop, not a third', (t) => {
  const world = new World();
  world.owner = C;
  const publish = { hops: 0, channel: 'c', ownId: 'x', publisher: '', seq: 0, data: '1' };
  world.publishes.onForwards(B, forwards(publish, 9, 0), 0);
  t.is(world.forwarded[0]!.hops, 2);
  world.publishes.onForwards(B, forwards({ ...publish, hops: 1 }, 10, 0), 0);
  const result = { ok: false, code: 'moved', message: 'the slot is moving to another node' } as const;
  t.deepEqual(world.answered, [{ to: B, req: 10, result, onceHeld: false }]);
});

test('an answer does not go to a peer that has started anew, which counts its own publishes from one', (t) => {
  const world = new World();
  world.owner = ME;
  const publish = { hops: 1, channel: 'c', ownId: 'x', publisher: '', seq: 0, data: '1' };
  world.publishes.onForwards(B, forwards(publish, 7, 0), 0);
  world.publishes.onPeerReset(B);
  world.publishes.onForwards(B, forwards({ ...publish, ownId: 'y' }, 7, 0), 0);
  world.appended[0]!.done(OK);
  t.deepEqual(world.answered, []);
  world.appended[1]!.done({ ...OK, id: 'y' });
  t.is(world.answered.length, 1);
});

const HELD: AppendResult = { ok: true, id: 'x', position: '1~AAAAAAAA.5', copies: 2 };

test('an answer that counts once the entry is held is given only where it is', (t) => {
  const world = new World();
  const out = world.publish();
  world.held = 4;
  world.answer(B, HELD, true);
  t.deepEqual(out.results, []);
  world.answer(B, HELD);
  t.deepEqual(out.results, [HELD]);
  const again = new World();
  const early = again.publish();
  again.held = 5;
  again.answer(B, HELD, true);
  t.deepEqual(early.results, [HELD]);
});

test('a publish that its entry node was entrusted with is answered once, or twice where that node did not take it', (t) => {
  const world = new World();
  world.owner = ME;
  const publish = { hops: 0, channel: 'c', ownId: 'x', publisher: '', seq: 0, data: '1' };
  world.publishes.onForwards(B, forwards(publish, 7, 0), 0);
  const [request] = world.appended;
  t.is(request!.passedOn!.by, B);
  request!.passedOn!.entrust(HELD);
  request!.done(HELD);
  t.deepEqual(world.answered, [{ to: B, req: 7, result: HELD, onceHeld: true }]);
  request!.passedOn!.withdraw();
  t.deepEqual(world.answered[1], { to: B, req: 7, result: HELD, onceHeld: false });
});

test('a failure is told whoever was entrusted with the answer', (t) => {
  const world = new World();
  world.owner = ME;
  const publish = { hops: 0, channel: 'c', ownId: 'x', publisher: '', seq: 0, data: '1' };
  world.publishes.onForwards(B, forwards(publish, 7, 0), 0);
  world.appended[0]!.passedOn!.entrust(HELD);
  world.appended[0]!.done(MOVED);
  t.deepEqual(world.answered[1], { to: B, req: 7, result: MOVED, onceHeld: false });
});

test('a publish that is sent again is answered when it is due, also behind younger ones', (t) => {
  const world = new World();
  const { publishes } = world;
  const first = world.publish('first');
  publishes.onPeerReset(B);
  world.owner = C;
  const second = world.publish('second', 3_000);
  publishes.tick(3_000);
  publishes.tick(3_040);
  t.is(world.forwarded.length, 3);
  t.is(publishes.nextWakeAt(3_040), 10_000);
  publishes.tick(9_999);
  t.is(first.results.length, 0);
  publishes.tick(10_000);
  t.like(first.results, [{ code: 'timeout' }]);
  t.is(second.results.length, 0);
  t.is(publishes.nextWakeAt(10_000), 13_000);
  publishes.tick(13_000);
  t.like(second.results, [{ code: 'timeout' }]);
  publishes.tick(14_000);
  t.is(publishes.nextWakeAt(14_000), Number.POSITIVE_INFINITY);
});
