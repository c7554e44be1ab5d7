import test from 'ava';
import fc from 'fast-check';
import type { ClientMessage } from '../../lib/wire/client.js';
import {
  decodeBase64,
  encodeBase64,
  entryFields,
  entryJson,
  messageJson,
  readJsonFrame,
  readPublishBody,
  serverJson,
} from '../../lib/wire/codec-client.js';
import {
  clientMsgpack,
  entryMsgpack,
  readMsgpackFrame,
  readServerMsgpack,
} from '../../lib/wire/codec-client-msgpack.js';
import type { Entry } from '../../lib/wire/entry.js';
import { type ErrorBody, HalodError } from '../../lib/wire/errors.js';
import type { LineageId } from '../../lib/wire/ids.js';
import { LIMITS } from '../../lib/wire/limits.js';
import { scanMsgpack } from '../../lib/wire/msgpack-scan.js';

interface Read {
  readonly messages: ClientMessage[];
  readonly refused: { error: ErrorBody; ref: number | undefined; channel: string | undefined }[];
}

function read(frame: string | Uint8Array): Read {
  const result: Read = { messages: [], refused: [] };
  const reader = {
    message: (message: ClientMessage) => void result.messages.push(message),
    refused: (error: ErrorBody, ref: number | undefined, channel: string | undefined) =>
      void result.refused.push({ error, ref, channel }),
  };
  if (typeof frame === 'string') readJsonFrame(frame, reader);
  else readMsgpackFrame(frame, reader);
  return result;
}

function dataOf(frame: string): unknown[] {
  return read(frame).messages.flatMap((m) => (m.type === 'publish' ? m.messages.map((item) => item.data) : []));
}

const entry = (fields: Partial<Entry> = {}): Entry => ({
  lid: 'AAAAAAAA' as LineageId,
  s: 37,
  prev: 0,
  channel: 'room "1"',
  id: 'id-1',
  publisher: '',
  seq: 0,
  time: 1_700_000_000_000,
  data: '{"a":1}',
  others: '~BBBBBBBB.5',
  ...fields,
});

test('every message of a client is read with the fields it has', (t) => {
  const messages: ClientMessage[] = [
    { type: 'connect', user: 'alice', token: 't', relay: true, after: 'start' },
    { type: 'connect' },
    { type: 'subscribe', channel: 'room', after: '1~AAAAAAAA.1' },
    { type: 'unsubscribe', channel: 'room' },
    { type: 'history', ref: 1, channel: 'room', after: 'now', limit: 5 },
    { type: 'presence', ref: 2, channel: 'room' },
    { type: 'refresh', token: 't' },
    { type: 'ping' },
  ];
  t.deepEqual(read(JSON.stringify(messages)).messages, messages);
  for (const message of messages) t.deepEqual(read(clientMsgpack(message)).messages, [message]);
});

test('unknown fields are ignored, unknown types refused', (t) => {
  t.deepEqual(read('{"type":"ping","extra":{"deep":[1]}}').messages, [{ type: 'ping' }]);
  t.is(read('{"type":"pang"}').refused[0]!.error.code, 'bad-request');
});

test('data is the very text that was sent, wherever it stands', (t) => {
  t.deepEqual(dataOf('{"type":"publish","ref":1,"messages":[{"channel":"a","data":1.0}]}'), ['1.0']);
  t.deepEqual(
    dataOf(
      ' [ {"type":"ping"} ,\n{"messages":[{"data" : {"data":"]}\\"" } ,"channel":"a"},{"channel":"b","data":[ ]}],"ref":0,"type":"publish"} ] ',
    ),
    ['{"data":"]}\\"" }', '[ ]'],
  );
  t.deepEqual(
    dataOf('{"type":"publish","ref":1,"messages":[{"channel":"a","data":1,"data":2}]}'),
    ['2'],
    'the last one counts',
  );
  t.deepEqual(dataOf('{"type":"publish","ref":1,"messages":[{"channel":"a","d\\u0061ta":"x"}]}'), ['"x"']);
  t.deepEqual(dataOf('{"type":"publish","ref":1,"messages":[{"channel":"a","data":{\n"x":\r\n1}}]}'), ['{ "x": 1}']);
});

test('any JSON value goes through publish unchanged', (t) => {
  const seed = Date.now() % 1e9;
  t.log(`seed ${seed}`);
  fc.assert(
    fc.property(
      fc.array(fc.record({ before: fc.jsonValue(), data: fc.jsonValue({ maxDepth: 5 }), after: fc.jsonValue() }), {
        maxLength: 5,
      }),
      fc.constantFrom(0, 1, 2, '\t'),
      (items, indent) => {
        const messages = items.map(({ before, data, after }) => ({ '"\\': before, channel: 'c', data, x: after }));
        const body = JSON.stringify({ type: 'publish', ref: 1, extra: messages, messages }, null, indent);
        const expected = items.map((item) => JSON.stringify(item.data));
        const again = (data: unknown) => JSON.stringify(JSON.parse(data as string));
        t.deepEqual(dataOf(body).map(again), expected);
        const call = readPublishBody(body);
        t.false(call.single);
        t.deepEqual(
          call.items.map((item) => (item instanceof HalodError ? item : again(item.data))),
          expected,
        );
      },
    ),
    { seed, numRuns: 300 },
  );
});

test('data of a frame in MessagePack becomes JSON text, and bytes stay bytes', (t) => {
  const messages = [
    { channel: 'a', data: { x: [1, null, 'é'] } },
    { channel: 'a', data: Buffer.from([1, 2]) },
  ];
  const { messages: out } = read(clientMsgpack({ type: 'publish', ref: 1, messages }));
  const items = out[0]!.type === 'publish' ? out[0]!.messages : [];
  t.is(items[0]!.data, '{"x":[1,null,"é"]}');
  t.deepEqual(items[1]!.data, new Uint8Array([1, 2]));
  const nested = read(
    clientMsgpack({ type: 'publish', ref: 2, messages: [{ channel: 'a', data: { x: Buffer.from([1]) } }] }),
  );
  t.like(nested.messages, [{ ref: 2, messages: [{ wrong: { code: 'bad-request' } }] }]);
});

test('a publish without a list is refused with its ref', (t) => {
  const { refused } = read('{"type":"publish","ref":9,"messages":5}');
  t.like(refused, [{ ref: 9, error: { code: 'bad-request' } }]);
});

test('what a message to publish lacks is told of that one alone', (t) => {
  const tooLarge = JSON.stringify('x'.repeat(LIMITS.dataBytesMax));
  for (const [messages, code] of [
    ['[5]', 'bad-request'],
    ['[{"data":1}]', 'bad-channel'],
    ['[{"channel":"c"}]', 'bad-request'],
    [`[{"channel":"c","data":${tooLarge}}]`, 'too-large'],
    ['[{"channel":4,"data":1}]', 'bad-channel'],
    ['[{"channel":"c","data":1,"id":5}]', 'bad-id'],
    ['[{"channel":"c","data":1,"publisher":"short","seq":1}]', 'bad-request'],
    ['[{"channel":"c","data":1,"publisher":"longenough"}]', 'bad-request'],
    ['[{"channel":"c","data":1,"publisher":"longenough","seq":0}]', 'bad-request'],
    ['[{"channel":"c","data":1,"ageMs":-1}]', 'bad-request'],
    ['[{"channel":"c","data":"x","encoding":"hex"}]', 'bad-request'],
  ] as const) {
    const frame = `{"type":"publish","ref":9,"messages":[{"channel":"a","data":1},${messages.slice(1)}}`;
    const [publish] = read(frame).messages as Extract<ClientMessage, { type: 'publish' }>[];
    t.is(publish!.messages[0]!.wrong, undefined);
    t.is(publish!.messages[1]!.wrong?.code, code, messages.slice(0, 80));
  }
});

test('where a key is repeated, the last one counts, as in JSON.parse', (t) => {
  const { messages } = read(
    '{"messages":[{"channel":"x","data":1}],"type":"publish","ref":1,"messages":[{"channel":"a","data":[1],"data":{"b" : 2}} , {"d\\u0061ta":"]}","channel":"b"}]}',
  );
  const [publish] = messages;
  t.is(publish?.type, 'publish');
  if (publish?.type !== 'publish') return;
  t.deepEqual(
    publish.messages.map(({ channel, data }) => [channel, data]),
    [
      ['a', '{"b" : 2}'],
      ['b', '"]}"'],
    ],
  );
});

test('data nested too deep is refused alone in a list of a call over HTTP', (t) => {
  const deep = '['.repeat(LIMITS.jsonDepthMax + 1) + ']'.repeat(LIMITS.jsonDepthMax + 1);
  const { items } = readPublishBody(`{"messages":[{"channel":"a","data":${deep}},{"channel":"b","data":1}]}`);
  t.is(items[0]!.wrong?.code, 'bad-request');
  t.is(items[1]!.wrong, undefined);
});

test('an entry is written once for all, with its position and its chain', (t) => {
  t.is(
    entryJson(entry()),
    '{"id":"id-1","channel":"room \\"1\\"","data":{"a":1},"position":"1~AAAAAAAA.11~BBBBBBBB.5","time":1700000000000}',
  );
  t.is(
    messageJson(entryFields(entry({ publisher: 'pub12345', seq: 3, others: undefined }))),
    '{"type":"message","id":"id-1","channel":"room \\"1\\"","data":{"a":1},"position":"1~AAAAAAAA.11","time":1700000000000,"publisher":"pub12345","seq":3}',
  );
  const bytes = JSON.parse(entryJson(entry({ data: new Uint8Array([255, 0]) })));
  t.is(bytes.data, '/wA=');
  t.is(bytes.encoding, 'base64');
  const [message] = readServerMsgpack(entryMsgpack(entry()));
  t.deepEqual(message, { type: 'message', ...JSON.parse(entryJson(entry())) });
});

test('bytes in a history answer become base64 where JSON carries them', (t) => {
  const message = { id: 'i', channel: 'c', data: new Uint8Array([1]), position: '1~', time: 0 };
  const answer = JSON.parse(serverJson({ type: 'history', ref: 1, messages: [message], position: '1~', gap: false }));
  t.is(answer.messages[0].data, 'AQ==');
  t.is(answer.messages[0].encoding, 'base64');
});

test('base64 of any bytes comes back', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      (bytes) => void t.deepEqual(decodeBase64(encodeBase64(bytes)), bytes),
    ),
  );
  t.is(encodeBase64(new Uint8Array(100_000)).length, 133_336);
});

test('no bytes whatever make a frame reader throw anything but its own error', (t) => {
  const seed = Date.now() % 1e9;
  t.log(`seed ${seed}`);
  const onlyOwn = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      if (!(error instanceof HalodError)) throw error;
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => onlyOwn(() => read(bytes))),
    { seed, numRuns: 3_000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => onlyOwn(() => read(text))),
    { seed, numRuns: 1_000 },
  );
  t.pass();
});

test('whatever a packer writes passes the walk, and nothing cut short does', (t) => {
  const seed = Date.now() % 1e9;
  t.log(`seed ${seed}`);
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(), (value, cut) => {
      const bytes = clientMsgpack({ value });
      scanMsgpack(bytes);
      t.throws(() => scanMsgpack(bytes.subarray(0, cut % bytes.length)), { instanceOf: HalodError });
    }),
    { seed, numRuns: 500 },
  );
});

test('hostile text and bytes of 100 kB take little time', (t) => {
  const hostile: (string | Uint8Array)[] = [
    `{"type":"publish","ref":1,"messages":[{"channel":"c","data":"${'\\\\'.repeat(50_000)}"}]}`,
    `{"type":"publish","ref":1,"messages":[{"channel":"c","data":"${'\\"'.repeat(50_000)}"}]}`,
    `{"type":"publish","ref":1,"messages":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
    Buffer.alloc(100_000, 0xdd),
    Buffer.alloc(100_000, 0x91),
    Buffer.alloc(100_000, 0x81),
  ];
  const start = process.cpuUsage();
  for (const each of hostile) {
    try {
      read(each);
    } catch (error) {
      t.true(error instanceof HalodError);
    }
  }
  const { user } = process.cpuUsage(start);
  // linear work takes some ms; the square of it would take minutes
  t.true(user < 2_000_000, `${user} µs`);
});
