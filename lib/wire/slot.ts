/**
 * The hash that maps channels to slots. Clients in any language compute it, so it is fixed for ever:
 * MurmurHash3_x86_32 (Austin Appleby, public domain) over the UTF-8 bytes of the channel with seed 0, taken as an
 * unsigned 32-bit number; slot = hash mod slots. A lone surrogate counts as U+FFFD, as in TextEncoder.
 *
 * It is called for every publish, so it walks the string's code units and encodes on the fly: nothing is allocated.
 */
import type { Slot } from './ids.js';

const C1 = 0xcc9e2d51 | 0;
const C2 = 0x1b873593 | 0;
const REPLACEMENT = 0xfffd;

/** The body step of MurmurHash3: one little-endian block of four bytes. */
function mixBlock(hash: number, block: number): number {
  const scrambled = Math.imul(block, C1);
  const mixed = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), C2);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

/** The finaliser of MurmurHash3, a bijection of 32 bits in which each input bit flips each output bit half of the time. */
export function mix32(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** MurmurHash3_x86_32 of the UTF-8 bytes of `text`, as an unsigned number. */
export function hash32(text: string, seed = 0): number {
  let hash = seed | 0;
  let block = 0;
  let shift = 0;
  let bytes = 0;
  const units = text.length;
  for (let i = 0; i < units; i++) {
    let code = text.charCodeAt(i);
    // `packed` holds the UTF-8 bytes of one character, the first byte lowest.
    let packed = code;
    let width = 8;
    if (code >= 0x80) {
      if (code >= 0xd800 && code <= 0xdfff) {
        const low = code <= 0xdbff && i + 1 < units ? text.charCodeAt(i + 1) : 0;
        if (low >= 0xdc00 && low <= 0xdfff) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          i++;
        } else code = REPLACEMENT;
      }
      if (code < 0x800) {
        packed = 0xc0 | (code >> 6) | ((0x80 | (code & 63)) << 8);
        width = 16;
      } else if (code < 0x10000) {
        packed = 0xe0 | (code >> 12) | ((0x80 | ((code >> 6) & 63)) << 8) | ((0x80 | (code & 63)) << 16);
        width = 24;
      } else {
        packed =
          0xf0 |
          (code >> 18) |
          ((0x80 | ((code >> 12) & 63)) << 8) |
          ((0x80 | ((code >> 6) & 63)) << 16) |
          ((0x80 | (code & 63)) << 24);
        width = 32;
      }
    }
    bytes += width >> 3;
    block |= packed << shift;
    if (shift + width >= 32) {
      hash = mixBlock(hash, block);
      // A shift by 32 would be a shift by 0, hence the case of an empty rest.
      block = shift === 0 ? 0 : packed >>> (32 - shift);
      shift += width - 32;
      if (shift === 0) block = 0;
    } else shift += width;
  }
  if (shift > 0) {
    const scrambled = Math.imul(block, C1);
    hash ^= Math.imul((scrambled << 15) | (scrambled >>> 17), C2);
  }
  return mix32(hash ^ bytes) >>> 0;
}

/** The slot of a channel; `slots` is a power of two. */
export function slotOf(channel: string, slots: number): Slot {
  return hash32(channel) & (slots - 1);
}
