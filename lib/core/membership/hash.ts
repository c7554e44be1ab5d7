/**
 * Hashes for digests and rings: spread well, guard against nobody. What must not be forged is signed, and a digest is only
 * ever compared among nodes that proved themselves.
 */

/** FNV-1a over the characters, then mixed. */
export function hashText(text: string, seed: number): number {
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h);
}

/** Murmur3's finalizer: every input bit changes half of the output bits. */
export function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export function combine(h: number, value: number): number {
  return mix((Math.imul(h, 31) + (value | 0)) ^ (value / 0x1_0000_0000));
}

export function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
