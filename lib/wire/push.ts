/**
 * The bytes of a `push`: any number of parts, each either a run of one lineage's entries or the cuts and floors of one
 * channel. Written by hand because it is the hot path between nodes: a part is encoded once for all copies, texts are
 * stated once per run, and data is never parsed. See bytes.ts for what numbers, texts and data look like.
 *
 *   entries   1|flags  slot  lid(8)  [author  boot]  from  upto  count  time(of the first)  entry*
 *   entry     flags  [s−last]  [s−prev, 0: none]  [channel]  [publisher]  [seq]  [id]  time(zigzag)  age  length(u32)  data
 *   snapshot  2|flags  slot  channel  cuts  (lid(8) cut)*  floors  (publisher floor)*
 */
import { ByteReader, ByteWriter, malformed } from './bytes.js';
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

export class PushWriter extends ByteWriter {
  /** Entries of the run at hand. */
  count = 0;
  #channel = '';
  #publisher = '';
  #lastS = 0;
  #time = 0;

  constructor(bytes = 256 * 1024) {
    super(bytes);
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
    this.reserve(128);
    this.buffer[this.at++] = TAG_ENTRIES | (header === null ? 0 : WITH_HEADER) | (asOwner ? AS_OWNER : 0);
    this.uint(slot);
    this.lineage(lid);
    if (header !== null) {
      this.text(header.author);
      this.uint(header.boot);
    }
    this.uint(from);
    this.uint(upto);
    this.uint(count);
    this.uint(time);
    this.#channel = '';
    this.#publisher = '';
    this.#lastS = from - 1;
    this.#time = time;
    this.count = count;
  }

  entry(entry: PushedEntry, now: number): void {
    const { data, channel, publisher } = entry;
    this.reserve(2_048 + data.length * 3);
    const flagsAt = this.at++;
    let flags = 0;
    const { s, prev } = entry;
    if (s === this.#lastS + 1) flags |= NEXT_S;
    else this.uint(s - this.#lastS);
    if (channel === this.#channel && prev === this.#lastS) flags |= PREV_IS_LAST;
    else this.uint(prev === 0 ? 0 : s - prev);
    this.#lastS = s;
    if (channel === this.#channel) flags |= SAME_CHANNEL;
    else this.text(channel);
    this.#channel = channel;
    if (publisher === this.#publisher) flags |= SAME_PUBLISHER;
    else this.text(publisher);
    this.#publisher = publisher;
    if (publisher !== '') this.uint(entry.seq);
    if (publisher !== '' && (entry.isIdDerived || entry.id === `${publisher}.${entry.seq}`)) flags |= DERIVED_ID;
    else this.text(entry.id);
    this.zigzag(entry.time - this.#time);
    this.#time = entry.time;
    this.uint(Math.max(0, Math.round(now - entry.bornAt)));
    const form = this.putData(data);
    if (form === 'ascii') flags |= ASCII_DATA;
    else if (form === 'bytes') flags |= BYTES;
    this.buffer[flagsAt] = flags;
  }

  snapshot(
    slot: Slot,
    channel: string,
    asOwner: boolean,
    cuts: readonly (readonly [LineageId, number])[],
    floors: readonly (readonly [string, number])[],
  ): void {
    this.reserve(1_100 + cuts.length * 20);
    this.buffer[this.at++] = TAG_SNAPSHOT | (asOwner ? AS_OWNER : 0);
    this.uint(slot);
    this.text(channel);
    this.uint(cuts.length);
    for (const [lid, cut] of cuts) {
      this.lineage(lid);
      this.uint(cut);
    }
    this.uint(floors.length);
    for (const [publisher, floor] of floors) {
      this.reserve(512);
      this.text(publisher);
      this.uint(floor);
    }
  }
}

/** What was read of a slot last is nearly always what comes next: a text that is known need not be made again. */
export interface Expected {
  readonly lid: LineageId;
  readonly lastChannel: string;
  readonly lastPublisher: string;
}

/** Reads a push part by part: `next` says what comes, then the fields beside it are valid; then `readEntry` as often as `count`. */
export class PushReader extends ByteReader {
  readonly #expect: (slot: Slot) => Expected | undefined;
  #expected: Expected | undefined;
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

  constructor(bytes: Uint8Array, expect: (slot: Slot) => Expected | undefined = () => undefined) {
    super(bytes);
    this.#expect = expect;
  }

  /** @throws Error where the bytes are malformed, as every other call here does. */
  next(): 'entries' | 'snapshot' | 'end' {
    if (this.atEnd) return 'end';
    const tag = this.byte();
    this.asOwner = (tag & AS_OWNER) !== 0;
    this.slot = this.uint();
    if (this.slot > 65_535) malformed('slot');
    if ((tag & 15) === TAG_ENTRIES) this.#entriesHeader((tag & WITH_HEADER) !== 0);
    else if ((tag & 15) === TAG_SNAPSHOT) this.#snapshot();
    else malformed('tag');
    return (tag & 15) === TAG_ENTRIES ? 'entries' : 'snapshot';
  }

  get id(): string {
    return this.ownId === '' ? `${this.publisher}.${this.seq}` : this.ownId;
  }

  readEntry(): void {
    const flags = this.byte();
    const last = this.s;
    this.s = flags & NEXT_S ? last + 1 : last + this.uint();
    if (flags & PREV_IS_LAST) this.prev = last;
    else {
      const back = this.uint();
      this.prev = back === 0 ? 0 : this.s - back;
    }
    if (this.s <= last || this.s > this.upto || this.prev < 0 || this.prev >= this.s) malformed('order');
    if (!(flags & SAME_CHANNEL)) this.channel = this.text(LIMITS.channelBytesMax, this.#expected?.lastChannel);
    if (!(flags & SAME_PUBLISHER)) this.publisher = this.text(64, this.#expected?.lastPublisher);
    this.seq = this.publisher === '' ? 0 : this.uint();
    this.ownId = flags & DERIVED_ID ? '' : this.text(LIMITS.messageIdBytesMax);
    if (this.ownId === '' && (!(flags & DERIVED_ID) || this.publisher === '')) malformed('id');
    if (this.channel === '' || (this.publisher !== '' && this.seq === 0)) malformed('names');
    this.time += this.zigzag();
    this.ageMs = this.uint();
    this.data = this.takeData(flags & ASCII_DATA ? 'ascii' : flags & BYTES ? 'bytes' : 'utf8');
  }

  #entriesHeader(withHeader: boolean): void {
    this.#expected = this.#expect(this.slot);
    this.lid = this.lineage(this.#expected?.lid);
    this.author = withHeader ? (this.text(64) as NodeId) : null;
    this.boot = withHeader ? this.uint() : 0;
    this.from = this.uint();
    this.upto = this.uint();
    this.count = this.uint();
    this.time = this.uint();
    this.s = this.from - 1;
    this.channel = '';
    this.publisher = '';
    if (this.from < 1 || this.upto < this.from - 1 || this.count > this.upto - this.from + 1) malformed('range');
  }

  #snapshot(): void {
    this.channel = this.text(LIMITS.channelBytesMax);
    if (this.channel === '') malformed('channel');
    this.cuts = [];
    this.floors = [];
    const cuts = this.uint();
    for (let i = 0; i < cuts; i++) this.cuts.push([this.lineage(), this.uint()]);
    const floors = this.uint();
    for (let i = 0; i < floors; i++) this.floors.push([this.text(64), this.uint()]);
  }
}
