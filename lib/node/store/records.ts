/**
 * How records stand in a file: the length of the payload, the CRC-32 of these 4 bytes, the CRC-32 of the payload, 4 bytes
 * each in little-endian order, then the payload. So a length that is damaged is not taken for a record that was torn off.
 * The first one says what the others are. A file is read in pieces, however large it is; whatever does not fit ends the
 * reading of it, for what comes after may rest on it.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { LIMITS } from '../../wire/limits.js';

/** From where on a file could not be read. */
export interface Damage {
  readonly path: string;
  readonly offset: number;
  readonly bytesLeftOut: number;
  /** The file ends within a record, as one does whose process or machine ended while it was written. */
  readonly isTorn: boolean;
}

/** What history belongs to: slots of another cluster, or another number of them, are others. */
export interface Terms {
  readonly cluster: string;
  readonly slots: number;
}

const FORMAT = 1;
const FRAME_BYTES = 12;
const PIECE_BYTES = 1024 * 1024;

export function frameOf(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_BYTES + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt32LE(crc32(frame.subarray(0, 4)), 4);
  frame.writeUInt32LE(crc32(payload), 8);
  frame.set(payload, FRAME_BYTES);
  return frame;
}

export function headerOf({ cluster, slots }: Terms): Buffer {
  return Buffer.from(JSON.stringify({ halod: 'history', format: FORMAT, cluster, slots }));
}

/**
 * What the file says that it belongs to; null where it says nothing that can be read.
 * @throws Error where the file cannot be read, or is of another format
 */
export function termsOf(path: string): Terms | null {
  const fd = openSync(path, 'r');
  try {
    const reader = new FileReader(fd);
    const header = reader.next();
    return typeof header === 'string' ? null : readHeader(header);
  } finally {
    closeSync(fd);
  }
}

function readHeader(payload: Uint8Array): Terms | null {
  try {
    const header = JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>;
    if (header['halod'] !== 'history') return null;
    if (header['format'] === FORMAT) return header as unknown as Terms;
  } catch {
    return null;
  }
  throw new Error('it was written by another version of halod');
}

/** Every record after the header, each with bytes of its own. Damage is told at its end, and never thrown. */
export function* recordsOf(path: string, onDamage: (damage: Damage) => void): Generator<Uint8Array> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    // one that a later edition stands for has just gone
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    return onDamage({ path, offset: 0, bytesLeftOut: 0, isTorn: false });
  }
  try {
    const reader = new FileReader(fd);
    for (let isHeader = true; ; isHeader = false) {
      const { offset } = reader;
      const record = reader.next();
      if (record === 'end') return;
      if (typeof record === 'string' || (isHeader && readHeader(record) === null))
        return onDamage({ path, offset, bytesLeftOut: reader.size - offset, isTorn: record === 'torn' });
      if (!isHeader) yield new Uint8Array(record);
    }
  } finally {
    closeSync(fd);
  }
}

class FileReader {
  readonly size: number;
  /** In the file, of what comes next. */
  offset = 0;
  readonly #fd: number;
  #buffer = Buffer.allocUnsafe(PIECE_BYTES);
  /** What of the buffer was read and not taken yet. */
  #from = 0;
  #to = 0;

  constructor(fd: number) {
    this.#fd = fd;
    this.size = fstatSync(fd).size;
  }

  /** The next record, valid until the one after it is asked for. */
  next(): Buffer | 'end' | 'torn' | 'damaged' {
    try {
      return this.#next();
    } catch {
      // the disk does not give it back
      return 'damaged';
    }
  }

  #next(): Buffer | 'end' | 'torn' | 'damaged' {
    const left = this.size - this.offset;
    if (left === 0) return 'end';
    if (left < FRAME_BYTES) return 'torn';
    const frame = this.#peek(FRAME_BYTES);
    const length = frame.readUInt32LE(0);
    const sum = frame.readUInt32LE(8);
    if (crc32(frame.subarray(0, 4)) !== frame.readUInt32LE(4)) return 'damaged';
    // none is empty, but a file that lost its end with the power of the machine may have zeros there
    if (length === 0 || length > LIMITS.diskRecordBytesMax) return 'damaged';
    if (left < FRAME_BYTES + length) return 'torn';
    const payload = this.#peek(FRAME_BYTES + length).subarray(FRAME_BYTES);
    if (crc32(payload) !== sum) return 'damaged';
    this.#from += FRAME_BYTES + length;
    this.offset += FRAME_BYTES + length;
    return payload;
  }

  /** The next bytes, of which the file has so many. */
  #peek(length: number): Buffer {
    if (this.#from + length > this.#buffer.length) {
      const rest = this.#buffer.subarray(this.#from, this.#to);
      if (length > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(length);
      this.#buffer.set(rest);
      this.#from = 0;
      this.#to = rest.length;
    }
    while (this.#to - this.#from < length) {
      const read = readSync(this.#fd, this.#buffer, this.#to, this.#buffer.length - this.#to, null);
      if (read === 0) throw new Error('the file has become shorter');
      this.#to += read;
    }
    return this.#buffer.subarray(this.#from, this.#from + length);
  }
}
