/**
 * Publishes on their way to the owner, and the answers to them: all that one turn has for a peer as one run of bytes.
 * Written by hand, like a push, because most messages of a cluster take this way once; a list of values for each of them
 * took 2 µs more.
 *
 *   forwards  (flags|hops  req−last  channel  [publisher]  [seq]  [id]  age  data)*
 *   answers   (req−last(zigzag)  copies×4 + (2 where it counts once the receiver holds the entry) + (1 where an id follows)
 *              position  [id])*
 *   a refusal has copies 0 and, for the position, code and message
 */
import { ByteReader, ByteWriter, malformed } from './bytes.js';
import type { Data } from './client.js';
import { type AppendResult, idOf } from './entry.js';
import { ERRORS, type ErrorCode } from './errors.js';
import { LIMITS } from './limits.js';

const HOPS = 3;
const SAME_PUBLISHER = 4;
/** The id is publisher.seq. */
const DERIVED_ID = 8;
const BYTES = 16;
const ASCII_DATA = 32;

const REFUSAL_BYTES_MAX = 4_096;

/** What is written of a publish that is passed on. */
export interface Forward {
  /** Nodes that passed it on before. */
  readonly hops: number;
  readonly channel: string;
  /** '' where the id is made of publisher and seq. */
  readonly ownId: string;
  readonly publisher: string;
  readonly seq: number;
  readonly data: Data;
}

export class ForwardsWriter extends ByteWriter {
  #req = 0;
  #publisher = '';

  override clear(): void {
    super.clear();
    this.#req = 0;
    this.#publisher = '';
  }

  /** `req` names the question to the node that asks it; larger than the one before. */
  add(publish: Forward, req: number, ageMs: number): void {
    const { channel, ownId, publisher, data } = publish;
    this.reserve(2_048 + data.length * 3);
    const flagsAt = this.at++;
    let flags = publish.hops + 1;
    this.uint(req - this.#req);
    this.#req = req;
    this.text(channel);
    if (publisher === this.#publisher) flags |= SAME_PUBLISHER;
    else this.text(publisher);
    this.#publisher = publisher;
    if (publisher !== '') this.uint(publish.seq);
    if (ownId === '') flags |= DERIVED_ID;
    else this.text(ownId);
    this.uint(ageMs);
    const form = this.putData(data);
    if (form === 'ascii') flags |= ASCII_DATA;
    else if (form === 'bytes') flags |= BYTES;
    this.buffer[flagsAt] = flags;
  }
}

/** Of the publish read last: nearly always the next one's as well. */
let lastPublisher = '';

/** `next`, then the fields, until it says false. */
export class ForwardsReader extends ByteReader implements Forward {
  req = 0;
  /** Nodes that passed it on, the sender included. */
  hops = 0;
  channel = '';
  ownId = '';
  publisher = '';
  seq = 0;
  ageMs = 0;
  data: Data = '';

  /** @throws Error where the bytes are malformed */
  next(): boolean {
    if (this.atEnd) return false;
    const flags = this.byte();
    this.hops = flags & HOPS;
    this.req += this.uint();
    this.channel = this.text(LIMITS.channelBytesMax);
    if (!(flags & SAME_PUBLISHER)) this.publisher = this.text(64, lastPublisher);
    lastPublisher = this.publisher;
    this.seq = this.publisher === '' ? 0 : this.uint();
    this.ownId = flags & DERIVED_ID ? '' : this.text(LIMITS.messageIdBytesMax);
    if (this.channel === '' || this.hops === 0) malformed('forward');
    if (this.publisher === '' ? this.ownId === '' : this.seq === 0) malformed('id');
    this.ageMs = this.uint();
    this.data = this.takeData(flags & ASCII_DATA ? 'ascii' : flags & BYTES ? 'bytes' : 'utf8');
    return true;
  }
}

export class AnswersWriter extends ByteWriter {
  #req = 0;

  override clear(): void {
    super.clear();
    this.#req = 0;
  }

  /**
   * `asked`: the id it was published under, which the other side knows. `onceHeld`: a success that counts once the other
   * side holds the entry that the position names; sent after the push that brings it.
   */
  add(req: number, asked: string, result: AppendResult, onceHeld: boolean): void {
    this.reserve(LIMITS.positionBytesMax + REFUSAL_BYTES_MAX * 3);
    this.zigzag(req - this.#req);
    this.#req = req;
    if (!result.ok) {
      this.uint(0);
      this.text(result.code);
      this.text(result.message.slice(0, REFUSAL_BYTES_MAX / 3));
      return;
    }
    const { id } = result;
    this.uint(result.copies * 4 + (onceHeld ? 2 : 0) + (id === asked ? 0 : 1));
    this.text(result.position);
    if (id !== asked) this.text(id);
  }
}

/** `next`, then `req` and `resultFor`, until it says false. */
export class AnswersReader extends ByteReader {
  req = 0;
  #head = 0;
  #first = '';
  #second = '';

  /** @throws Error where the bytes are malformed */
  next(): boolean {
    if (this.atEnd) return false;
    this.req += this.zigzag();
    this.#head = this.uint();
    if (this.#head > 0 && this.#head < 4) malformed('answer');
    this.#first = this.text(LIMITS.positionBytesMax);
    this.#second =
      this.#head === 0 ? this.text(REFUSAL_BYTES_MAX) : this.#head & 1 ? this.text(LIMITS.messageIdBytesMax) : '';
    if (this.#head === 0 && !Object.hasOwn(ERRORS, this.#first)) malformed('code');
    return true;
  }

  get onceHeld(): boolean {
    return (this.#head & 2) !== 0;
  }

  /** Of a success. */
  get position(): string {
    return this.#first;
  }

  resultFor(publish: Pick<Forward, 'ownId' | 'publisher' | 'seq'>): AppendResult {
    if (this.#head === 0) return { ok: false, code: this.#first as ErrorCode, message: this.#second };
    const id = this.#second === '' ? idOf(publish) : this.#second;
    return { ok: true, id, position: this.#first, copies: Math.floor(this.#head / 4) };
  }
}
