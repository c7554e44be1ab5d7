/**
 * The bytes of a `push`: any number of parts, each either a run of one lineage's entries or the cuts and floors of one
 * channel. Written by hand because it is the hot path between nodes: a part is encoded once for all copies, texts are
 * stated once per run, and data is never parsed. All numbers are unsigned LEB128 unless said otherwise.
 *
 *   entries   1|flags  slot  lid(8)  [author  boot]  from  upto  count  time(of the first)  entry*
 *   entry     flags  [s−last]  [s−prev, 0: none]  [channel]  [publisher]  [seq]  [id]  time(zigzag)  age  length(u32)  data
 *   snapshot  2|flags  slot  channel  cuts  (lid(8) cut)*  floors  (publisher floor)*
 *   text      length×2 + (1 where it is not ASCII), bytes
 */
import type { Data } from './client.js';
import type { Boot, LineageId, NodeId, Slot } from './ids.js';
import { LIMITS } from './limits.js';

const TAG_ENTRIES = 1;
const TAG_SNAPSHOT = 2;
const WITH_HEADER = 16;
const AS_OWNER = 32;

const SAME_CHANNEL = 1;
const SAME_PUBLISHER = 2;
/** The id is publisher.seq. */
const DERIVED_ID = 4;
const BYTES = 8;
const ASCII_DATA = 16;
/** s is the one after the last. */
const NEXT_S = 32;
/** prev is the entry before this one in the part. */
const PREV_IS_LAST = 64;

/** Node's own names for toString with an encoding: a third faster on short texts, and there since 2010. */
type Slices = Buffer & { latin1Slice(from: number, to: number): string; utf8Slice(from: number, to: number): string };

/** What is written of an entry; an object of the core fits. */
export interface PushedEntry {
  readonly s: number;
  readonly prev: number;
  readonly channel: string;
  readonly id: string;
  readonly publisher: string;
  readonly seq: number;
  readonly time: number;
  readonly data: Data;
  readonly bornAt: number;
  /** Known to be publisher.seq, which then need not be compared. */
  readonly isIdDerived?: boolean;
}

export class PushWriter {
  #buffer: Buffer;
  #at = 0;
  #channel = '';
  #publisher = '';
  #lastS = 0;
  #time = 0;

  constructor(bytes = 256 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
  }

  get length(): number {
    return this.#at;
  }

  clear(): void {
    this.#at = 0;
  }

  /** A copy of what was written from one place to another. */
  slice(from: number, to: number): Uint8Array {
    const copy = Buffer.allocUnsafe(to - from);
    this.#buffer.copy(copy, 0, from, to);
    return copy;
  }

  copyTo(target: Uint8Array, targetStart: number, from: number, to: number): void {
    this.#buffer.copy(target, targetStart, from, to);
  }

  /** Opens a run of entries; `count` entries must follow. */
  entries(
    slot: Slot,
    lid: LineageId,
    header: { readonly author: NodeId; readonly boot: Boot } | null,
    asOwner: boolean,
    from: number,
    upto: number,
    count: number,
    time: number,
  ): void {
    this.#reserve(128);
    this.#buffer[this.#at++] = TAG_ENTRIES | (header === null ? 0 : WITH_HEADER) | (asOwner ? AS_OWNER : 0);
    this.#uint(slot);
    this.#lid(lid);
    if (header !== null) {
      this.#text(header.author);
      this.#uint(header.boot);
    }
    this.#uint(from);
    this.#uint(upto);
    this.#uint(count);
    this.#uint(time);
    this.#channel = '';
    this.#publisher = '';
    this.#lastS = from - 1;
    this.#time = time;
  }

  entry(entry: PushedEntry, now: number): void {
    const { data, channel, publisher } = entry;
    this.#reserve(2_048 + data.length * 3);
    const flagsAt = this.#at++;
    let flags = 0;
    const { s, prev } = entry;
    if (s === this.#lastS + 1) flags |= NEXT_S;
    else this.#uint(s - this.#lastS);
    if (channel === this.#channel && prev === this.#lastS) flags |= PREV_IS_LAST;
    else this.#uint(prev === 0 ? 0 : s - prev);
    this.#lastS = s;
    if (channel === this.#channel) flags |= SAME_CHANNEL;
    else this.#text(channel);
    this.#channel = channel;
    if (publisher === this.#publisher) flags |= SAME_PUBLISHER;
    else this.#text(publisher);
    this.#publisher = publisher;
    if (publisher !== '') this.#uint(entry.seq);
    if (publisher !== '' && (entry.isIdDerived || entry.id === `${publisher}.${entry.seq}`)) flags |= DERIVED_ID;
    else this.#text(entry.id);
    this.#zigzag(entry.time - this.#time);
    this.#time = entry.time;
    this.#uint(Math.max(0, Math.round(now - entry.bornAt)));
    const lengthAt = this.#at;
    this.#at += 4;
    let length: number;
    if (typeof data === 'string') {
      length = this.#buffer.write(data, this.#at);
      if (length === data.length) flags |= ASCII_DATA;
    } else {
      length = data.length;
      this.#buffer.set(data, this.#at);
      flags |= BYTES;
    }
    this.#at += length;
    this.#buffer.writeUInt32LE(length, lengthAt);
    this.#buffer[flagsAt] = flags;
  }

  snapshot(
    slot: Slot,
    channel: string,
    asOwner: boolean,
    cuts: readonly (readonly [LineageId, number])[],
    floors: readonly (readonly [string, number])[],
  ): void {
    this.#reserve(1_100 + cuts.length * 20);
    this.#buffer[this.#at++] = TAG_SNAPSHOT | (asOwner ? AS_OWNER : 0);
    this.#uint(slot);
    this.#text(channel);
    this.#uint(cuts.length);
    for (const [lid, cut] of cuts) {
      this.#lid(lid);
      this.#uint(cut);
    }
    this.#uint(floors.length);
    for (const [publisher, floor] of floors) {
      this.#reserve(512);
      this.#text(publisher);
      this.#uint(floor);
    }
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }

  #uint(value: number): void {
    const buffer = this.#buffer;
    let rest = value;
    while (rest >= 0x80) {
      // beyond 32 bits a shift would cut
      buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7;
    }
    buffer[this.#at++] = rest;
  }

  #zigzag(value: number): void {
    this.#uint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  #lid(lid: string): void {
    const buffer = this.#buffer;
    for (let i = 0; i < 8; i++) buffer[this.#at++] = lid.charCodeAt(i);
  }

  #text(text: string): void {
    const { length } = text;
    const start = this.#at;
    this.#uint(length * 2);
    const buffer = this.#buffer;
    // short names are nearly always ASCII, and then a loop beats the call into the runtime
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) return this.#wideText(text, start);
      buffer[this.#at++] = code;
    }
  }

  #wideText(text: string, start: number): void {
    this.#at = start;
    this.#uint(Buffer.byteLength(text) * 2 + 1);
    this.#at += this.#buffer.write(text, this.#at);
  }
}

/** Reads a push part by part: `next` says what comes, then the fields beside it are valid; then `readEntry` as often as `count`. */
export class PushReader {
  readonly #buffer: Slices;
  #at = 0;
  // of a part
  slot: Slot = 0;
  asOwner = false;
  lid = '' as LineageId;
  author: NodeId | null = null;
  boot: Boot = 0;
  from = 0;
  upto = 0;
  count = 0;
  cuts: [LineageId, number][] = [];
  floors: [string, number][] = [];
  // of an entry
  s = 0;
  prev = 0;
  channel = '';
  /** '' where it is made of publisher and seq. */
  ownId = '';
  publisher = '';
  seq = 0;
  time = 0;
  ageMs = 0;
  data: Data = '';

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Slices;
  }

  /** @throws Error where the bytes are malformed, as every other call here does. */
  next(): 'entries' | 'snapshot' | 'end' {
    if (this.#at === this.#buffer.length) return 'end';
    const tag = this.#byte();
    this.asOwner = (tag & AS_OWNER) !== 0;
    this.slot = this.#uint();
    if (this.slot > 65_535) fail('slot');
    if ((tag & 15) === TAG_ENTRIES) this.#entriesHeader((tag & WITH_HEADER) !== 0);
    else if ((tag & 15) === TAG_SNAPSHOT) this.#snapshot();
    else fail('tag');
    return (tag & 15) === TAG_ENTRIES ? 'entries' : 'snapshot';
  }

  get id(): string {
    return this.ownId === '' ? `${this.publisher}.${this.seq}` : this.ownId;
  }

  readEntry(): void {
    const flags = this.#byte();
    const last = this.s;
    this.s = flags & NEXT_S ? last + 1 : last + this.#uint();
    if (flags & PREV_IS_LAST) this.prev = last;
    else {
      const back = this.#uint();
      this.prev = back === 0 ? 0 : this.s - back;
    }
    if (this.s <= last || this.s > this.upto || this.prev < 0 || this.prev >= this.s) fail('order');
    if (!(flags & SAME_CHANNEL)) this.channel = this.#text(LIMITS.channelBytesMax);
    if (!(flags & SAME_PUBLISHER)) this.publisher = this.#text(64);
    this.seq = this.publisher === '' ? 0 : this.#uint();
    this.ownId = flags & DERIVED_ID ? '' : this.#text(LIMITS.messageIdBytesMax);
    if (this.ownId === '' && (!(flags & DERIVED_ID) || this.publisher === '')) fail('id');
    if (this.channel === '' || (this.publisher !== '' && this.seq === 0)) fail('names');
    const time = this.#uint();
    this.time += time & 1 ? -(time + 1) / 2 : time / 2;
    this.ageMs = this.#uint();
    if (this.#at + 4 > this.#buffer.length) fail('length');
    const length = this.#buffer.readUInt32LE(this.#at);
    this.#at += 4;
    const end = this.#at + length;
    if (end > this.#buffer.length || length > LIMITS.dataBytesMax * 2) fail('data');
    if (flags & ASCII_DATA) this.data = this.#buffer.latin1Slice(this.#at, end);
    else if (flags & BYTES) this.data = Uint8Array.prototype.slice.call(this.#buffer, this.#at, end);
    else this.data = this.#buffer.utf8Slice(this.#at, end);
    this.#at = end;
  }

  #entriesHeader(withHeader: boolean): void {
    this.lid = this.#lid();
    this.author = withHeader ? (this.#text(64) as NodeId) : null;
    this.boot = withHeader ? this.#uint() : 0;
    this.from = this.#uint();
    this.upto = this.#uint();
    this.count = this.#uint();
    this.time = this.#uint();
    this.s = this.from - 1;
    this.channel = '';
    this.publisher = '';
    if (this.from < 1 || this.upto < this.from - 1 || this.count > this.upto - this.from + 1) fail('range');
  }

  #snapshot(): void {
    this.channel = this.#text(LIMITS.channelBytesMax);
    if (this.channel === '') fail('channel');
    this.cuts = [];
    this.floors = [];
    const cuts = this.#uint();
    for (let i = 0; i < cuts; i++) this.cuts.push([this.#lid(), this.#uint()]);
    const floors = this.#uint();
    for (let i = 0; i < floors; i++) this.floors.push([this.#text(64), this.#uint()]);
  }

  #byte(): number {
    const byte = this.#buffer[this.#at++];
    if (byte === undefined) fail('end');
    return byte;
  }

  #uint(): number {
    let byte = this.#byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 128;
    do {
      byte = this.#byte();
      value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80 && scale <= 2 ** 49);
    if (byte >= 0x80 || !Number.isSafeInteger(value)) fail('number');
    return value;
  }

  #lid(): LineageId {
    return this.#ascii(8) as LineageId;
  }

  #text(max: number): string {
    const head = this.#uint();
    const length = Math.floor(head / 2);
    if (length > max || this.#at + length > this.#buffer.length) fail('text');
    if ((head & 1) === 0) return this.#ascii(length);
    const text = this.#buffer.utf8Slice(this.#at, this.#at + length);
    this.#at += length;
    return text;
  }

  #ascii(length: number): string {
    const end = this.#at + length;
    if (end > this.#buffer.length) fail('text');
    const text = this.#buffer.latin1Slice(this.#at, end);
    this.#at = end;
    return text;
  }
}

function fail(what: string): never {
  throw new Error(`malformed push: ${what}`);
}
