/**
 * The one message that every peer carries: a JSON object of fixed layout, so that the generator writes and reads it
 * without a JSON library and so spends as little as possible beside the server it measures. A sequence number by
 * channel, the channel's number, the time of sending, and padding up to the size asked for.
 */

/** `{"s":"00000012","c":"00003","t":"000001234567890","p":"…"}` */
const MARKER = Buffer.from('{"s":"', 'latin1');
const SEQUENCE_AT = 6;
const CHANNEL_AT = 21;
const TIME_AT = 33;
const TEXT_AT = 55;
const HEAD = '{"s":"00000000","c":"00000","t":"000000000000000","p":"';

export const PAYLOAD_BYTES_MIN = TEXT_AT + 2;

/**
 * Microseconds from `performance.now()` to CLOCK_MONOTONIC, which all processes of the machine share. Read many times and
 * taken where the reads lay closest together: between a single pair the process may have been off its core for ms.
 */
const startMicros = (() => {
  let offset = 0;
  let closest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 200; attempt++) {
    const before = performance.now() * 1e3;
    const [seconds, nanoseconds] = process.hrtime();
    const after = performance.now() * 1e3;
    if (after - before >= closest) continue;
    closest = after - before;
    offset = seconds * 1e6 + nanoseconds / 1e3 - (before + after) / 2;
  }
  return offset;
})();

export function nowMicros(): number {
  return startMicros + performance.now() * 1e3;
}

/** A payload of `bytes` bytes in all, its numbers still zero. */
export function paddedPayload(bytes: number): Buffer {
  if (bytes < PAYLOAD_BYTES_MIN) throw new RangeError(`a payload has at least ${PAYLOAD_BYTES_MIN} bytes`);
  return Buffer.from(`${HEAD}${'x'.repeat(bytes - PAYLOAD_BYTES_MIN)}"}`, 'latin1');
}

/** A payload that carries `text`, as chat does. */
export function textPayload(text: string): Buffer {
  return Buffer.from(`${HEAD}${JSON.stringify(text).slice(1)}}`, 'utf8');
}

function putDigits(out: Buffer, at: number, digits: number, value: number): void {
  let rest = value;
  for (let index = at + digits - 1; index >= at; index--) {
    const next = (rest / 10) | 0;
    out[index] = 48 + rest - next * 10;
    rest = next;
  }
}

export function fillPayload(payload: Buffer, sequence: number, channel: number, micros: number): void {
  putDigits(payload, SEQUENCE_AT, 8, sequence);
  putDigits(payload, CHANNEL_AT, 5, channel);
  const high = Math.floor(micros / 1e7);
  putDigits(payload, TIME_AT, 8, high);
  putDigits(payload, TIME_AT + 8, 7, (micros - high * 1e7) | 0);
}

function takeDigits(data: Buffer, at: number, digits: number): number {
  let value = 0;
  for (let index = at; index < at + digits; index++) {
    const digit = data[index]! - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Offset of the next payload in `data[from, end)`, or -1. */
export function findPayload(data: Buffer, from: number, end: number): number {
  if (data[from] === 0x7b && data[from + 2] === 0x73 && data[from + 5] === 0x22) return from;
  const at = data.indexOf(MARKER, from);
  return at < 0 || at + PAYLOAD_BYTES_MIN > end ? -1 : at;
}

export function sequenceAt(data: Buffer, at: number): number {
  return takeDigits(data, at + SEQUENCE_AT, 8);
}

export function channelAt(data: Buffer, at: number): number {
  return takeDigits(data, at + CHANNEL_AT, 5);
}

export function microsAt(data: Buffer, at: number): number {
  return takeDigits(data, at + TIME_AT, 15);
}
