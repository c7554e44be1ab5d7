import test from 'ava';
import type { Entry, Gap, ReadResult } from '../../lib/core/channel/types.js';
import { Feeds } from '../../lib/core/feed/feeds.js';
import { PeerReaders } from '../../lib/core/feed/peer-readers.js';
import type { FeedPorts } from '../../lib/core/feed/ports.js';
import { Reader } from '../../lib/core/feed/reader.js';
import { positionAfter } from '../../lib/wire/entry.js';
import type { LineageId, NodeId } from '../../lib/wire/ids.js';
import { LIMITS } from '../../lib/wire/limits.js';
import { EMPTY_POSITION, formatPosition, type Position, parsePosition } from '../../lib/wire/position.js';
import type { RoutingMessage } from '../../lib/wire/routing.js';

const ME = 'me' as NodeId;
const OWNER = 'owner' as NodeId;
const A = 'AAAAAAAA' as LineageId;
const B = 'BBBBBBBB' as LineageId;

class TestReader extends Reader {
  readonly got: string[] = [];

  started(position: string, recovered: boolean): void {
    this.got.push(`started ${position} ${recovered ? 'recovered' : 'not recovered'}`);
  }

  entry(entry: Entry): void {
    this.got.push(`${entry.id} at ${positionAfter(entry)}`);
  }

  gapped(gap: Gap): void {
    this.got.push(`gap ${gap.reason} to ${formatPosition(gap.position)}`);
  }

  moved(position: Position): void {
    this.got.push(`moved ${formatPosition(position)}`);
  }
}

function entry(lid: LineageId, s: number, prev = s - 1, others = ''): Entry {
  return { lid, s, prev, channel: 'c', id: `${lid[0]}${s}`, publisher: '', seq: 0, time: 0, data: '1', others };
}

/** A channel store that is a plain list, on a node whose ownership the test decides. */
class World {
  owner: NodeId = ME;
  readonly log: Entry[] = [];
  cut: Gap | null = null;
  readonly sent: { to: NodeId; message: RoutingMessage }[] = [];
  readonly feeds: Feeds;
  readonly peers: PeerReaders;

  constructor() {
    const ports: FeedPorts = {
      self: ME,
      send: (to, message) => void this.sent.push({ to, message }),
      slotOf: () => 0,
      ownerOf: () => this.owner,
      owns: () => this.owner === ME,
      read: (_channel, after) => this.#read(after),
      head: () => this.#head(),
    };
    this.feeds = new Feeds(ports);
    this.peers = new PeerReaders(ports, this.feeds);
  }

  order(...entries: Entry[]): void {
    this.log.push(...entries);
    this.feeds.onOrdered('c', entries, 0);
  }

  last<T extends RoutingMessage['type']>(type: T): Extract<RoutingMessage, { type: T }> {
    const found = this.sent.findLast((s) => s.message.type === type);
    if (found === undefined) throw new Error(`no ${type} was sent`);
    return found.message as Extract<RoutingMessage, { type: T }>;
  }

  #head(): Position {
    const head = new Map<LineageId, number>();
    for (const e of this.log) head.set(e.lid, e.s);
    return head;
  }

  #read(after: Position | 'start'): ReadResult {
    const from = after === 'start' ? EMPTY_POSITION : after;
    const entries = this.log.filter((e) => e.s > (from.get(e.lid) ?? 0));
    return { gap: this.cut, entries, position: this.#head(), complete: true, catchingUp: false };
  }
}

test('a reader that starts now gets what is ordered afterwards', (t) => {
  const world = new World();
  world.log.push(entry(A, 1));
  const reader = new TestReader('c', 'now');
  world.feeds.attach(reader, 0);
  world.order(entry(A, 2));
  t.deepEqual(reader.got, ['started 1~AAAAAAAA.1 recovered', 'A2 at 1~AAAAAAAA.2']);
});

test('a reader that resumes gets what it missed, then what is new, each once', (t) => {
  const world = new World();
  world.log.push(entry(A, 1), entry(A, 2));
  const reader = new TestReader('c', parsePosition('1~AAAAAAAA.1'));
  world.feeds.attach(reader, 0);
  world.order(entry(A, 3));
  t.deepEqual(reader.got, ['started 1~AAAAAAAA.1 recovered', 'A2 at 1~AAAAAAAA.2', 'A3 at 1~AAAAAAAA.3']);
});

test('a gap comes before the first message after the hole', (t) => {
  const world = new World();
  world.log.push(entry(A, 5));
  world.cut = { reason: 'size', position: new Map([[A, 4]]) };
  const reader = new TestReader('c', parsePosition('1~AAAAAAAA.1'));
  world.feeds.attach(reader, 0);
  t.deepEqual(reader.got, ['started 1~AAAAAAAA.1 not recovered', 'gap size to 1~AAAAAAAA.4', 'A5 at 1~AAAAAAAA.5']);
});

test('a reader that knows more of a lineage than this node is not sent it again, and its position keeps it', (t) => {
  const world = new World();
  world.log.push(entry(B, 1));
  const reader = new TestReader('c', parsePosition('1~AAAAAAAA.2~BBBBBBBB.1'));
  world.feeds.attach(reader, 0);
  world.order(entry(B, 2));
  world.order(entry(A, 1, 0, '~BBBBBBBB.2'), entry(A, 2, 1, '~BBBBBBBB.2'), entry(A, 3, 2, '~BBBBBBBB.2'));
  t.deepEqual(reader.got.slice(1), ['B2 at 1~BBBBBBBB.2~AAAAAAAA.2', 'A3 at 1~AAAAAAAA.3~BBBBBBBB.2']);
  t.is(reader.ahead, null);
});

test('a relay asks the owner and passes on what it streams', (t) => {
  const world = new World();
  world.owner = OWNER;
  const reader = new TestReader('c', 'now');
  world.feeds.attach(reader, 0);
  const { serial, after } = world.last('interest');
  t.is(after, 'now');
  world.feeds.onMessage(
    OWNER,
    { type: 'feed-start', channel: 'c', serial, position: '1~AAAAAAAA.7', recovered: true },
    0,
  );
  world.feeds.onMessage(OWNER, { type: 'feed-entries', channel: 'c', serial, at: 0, entries: [entry(A, 8)] }, 0);
  t.deepEqual(reader.got, ['started 1~AAAAAAAA.7 recovered', 'A8 at 1~AAAAAAAA.8']);
});

test('a relay that misses an entry subscribes again from where it was', (t) => {
  const world = new World();
  world.owner = OWNER;
  const reader = new TestReader('c', 'now');
  world.feeds.attach(reader, 0);
  const first = world.last('interest');
  world.feeds.onMessage(
    OWNER,
    { type: 'feed-start', channel: 'c', serial: first.serial, position: '1~AAAAAAAA.7', recovered: true },
    0,
  );
  world.feeds.onMessage(
    OWNER,
    { type: 'feed-entries', channel: 'c', serial: first.serial, at: 1, entries: [entry(A, 9)] },
    0,
  );
  world.feeds.tick(1_000);
  const second = world.last('interest');
  t.not(second.serial, first.serial);
  t.is(second.after, '1~AAAAAAAA.7');
  world.feeds.onMessage(
    OWNER,
    { type: 'feed-entries', channel: 'c', serial: first.serial, at: 0, entries: [entry(A, 8)] },
    0,
  );
  t.is(reader.got.length, 1, 'an answer to the earlier question is ignored');
});

test('when the owner changes, live readers go on from where they are', (t) => {
  const world = new World();
  const reader = new TestReader('c', 'now');
  world.feeds.attach(reader, 0);
  world.order(entry(A, 1));
  world.owner = OWNER;
  world.feeds.onTable(0);
  t.is(world.last('interest').after, '1~AAAAAAAA.1');
  world.log.push(entry(B, 1, 0, '~AAAAAAAA.1'));
  world.owner = ME;
  world.feeds.onTable(0);
  t.deepEqual(reader.got.slice(1), ['A1 at 1~AAAAAAAA.1', 'B1 at 1~BBBBBBBB.1~AAAAAAAA.1']);
});

test('a peer that asks a node that does not serve the slot is told so', (t) => {
  const world = new World();
  world.owner = OWNER;
  world.peers.onInterest('peer' as NodeId, { type: 'interest', channel: 'c', serial: 3, after: 'now' }, 0);
  t.deepEqual(world.sent, [{ to: 'peer' as NodeId, message: { type: 'feed-end', channel: 'c', serial: 3 } }]);
});

test('what one turn brings for a peer leaves in one message', (t) => {
  const world = new World();
  world.peers.onInterest('peer' as NodeId, { type: 'interest', channel: 'c', serial: 3, after: 'now' }, 0);
  world.order(entry(A, 1));
  world.order(entry(A, 2));
  world.peers.flush();
  t.is(world.last('feed-entries').entries.length, 2);
  t.is(world.sent.length, 2);
});

test('an interest whose lease runs out is dropped', (t) => {
  const world = new World();
  world.peers.onInterest('peer' as NodeId, { type: 'interest', channel: 'c', serial: 3, after: 'now' }, 0);
  world.peers.tick(20_000);
  t.is(world.feeds.size, 1);
  world.peers.tick(40_000);
  t.is(world.feeds.size, 0);
});

test('entries that repeat a message under another name are left out, and no hole is seen in that', (t) => {
  const world = new World();
  world.owner = OWNER;
  const reader = new TestReader('c', 'now');
  world.feeds.attach(reader, 0);
  const { serial } = world.last('interest');
  world.feeds.onMessage(
    OWNER,
    { type: 'feed-start', channel: 'c', serial, position: '1~AAAAAAAA.7', recovered: true },
    0,
  );
  world.feeds.onMessage(OWNER, { type: 'feed-entries', channel: 'c', serial, at: 0, entries: [entry(A, 12, 11)] }, 0);
  t.is(reader.got.at(-1), 'A12 at 1~AAAAAAAA.c');
});

/** A relay whose live reader got A1 to A3 from an owner that died, and a reader that has only A1 beside it. */
function relayOfTwo(): { world: World; first: TestReader; second: TestReader; answer: (now: number) => void } {
  const world = new World();
  world.owner = OWNER;
  const first = new TestReader('c', parsePosition('1~AAAAAAAA.3'));
  const second = new TestReader('c', parsePosition('1~AAAAAAAA.1'));
  world.feeds.attach(first, 0);
  start(world, '1~', 0);
  answerRead(world, '1~AAAAAAAA.3', [], 0);
  world.feeds.onMessage(OWNER, { type: 'feed-position', channel: 'c', serial: 1, position: '1~AAAAAAAA.3' }, 0);
  world.feeds.onPeerReset(OWNER, 0);
  world.feeds.tick(0);
  start(world, '1~AAAAAAAA.3', 0);
  world.feeds.attach(second, 0);
  return { world, first, second, answer: (now) => answerRead(world, '1~AAAAAAAA.1', [], now) };
}

function start(world: World, position: string, now: number): void {
  const { serial } = world.last('interest');
  world.feeds.onMessage(OWNER, { type: 'feed-start', channel: 'c', serial, position, recovered: true }, now);
}

function answerRead(world: World, position: string, entries: Entry[], now: number): void {
  const { req } = world.last('read');
  const answer = { owner: true, gap: null, entries, position, complete: true, catchingUp: false };
  world.feeds.onReadAnswer(OWNER, { type: 'read-answer', req, channel: 'c', ...answer }, now);
}

test('a reader that lacks what the others had from an owner that died reads on until it has it', (t) => {
  const { world, first, second, answer } = relayOfTwo();
  // the new owner has not committed A2 and A3 yet, and will not stream them: this feed has them
  answer(0);
  t.is(second.state, 'catching');
  world.feeds.tick(25);
  answerRead(world, '1~AAAAAAAA.3', [entry(A, 2), entry(A, 3)], 30);
  t.is(second.state, 'live');
  t.deepEqual(second.got.slice(1), ['A2 at 1~AAAAAAAA.2', 'A3 at 1~AAAAAAAA.3']);
  t.is(first.state, 'live');
});

test('what no owner brings any more does not keep a reader waiting: the stream begins anew where it is', (t) => {
  const { world, first, second, answer } = relayOfTwo();
  for (let now = 0; now < 2_000; now += 25) {
    answer(now);
    world.feeds.tick(now);
  }
  const before = world.last('interest').serial;
  answer(2_000);
  t.is(second.state, 'live');
  const { serial, after } = world.last('interest');
  t.not(serial, before);
  t.is(after, '1~AAAAAAAA.1');
  start(world, after, 2_010);
  const entries = [entry(A, 2), entry(A, 3), entry(A, 4)];
  world.feeds.onMessage(OWNER, { type: 'feed-entries', channel: 'c', serial, at: 0, entries }, 2_020);
  t.deepEqual(
    second.got.slice(1),
    ['A2 at 1~AAAAAAAA.2', 'A3 at 1~AAAAAAAA.3', 'A4 at 1~AAAAAAAA.4'],
    'nothing is missing',
  );
  t.deepEqual(
    first.got.filter((line) => line.startsWith('A')),
    ['A4 at 1~AAAAAAAA.4'],
    'nothing comes twice',
  );
});

test('of too many lineages the one goes from the cursor that was raised longest ago', (t) => {
  const world = new World();
  const reader = new TestReader('c', 'now');
  world.feeds.attach(reader, 0);
  const lids = Array.from(
    { length: LIMITS.positionLineagesMax + 1 },
    (_, i) => `L${`${i}`.padStart(7, '0')}` as LineageId,
  );
  for (const lid of lids.slice(0, -1)) world.order(entry(lid, 1));
  world.order(entry(lids[0]!, 2));
  world.order(entry(lids.at(-1)!, 1));
  const late = new TestReader('c', 'now');
  world.feeds.attach(late, 0);
  const cursor = parsePosition(late.got[0]!.split(' ')[1]!);
  t.is(cursor.get(lids[0]!), 2);
  t.false(cursor.has(lids[1]!));
});

test('much at once goes to a peer in messages that fit a frame', (t) => {
  const world = new World();
  world.peers.onInterest(OWNER, { type: 'interest', channel: 'c', serial: 1, after: 'now' }, 0);
  const data = 'x'.repeat(LIMITS.dataBytesMax);
  const entries = Array.from({ length: 100 }, (_, i) => ({ ...entry(A, i + 1), data }));
  world.order(...entries);
  world.peers.flush();
  const sent = world.sent.flatMap(({ message }) => (message.type === 'feed-entries' ? [message] : []));
  t.is(sent.flatMap((m) => m.entries).length, 100);
  for (const m of sent) t.true(m.entries.length * data.length <= LIMITS.catchUpReadBytes + data.length);
  t.deepEqual(
    sent.map((m) => m.at),
    sent.map((_, i) => sent.slice(0, i).reduce((sum, m) => sum + m.entries.length, 0)),
  );
});
