/**
 * What the hand-written runs of bytes between nodes are made of. Numbers are unsigned LEB128; a text is its length × 2
 * (+ 1 where it is not ASCII) and its bytes; data is four bytes of length and what it is. The reader believes nothing.
 */
import type { Data } from './client.js';
import type { LineageId } from './ids.js';
import { LIMITS } from './limits.js';

/** How data was written; the flags of whatever carries it say so. */
export type DataForm = 'ascii' | 'utf8' | 'bytes';

/** Node's own names for toString with an encoding: a third faster on short texts, and there since 2010. */
type Slices = Buffer & { latin1Slice(from: number, to: number): string; utf8Slice(from: number, to: number): string };

export class ByteWriter {
  protected buffer: Buffer;
  protected at = 0;

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafeSlow(bytes);
  }

  get length(): number {
    return this.at;
  }

  clear(): void {
    this.at = 0;
  }

  /** A copy of what was written from one place to another. */
  slice(from: number, to: number): Uint8Array {
    const copy = Buffer.allocUnsafe(to - from);
    this.buffer.copy(copy, 0, from, to);
    return copy;
  }

  copyTo(target: Uint8Array, targetStart: number, from: number, to: number): void {
    this.buffer.copy(target, targetStart, from, to);
  }

  protected reserve(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + bytes));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }

  protected uint(value: number): void {
    const { buffer } = this;
    let rest = value;
    while (rest >= 0x80) {
      // beyond 32 bits a shift would cut
      buffer[this.at++] = (rest & 0x7f) | 0x80;
      rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7;
    }
    buffer[this.at++] = rest;
  }

  protected zigzag(value: number): void {
    this.uint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  protected lineage(lid: LineageId): void {
    const { buffer } = this;
    for (let i = 0; i < 8; i++) buffer[this.at++] = lid.charCodeAt(i);
  }

  protected text(text: string): void {
    const { length } = text;
    const start = this.at;
    this.uint(length * 2);
    const { buffer } = this;
    // short names are nearly always ASCII, and then a loop beats the call into the runtime
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) return this.#wideText(text, start);
      buffer[this.at++] = code;
    }
  }

  /** Up to three bytes a character and four more must be reserved. */
  protected putData(data: Data): DataForm {
    const lengthAt = this.at;
    this.at += 4;
    let form: DataForm = 'bytes';
    let { length } = data;
    if (typeof data === 'string') {
      length = this.buffer.write(data, this.at);
      form = length === data.length ? 'ascii' : 'utf8';
    } else {
      this.buffer.set(data, this.at);
    }
    this.at += length;
    this.buffer.writeUInt32LE(length, lengthAt);
    return form;
  }

  #wideText(text: string, start: number): void {
    this.at = start;
    this.uint(Buffer.byteLength(text) * 2 + 1);
    this.at += this.buffer.write(text, this.at);
  }
}

/** Every call throws an Error where the bytes are malformed. */
export class ByteReader {
  readonly #buffer: Slices;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Slices;
  }

  protected get atEnd(): boolean {
    return this.#at === this.#buffer.length;
  }

  protected byte(): number {
    const byte = this.#buffer[this.#at++];
    if (byte === undefined) malformed('end');
    return byte;
  }

  protected uint(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 128;
    do {
      byte = this.byte();
      value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80 && scale <= 2 ** 49);
    if (byte >= 0x80 || !Number.isSafeInteger(value)) malformed('number');
    return value;
  }

  protected zigzag(): number {
    const value = this.uint();
    return value & 1 ? -(value + 1) / 2 : value / 2;
  }

  /** `known` where these are its bytes, so that no new text is made. */
  protected lineage(known = ''): LineageId {
    return this.#ascii(8, known) as LineageId;
  }

  /** `known` where these are its bytes, so that no new text is made. */
  protected text(bytesMax: number, known = ''): string {
    const head = this.uint();
    const length = Math.floor(head / 2);
    if (length > bytesMax || this.#at + length > this.#buffer.length) malformed('text');
    if ((head & 1) === 0) return this.#ascii(length, known);
    const text = this.#buffer.utf8Slice(this.#at, this.#at + length);
    this.#at += length;
    return text;
  }

  /** A copy: what stays in history must not keep a whole frame alive. */
  protected takeData(form: DataForm): Data {
    if (this.#at + 4 > this.#buffer.length) malformed('length');
    const length = this.#buffer.readUInt32LE(this.#at);
    this.#at += 4;
    const from = this.#at;
    const end = from + length;
    if (end > this.#buffer.length || length > LIMITS.dataBytesMax * 2) malformed('data');
    this.#at = end;
    if (form === 'ascii') return this.#buffer.latin1Slice(from, end);
    if (form === 'utf8') return this.#buffer.utf8Slice(from, end);
    return Uint8Array.prototype.slice.call(this.#buffer, from, end);
  }

  #ascii(length: number, known: string): string {
    const from = this.#at;
    const end = from + length;
    if (end > this.#buffer.length) malformed('text');
    this.#at = end;
    if (length === known.length) {
      let i = 0;
      while (i < length && this.#buffer[from + i] === known.charCodeAt(i)) i++;
      if (i === length) return known;
    }
    return this.#buffer.latin1Slice(from, end);
  }
}

export function malformed(what: string): never {
  throw new Error(`malformed bytes: ${what}`);
}
