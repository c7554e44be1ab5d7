import test from 'ava';
import type { AppendRequest, AppendResult } from '../../lib/core/channel/types.js';
import { Publishes } from '../../lib/core/routing/publishes.js';
import type { NodeId } from '../../lib/wire/ids.js';
import { decodeRouting, encodeRouting, type RoutingMessage } from '../../lib/wire/routing.js';

const ME = 'me' as NodeId;
const B = 'b' as NodeId;
const C = 'c' as NodeId;

class World {
  owner: NodeId | undefined = B;
  readonly sent: { to: NodeId; message: RoutingMessage }[] = [];
  readonly appended: AppendRequest[] = [];
  readonly publishes = new Publishes({
    self: ME,
    send: (to, message) => void this.sent.push({ to, message: decodeRouting(encodeRouting(message)) }),
    slotOf: () => 0,
    ownerOf: () => this.owner,
    owns: () => this.owner === ME,
    append: (request) => void this.appended.push(request),
  });

  publish(id = 'x', now = 0): { results: AppendResult[] } {
    const results: AppendResult[] = [];
    const request = { channel: 'c', id, publisher: '', seq: 0, data: '1', firstTriedAt: now };
    this.publishes.publish({ ...request, done: (r) => void results.push(r) }, now);
    return { results };
  }

  forward(i: number): Extract<RoutingMessage, { type: 'forward' }> {
    return this.sent[i]!.message as Extract<RoutingMessage, { type: 'forward' }>;
  }
}

const OK: AppendResult = { ok: true, id: 'x', position: '1~', copies: 2 };
const MOVED: AppendResult = { ok: false, code: 'moved', message: 'moving' };

test('the owner appends at once', (t) => {
  const world = new World();
  world.owner = ME;
  world.publish();
  t.is(world.appended.length, 1);
  t.is(world.sent.length, 0);
});

test('another node hands it to the owner and passes on its answer', (t) => {
  const world = new World();
  const out = world.publish();
  t.is(world.sent[0]!.to, B);
  world.publishes.onForwarded(B, { type: 'forwarded', req: world.forward(0).req, result: OK });
  t.deepEqual(out.results, [OK]);
});

test('an answer from a node that was not asked is ignored', (t) => {
  const world = new World();
  const out = world.publish();
  world.publishes.onForwarded(C, { type: 'forwarded', req: world.forward(0).req, result: OK });
  t.deepEqual(out.results, []);
});

test('a publish that is refused as moved goes to the next owner with the same id', (t) => {
  const world = new World();
  const out = world.publish('same');
  world.publishes.onForwarded(B, { type: 'forwarded', req: world.forward(0).req, result: MOVED });
  world.owner = C;
  world.publishes.onTable(10);
  world.publishes.tick(10);
  t.is(world.sent[1]!.to, C);
  t.is(world.forward(1).id, 'same');
  t.deepEqual(out.results, []);
});

test('a broken link sends what was under way again', (t) => {
  const world = new World();
  world.publish();
  world.publishes.onPeerReset(B);
  world.owner = C;
  world.publishes.onTable(5);
  world.publishes.tick(5);
  t.is(world.sent[1]!.to, C);
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
  const forward = {
    type: 'forward',
    req: 9,
    hops: 1,
    channel: 'c',
    id: 'x',
    publisher: '',
    seq: 0,
    ageMs: 0,
    data: '1',
  } as const;
  world.publishes.onForward(B, forward, 0);
  t.is(world.forward(0).hops, 2);
  world.publishes.onForward(B, { ...forward, req: 10, hops: 2 }, 0);
  t.deepEqual(world.sent[1], {
    to: B,
    message: {
      type: 'forwarded',
      req: 10,
      result: { ok: false, code: 'moved', message: 'the slot is moving to another node' },
    },
  });
});
