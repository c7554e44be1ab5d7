/** Hashes of the table: the one that clients compute too stands in the wire, beside it the digest of a whole table. */
import { hash32 } from '../../wire/slot.js';

export { hash32, mix32, slotOf } from '../../wire/slot.js';

/** 16 hex digits: two hashes of the same text with different seeds. Tells tables apart; it is no defence against forgery. */
export function digest64(text: string): string {
  const high = hash32(text, 0x68616c6f).toString(16).padStart(8, '0');
  const low = hash32(text, 0x64746162).toString(16).padStart(8, '0');
  return high + low;
}
