/**
 * The frame of publishes as every JSON encoder writes it, read straight from its bytes: a quarter of what JSON.parse and
 * the search for each `data` in the text take. It accepts less than JSON allows and refuses nothing: whatever is not as
 * expected is left to `readJsonFrame`, which knows what to say about it. What it accepts means the same to both.
 *
 *   {"type":"publish","ref":7,"messages":[{"channel":"room:1","data":{"any":"JSON"},"publisher":"…","seq":1}, …]}
 *
 * No space between the parts, names and ids without escapes, the fields of a message in any order.
 */
import type { ClientMessage, PublishItem } from './client.js';
import { PUBLISHER } from './codec-client.js';
import { LIMITS } from './limits.js';

type Slices = Buffer & { latin1Slice(from: number, to: number): string; utf8Slice(from: number, to: number): string };

const OPENING = Buffer.from('{"type":"publish","ref":');
const MESSAGES = Buffer.from(',"messages":[');
const CHANNEL = Buffer.from('"channel":');
const DATA = Buffer.from('"data":');
const PUBLISHER_KEY = Buffer.from('"publisher":');
const SEQ = Buffer.from('"seq":');
const ID = Buffer.from('"id":');
const AGE = Buffer.from('"ageMs":');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;

/** More digits could be beyond what a number holds exactly. */
const DIGITS_MAX = 15;
const ELSEWHERE = -1;

/** null: something else, or something wrong; ask `readJsonFrame`. */
export function readPublishFrame(frame: Buffer): Extract<ClientMessage, { type: 'publish' }> | null {
  const bytes = frame as Slices;
  let at = skip(bytes, 0, OPENING);
  at = at < 0 ? at : readUint(bytes, at);
  const ref = uint;
  at = at < 0 ? at : skip(bytes, at, MESSAGES);
  if (at < 0 || bytes[at] !== OPEN_MAP) return null;
  const messages: PublishItem[] = [];
  for (;;) {
    at = readItem(bytes, at, messages);
    if (at < 0 || messages.length > LIMITS.batchMessagesMax) return null;
    const next = bytes[at++];
    if (next === CLOSE_LIST) break;
    if (next !== COMMA || bytes[at] !== OPEN_MAP) return null;
  }
  if (bytes[at] !== CLOSE_MAP || at + 1 !== bytes.length) return null;
  return { type: 'publish', ref, messages };
}

// What the functions below found, beside the index after it that each returns (ELSEWHERE: not as expected).
let uint = 0;
let isWide = false;
let publisher = '';

function readItem(bytes: Slices, start: number, messages: PublishItem[]): number {
  let channel = '';
  let data: string | undefined;
  let id: string | undefined;
  let seq = 0;
  let ageMs: number | undefined;
  let isNumbered = false;
  let at = start + 1;
  for (;;) {
    const valueAt = bytes[at + 1];
    // told apart by their first letters
    if (valueAt === 0x63) {
      at = readText(bytes, skip(bytes, at, CHANNEL));
      channel = text;
    } else if (valueAt === 0x64) {
      const from = skip(bytes, at, DATA);
      isWide = false;
      at = from < 0 ? from : endOfValue(bytes, from, 0);
      if (at < 0 || at - from > LIMITS.dataBytesMax) return ELSEWHERE;
      data = isWide ? bytes.utf8Slice(from, at) : bytes.latin1Slice(from, at);
    } else if (valueAt === 0x70) {
      at = readPublisher(bytes, skip(bytes, at, PUBLISHER_KEY));
      isNumbered = true;
    } else if (valueAt === 0x73) {
      at = readUint(bytes, skip(bytes, at, SEQ));
      seq = uint;
    } else if (valueAt === 0x69) {
      at = readText(bytes, skip(bytes, at, ID));
      id = text;
    } else if (valueAt === 0x61) {
      at = readUint(bytes, skip(bytes, at, AGE));
      ageMs = uint;
    } else return ELSEWHERE;
    if (at < 0) return ELSEWHERE;
    const next = bytes[at++];
    if (next === CLOSE_MAP) break;
    if (next !== COMMA) return ELSEWHERE;
  }
  if (data === undefined || channel === '' || seq > 0 !== isNumbered) return ELSEWHERE;
  messages.push(itemOf(channel, data, id, isNumbered ? publisher : undefined, seq, ageMs));
  return at;
}

function itemOf(
  channel: string,
  data: string,
  id: string | undefined,
  from: string | undefined,
  seq: number,
  ageMs: number | undefined,
): PublishItem {
  if (id === undefined && ageMs === undefined && from !== undefined) return { channel, data, publisher: from, seq };
  return {
    channel,
    data,
    ...(id === undefined ? {} : { id }),
    ...(from === undefined ? {} : { publisher: from, seq }),
    ...(ageMs === undefined ? {} : { ageMs }),
  };
}

let text = '';

/** A string without escapes, as text. */
function readText(bytes: Slices, at: number): number {
  if (at < 0 || bytes[at] !== QUOTE) return ELSEWHERE;
  let wide = 0;
  for (let i = at + 1; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE) {
      text = wide < 0x80 ? bytes.latin1Slice(at + 1, i) : bytes.utf8Slice(at + 1, i);
      return i + 1;
    }
    if (byte === BACKSLASH || byte < 0x20) return ELSEWHERE;
    wide |= byte;
  }
  return ELSEWHERE;
}

/** Nearly always the one before: then no new text is made. */
function readPublisher(bytes: Slices, at: number): number {
  const { length } = publisher;
  const end = at + length + 1;
  if (length > 0 && at >= 0 && end < bytes.length && bytes[at] === QUOTE && bytes[end] === QUOTE) {
    let i = 0;
    while (i < length && bytes[at + 1 + i] === publisher.charCodeAt(i)) i++;
    if (i === length) return end + 1;
  }
  const after = readText(bytes, at);
  if (after < 0 || !PUBLISHER.test(text)) return ELSEWHERE;
  publisher = text;
  return after;
}

function readUint(bytes: Slices, at: number): number {
  if (at < 0) return ELSEWHERE;
  let i = at;
  let value = 0;
  for (; i < at + DIGITS_MAX; i++) {
    const digit = bytes[i]! - 0x30;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
  }
  uint = value;
  const isLeadingZero = bytes[at] === 0x30 && i > at + 1;
  return i === at || i === at + DIGITS_MAX || isLeadingZero ? ELSEWHERE : i;
}

function skip(bytes: Slices, at: number, expected: Uint8Array): number {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return ELSEWHERE;
  return at + expected.length;
}

/** The grammar of JSON (RFC 8259), with blanks but no line breaks between its parts. */
function endOfValue(bytes: Slices, at: number, depth: number): number {
  const first = bytes[at];
  if (first === QUOTE) return endOfString(bytes, at);
  if (first === OPEN_MAP) return endOfMap(bytes, at, depth + 1);
  if (first === OPEN_LIST) return endOfList(bytes, at, depth + 1);
  if (first === TRUE[0]) return skip(bytes, at, TRUE);
  if (first === FALSE[0]) return skip(bytes, at, FALSE);
  if (first === NULL[0]) return skip(bytes, at, NULL);
  return endOfNumber(bytes, at);
}

function endOfMap(bytes: Slices, start: number, depth: number): number {
  if (depth > LIMITS.jsonDepthMax) return ELSEWHERE;
  let at = blanks(bytes, start + 1);
  if (bytes[at] === CLOSE_MAP) return at + 1;
  for (;;) {
    if (bytes[at] !== QUOTE) return ELSEWHERE;
    at = endOfString(bytes, at);
    if (at < 0) return ELSEWHERE;
    at = blanks(bytes, at);
    if (bytes[at] !== COLON) return ELSEWHERE;
    at = endOfValue(bytes, blanks(bytes, at + 1), depth);
    if (at < 0) return ELSEWHERE;
    at = blanks(bytes, at);
    const next = bytes[at++];
    if (next === CLOSE_MAP) return at;
    if (next !== COMMA) return ELSEWHERE;
    at = blanks(bytes, at);
  }
}

function endOfList(bytes: Slices, start: number, depth: number): number {
  if (depth > LIMITS.jsonDepthMax) return ELSEWHERE;
  let at = blanks(bytes, start + 1);
  if (bytes[at] === CLOSE_LIST) return at + 1;
  for (;;) {
    at = endOfValue(bytes, at, depth);
    if (at < 0) return ELSEWHERE;
    at = blanks(bytes, at);
    const next = bytes[at++];
    if (next === CLOSE_LIST) return at;
    if (next !== COMMA) return ELSEWHERE;
    at = blanks(bytes, at);
  }
}

function blanks(bytes: Slices, start: number): number {
  let at = start;
  while (bytes[at] === 0x20) at++;
  return at;
}

function endOfString(bytes: Slices, start: number): number {
  const { length } = bytes;
  let seen = 0;
  for (let i = start + 1; i < length; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE) {
      if (seen >= 0x80) isWide = true;
      return i + 1;
    }
    if (byte < 0x20) return ELSEWHERE;
    seen |= byte;
    if (byte !== BACKSLASH) continue;
    i = endOfEscape(bytes, i + 1);
    if (i < 0) return ELSEWHERE;
  }
  return ELSEWHERE;
}

/** Returns the index of its last character. */
function endOfEscape(bytes: Slices, at: number): number {
  switch (bytes[at]) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at;
    case 0x75: // u
      for (let i = at + 1; i <= at + 4; i++) if (!isHex(bytes[i])) return ELSEWHERE;
      return at + 4;
    default:
      return ELSEWHERE;
  }
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}

function endOfNumber(bytes: Slices, start: number): number {
  let at = bytes[start] === 0x2d ? start + 1 : start;
  if (bytes[at] === 0x30) at++;
  else at = endOfDigits(bytes, at);
  if (at > 0 && bytes[at] === 0x2e) at = endOfDigits(bytes, at + 1);
  if (at > 0 && (bytes[at]! | 0x20) === 0x65) {
    const sign = bytes[at + 1];
    at = endOfDigits(bytes, sign === 0x2b || sign === 0x2d ? at + 2 : at + 1);
  }
  return at;
}

function endOfDigits(bytes: Slices, start: number): number {
  let at = start;
  while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
  return at === start ? ELSEWHERE : at;
}
