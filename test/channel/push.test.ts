import test from 'ava';
import type { LineageId, NodeId } from '../../lib/wire/ids.js';
import { PushReader, PushWriter } from '../../lib/wire/push.js';
import { decodeReplication, encodeReplication, type ReplicationMessage } from '../../lib/wire/replication.js';
import { Seeded } from './ring.js';

const lid = 'AbCd_-12' as LineageId;

const ENTRIES = [
  {
    s: 4,
    prev: 0,
    channel: 'room',
    id: 'p1.1',
    publisher: 'p1',
    seq: 1,
    time: 1_700_000_000_123,
    data: '{"a":1}',
    bornAt: 90,
  },
  {
    s: 5,
    prev: 4,
    channel: 'room',
    id: 'own',
    publisher: 'p1',
    seq: 2,
    time: 1_700_000_000_120,
    data: '"ä€😀"',
    bornAt: 95.4,
  },
  {
    s: 9,
    prev: 2,
    channel: '@zoë',
    id: 'id',
    publisher: '',
    seq: 0,
    time: 1_700_000_000_200,
    data: new Uint8Array([0, 255]),
    bornAt: 100,
  },
  { s: 10, prev: 9, channel: '@zoë', id: 'id2', publisher: '', seq: 0, time: 1_700_000_000_200, data: '', bornAt: 100 },
];

function written(): Uint8Array {
  const writer = new PushWriter(16);
  writer.snapshot(1023, 'room', true, [[lid, 3]], [['p1', 2 ** 40]]);
  writer.entries(7, lid, { author: 'node' as NodeId, boot: 1_700_000_000_000 }, false, 4, 12, 4, ENTRIES[0]!.time);
  for (const entry of ENTRIES) writer.entry(entry, 100);
  return writer.slice(0, writer.length);
}

test('what a push carries is read back as it was written', (t) => {
  const reader = new PushReader(written());
  t.is(reader.next(), 'snapshot');
  t.deepEqual([reader.slot, reader.channel, reader.asOwner], [1023, 'room', true]);
  t.deepEqual([reader.cuts, reader.floors], [[[lid, 3]], [['p1', 2 ** 40]]]);
  t.is(reader.next(), 'entries');
  t.deepEqual([reader.slot, reader.lid, reader.author, reader.boot], [7, lid, 'node' as NodeId, 1_700_000_000_000]);
  t.deepEqual([reader.from, reader.upto, reader.count, reader.asOwner], [4, 12, 4, false]);
  for (const { bornAt, data, ...entry } of ENTRIES) {
    reader.readEntry();
    t.like(reader, entry);
    t.is(reader.ageMs, Math.round(100 - bornAt));
    if (typeof data === 'string') t.is(reader.data, data);
    else t.deepEqual([...(reader.data as Uint8Array)], [...data]);
  }
  t.is(reader.next(), 'end');
});

test('bytes that were cut or changed are refused or read as something else, never more', (t) => {
  const bytes = written();
  const random = new Seeded(11);
  t.log('seed 11');
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const broken = Uint8Array.from(bytes.subarray(0, i % 3 === 0 ? random.below(bytes.length) : bytes.length));
    for (let n = random.below(4); n > 0 && broken.length > 0; n--)
      broken[random.below(broken.length)] = random.below(256);
    try {
      const reader = new PushReader(broken);
      for (let part = reader.next(); part !== 'end'; part = reader.next()) {
        if (part === 'entries') for (let n = 0; n < reader.count; n++) reader.readEntry();
      }
    } catch (error) {
      refused++;
      t.regex((error as Error).message, /^malformed bytes/);
    }
  }
  t.true(refused > 1_000);
});

const GOLDEN_PUSH = [
  '22ff0708726f6f6d01416243645f2d313203010470318080808080201107416243645f2d3132086e6f646580d095ffbc',
  '31040c04fbd095ffbc31340008726f6f6d04703101000a070000007b2261223a317d6302066f776e05050b00000022c3',
  'a4e282acf09f9880220804070b407a6fc3ab00046964a001000200000000ff7306696432000000000000',
].join('');

const MESSAGES: readonly ReplicationMessage[] = [
  { type: 'push', batch: 3, bytes: new Uint8Array([1]) },
  { type: 'have', batch: 3, refused: [{ slot: 1, lid, have: 2 }] },
  { type: 'digest', kind: 'answer', request: 9, slots: [1, 2], held: [{ slot: 1, lid, have: -1 }] },
  { type: 'acquire', request: 1, slots: [0, 65_535], held: [] },
  { type: 'acquired', request: 1, held: [{ slot: 5, lid, have: 7 }] },
];

test('every replication message keeps its meaning and its bytes', (t) => {
  for (const message of MESSAGES) t.deepEqual(decodeReplication(encodeReplication(message)), message);
  t.deepEqual(
    MESSAGES.map((message) => JSON.stringify(encodeReplication(message))),
    [
      '[20,3,{"0":1}]',
      '[21,3,[1,"AbCd_-12",2]]',
      '[22,2,9,[1,2],[1,"AbCd_-12",-1]]',
      '[23,1,[0,65535],[]]',
      '[24,1,[5,"AbCd_-12",7]]',
    ],
  );
  t.is(Buffer.from(written()).toString('hex'), GOLDEN_PUSH);
});

test('malformed replication messages are refused', (t) => {
  for (const bad of [
    [19],
    [20, 1, 'text'],
    [21, -1, []],
    [21, 1, [1, 'short', 2]],
    [21, 1, [1, lid]],
    [22, 3, 1, [], []],
    [22, 0, 1, [70_000], []],
    [23, 1, 'x', []],
    [24, 1.5, []],
  ]) {
    t.throws(() => decodeReplication(bad), { message: /replication message/ });
  }
});
