/** The pure parts of the transports: events out of bytes however they are cut, frames out of messages. */
import test from 'ava';
import fc from 'fast-check';
import { decodeFrame, encodeItems, encodeMessage, withAllBytes } from '../../lib/client/transports/json.js';
import { SseParser } from '../../lib/client/transports/sse-events.js';
import type { ClientMessage } from '../../lib/wire/client.js';
import { readJsonFrame } from '../../lib/wire/codec-client.js';

test('server-sent events are the same however their bytes are cut', (t) => {
  const text =
    ':\n\nretry: 1000\n\nevent: gap\nid: 1~a\ndata: {"ü":"€😀"}\n\ndata: one\r\ndata:two\r\n\r\nid: only\n\ndata\n\n';
  const bytes = new TextEncoder().encode(text);
  const wanted = [
    { event: 'gap', data: '{"ü":"€😀"}' },
    { event: '', data: 'one\ntwo' },
    { event: '', data: '' },
  ];
  t.deepEqual(new SseParser().push(bytes), wanted);
  const property = fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
    const parser = new SseParser();
    const ends = [...new Set(cuts)].sort((a, b) => a - b);
    const parts = [...ends, bytes.length].map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
    const events = parts.flatMap((part) => parser.push(part));
    return JSON.stringify(events) === JSON.stringify(wanted);
  });
  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});

test('an event without end is refused before it fills the memory', (t) => {
  const parser = new SseParser();
  const line = new TextEncoder().encode(`data: ${'x'.repeat(1_000_000)}\n`);
  t.throws(() => {
    for (let i = 0; i < 10; i++) parser.push(line);
  });
});

test('what the client writes, the node reads', (t) => {
  const messages: ClientMessage[] = [
    { type: 'connect', user: 'älice', after: 'now' },
    { type: 'subscribe', channel: 'a "quoted" room', after: '1~lineage1.a' },
    {
      type: 'publish',
      ref: 7,
      messages: [
        { channel: 'a', data: '{"x": [1, 2]}', publisher: 'publisher', seq: 3, ageMs: 5 },
        { channel: 'ü', data: '"text"', id: 'an "id"' },
        { channel: 'b', data: Uint8Array.from([0, 1, 255]), publisher: 'publisher', seq: 1 },
      ],
    },
    { type: 'history', ref: 8, channel: 'a', limit: 3 },
    { type: 'ping' },
  ];
  const read: ClientMessage[] = [];
  const reader = {
    message: (m: ClientMessage): void => void read.push(m),
    refused: (error: unknown): void => t.fail(JSON.stringify(error)),
  };
  readJsonFrame(`[${messages.map(encodeMessage).join(',')}]`, reader);
  for (const m of messages) readJsonFrame(encodeMessage(m), reader);
  t.deepEqual(read, [...messages, ...messages]);
  t.is(encodeItems([]), '[]');
});

test('bytes come back as bytes, and what is no JSON is an error with a code', (t) => {
  const frame = decodeFrame(
    '{"type":"message","id":"i","channel":"c","data":"AAH/","encoding":"base64","position":"1~","time":1}',
  );
  t.false(Array.isArray(frame));
  const message = withAllBytes(frame as Exclude<typeof frame, unknown[]>);
  t.deepEqual(message, {
    type: 'message',
    id: 'i',
    channel: 'c',
    data: Uint8Array.from([0, 1, 255]),
    position: '1~',
    time: 1,
  });
  t.throws(() => decodeFrame('{'), { code: 'bad-json' });
  t.throws(() => decodeFrame('3'), { code: 'bad-json' });
});
