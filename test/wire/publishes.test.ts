import test from 'ava';
import fc from 'fast-check';
import { type AppendResult, idOf } from '../../lib/wire/entry.js';
import {
  AnswersReader,
  AnswersWriter,
  type Forward,
  ForwardsReader,
  ForwardsWriter,
} from '../../lib/wire/publishes.js';

const NUMBERED: Forward = { hops: 0, channel: 'room:1', ownId: '', publisher: 'pub', seq: 7, data: '{"a":1}' };
const NAMED: Forward = { hops: 1, channel: 'é', ownId: 'x', publisher: '', seq: 0, data: '"ü"' };
const BINARY: Forward = {
  hops: 0,
  channel: 'c',
  ownId: 'own',
  publisher: 'pub',
  seq: 300,
  data: new Uint8Array([1, 2]),
};

function writeForwards(list: readonly Forward[]): Uint8Array {
  const writer = new ForwardsWriter(64);
  list.forEach((publish, i) => {
    writer.add(publish, 5 + i * 200, i);
  });
  return writer.slice(0, writer.length);
}

function readForwards(bytes: Uint8Array): (Forward & { req: number; ageMs: number })[] {
  const all: (Forward & { req: number; ageMs: number })[] = [];
  const reader = new ForwardsReader(bytes);
  while (reader.next()) {
    const { req, hops, channel, ownId, publisher, seq, ageMs, data } = reader;
    all.push({ req, hops, channel, ownId, publisher, seq, ageMs, data });
  }
  return all;
}

test('publishes on their way have the bytes they always had, and read back with one hop more', (t) => {
  const bytes = writeForwards([NUMBERED, NAMED, BINARY]);
  t.is(
    Buffer.from(bytes).toString('hex'),
    '29050c726f6f6d3a31067075620700070000007b2261223a317d02c80105c3a9000278010400000022c3bc2211c8010263067075' +
      '62ac02066f776e02020000000102',
  );
  const read = readForwards(bytes);
  const shown = (m: Forward, hops: number) => ({ ...m, hops, data: Buffer.from(m.data as string).toString('hex') });
  t.deepEqual(
    read.map(({ req, ageMs, ...m }) => shown(m, m.hops - 1)),
    [NUMBERED, NAMED, BINARY].map((m) => shown(m, m.hops)),
  );
  t.deepEqual(
    read.map(({ req, ageMs }) => [req, ageMs]),
    [
      [5, 0],
      [205, 1],
      [405, 2],
    ],
  );
});

test('answers leave out the id that was asked with', (t) => {
  const writer = new AnswersWriter(16);
  const stored: AppendResult = { ok: true, id: 'pub.7', position: '1~AbCdEf01.2', copies: 2 };
  const other: AppendResult = { ok: true, id: 'first', position: '1~AbCdEf01.1', copies: 3 };
  const refused: AppendResult = { ok: false, code: 'moved', message: 'the slot is moving' };
  writer.add(9, 'pub.7', stored, false);
  writer.add(3, 'pub.8', other, true);
  writer.add(4, 'x', refused, false);
  const bytes = writer.slice(0, writer.length);
  t.is(
    Buffer.from(bytes).toString('hex'),
    '120818317e416243644566 30312e320b0f18317e41624364456630312e310a66697273740200 0a6d6f76656424746865 20736c6f74206973206d6f76696e67'.replaceAll(
      ' ',
      '',
    ),
  );
  const reader = new AnswersReader(bytes);
  const read: [number, AppendResult, boolean][] = [];
  while (reader.next()) read.push([reader.req, reader.resultFor(NUMBERED), reader.onceHeld]);
  t.deepEqual(read, [
    [9, stored, false],
    [3, other, true],
    [4, refused, false],
  ]);
});

test('bytes that no peer writes are refused, and never read as another publish', (t) => {
  const whole = writeForwards([NUMBERED, NAMED, BINARY]);
  for (let cut = 1; cut < whole.length; cut++) {
    let read: readonly Forward[] = [];
    try {
      read = readForwards(whole.subarray(0, cut));
    } catch (error) {
      t.regex((error as Error).message, /^malformed bytes/);
      continue;
    }
    t.true(read.length < 3);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const read of [() => readForwards(bytes), () => drain(new AnswersReader(bytes))]) {
        try {
          read();
        } catch (error) {
          if (!/^malformed bytes/.test((error as Error).message)) throw error;
        }
      }
    }),
    { verbose: 1 },
  );
});

test('whatever is passed on arrives as it was', (t) => {
  const publisher = fc.constantFrom('', 'publisher-a', 'publisher-b');
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
  const publish = fc.record({
    hops: fc.constantFrom(0, 1),
    channel: text,
    ownId: text,
    publisher,
    seq: fc.integer({ min: 1, max: 2 ** 40 }),
    data: fc.oneof(text, fc.uint8Array({ maxLength: 30 })),
  });
  fc.assert(
    fc.property(fc.array(publish, { maxLength: 20 }), (list) => {
      const sent = list.map((m) => ({ ...m, seq: m.publisher === '' ? 0 : m.seq }));
      const got = readForwards(writeForwards(sent));
      t.deepEqual(
        got.map((m) => [m.hops - 1, m.channel, idOf(m), m.seq, Buffer.from(m.data as string).toString('hex')]),
        sent.map((m) => [m.hops, m.channel, idOf(m), m.seq, Buffer.from(m.data as string).toString('hex')]),
      );
    }),
    { verbose: 1 },
  );
});

function drain(reader: AnswersReader): void {
  while (reader.next()) reader.resultFor(NUMBERED);
}
