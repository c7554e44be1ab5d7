import test from 'ava';
import {
  channelAt,
  fillPayload,
  findPayload,
  microsAt,
  nowMicros,
  PAYLOAD_BYTES_MIN,
  paddedPayload,
  sequenceAt,
  textPayload,
} from '../../bench/harness/payload.js';

test('a payload is JSON of exactly the size asked for', (t) => {
  for (const bytes of [PAYLOAD_BYTES_MIN, 128, 1_000]) {
    const payload = paddedPayload(bytes);
    fillPayload(payload, 12, 34, 56_789_012_345.6);
    t.is(payload.length, bytes);
    t.deepEqual(JSON.parse(payload.toString()).s, '00000012');
  }
  t.throws(() => paddedPayload(PAYLOAD_BYTES_MIN - 1), { instanceOf: RangeError });
});

test('what is written is read back, at the edges of each field too', (t) => {
  const payload = paddedPayload(128);
  for (const [sequence, channel, micros] of [
    [0, 0, 0],
    [99_999_999, 99_999, 999_999_999_999_999],
    [1, 2, 1_234_567_890_123.9],
  ] as const) {
    fillPayload(payload, sequence, channel, micros);
    t.is(sequenceAt(payload, 0), sequence);
    t.is(channelAt(payload, 0), channel);
    t.is(microsAt(payload, 0), Math.floor(micros));
  }
});

test('all payloads of a frame are found, whatever stands between them', (t) => {
  const one = paddedPayload(PAYLOAD_BYTES_MIN);
  const frame = Buffer.concat([Buffer.from('[{"data":'), one, Buffer.from('},{"data":'), one, Buffer.from('}]')]);
  const first = findPayload(frame, 0, frame.length);
  const second = findPayload(frame, first + PAYLOAD_BYTES_MIN, frame.length);
  t.is(first, 9);
  t.is(second, 9 + PAYLOAD_BYTES_MIN + 10);
  t.is(findPayload(frame, second + PAYLOAD_BYTES_MIN, frame.length), -1);
});

test('a payload cut short by the end of its frame is none', (t) => {
  const frame = Buffer.concat([Buffer.from('x'), paddedPayload(PAYLOAD_BYTES_MIN)]);
  t.is(findPayload(frame, 0, frame.length - 1), -1);
});

test('a text that looks like a payload is not taken for one', (t) => {
  const payload = textPayload('he said {"s":"00000001","c":"00000"} and "left" ☕');
  fillPayload(payload, 7, 3, 1);
  t.is(JSON.parse(payload.toString()).p, 'he said {"s":"00000001","c":"00000"} and "left" ☕');
  t.is(findPayload(payload, 0, payload.length), 0);
  t.is(findPayload(payload, 1, payload.length), -1);
});

test('the clock does not go backwards', (t) => {
  let last = nowMicros();
  for (let index = 0; index < 1_000; index++) {
    const now = nowMicros();
    t.true(now >= last);
    last = now;
  }
});
