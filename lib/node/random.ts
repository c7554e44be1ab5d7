/** Chance from node:crypto, drawn in blocks: a call costs tens of nanoseconds instead of a microsecond. */
import { randomFillSync } from 'node:crypto';
import type { Random } from '../core/random.js';

const BLOCK_BYTES = 4_096;

export class CryptoRandom implements Random {
  readonly #block = Buffer.allocUnsafe(BLOCK_BYTES);
  #at = BLOCK_BYTES;

  next(): number {
    const at = this.#take(8);
    // 26 and 27 bits, as many as a double holds exactly
    const high = this.#block.readUInt32LE(at) >>> 6;
    const low = this.#block.readUInt32LE(at + 4) >>> 5;
    return (high * 0x8000000 + low) / 0x20000000000000;
  }

  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  name(bytes: number): string {
    const at = this.#take(bytes);
    return this.#block.toString('base64url', at, at + bytes);
  }

  #take(bytes: number): number {
    if (this.#at + bytes > BLOCK_BYTES) {
      randomFillSync(this.#block);
      this.#at = 0;
    }
    const at = this.#at;
    this.#at += bytes;
    return at;
  }
}
