/**
 * A reader's position as it grows: the highest entry it has by lineage. Messages carry positions as text with their own
 * entry first (`1~<lineage>.<s>…`), so the common case, one lineage, is read without building a map.
 */
import { HalodError } from '../../wire/errors.js';
import type { LineageId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import { formatPosition, parsePosition } from '../../wire/position.js';

const LID_START = 2;
const LID_END = 10;
/** What no position ends with. */
const UNSEEN = '?';

/** The lineage of the entry that the message with this position is. */
export function lineageOf(position: string): LineageId {
  if (position.length < 12 || position[0] !== '1' || position[1] !== '~' || position[LID_END] !== '.') {
    throw new HalodError('bad-position', `the node sent a message with the position ${position.slice(0, 40)}`);
  }
  return position.slice(LID_START, LID_END) as LineageId;
}

/** Its number in that lineage. */
export function entryOf(position: string): number {
  const end = endOfFirst(position);
  const s = Number.parseInt(position.slice(LID_END + 1, end), 36);
  if (!Number.isSafeInteger(s)) throw new HalodError('bad-position');
  return s;
}

function endOfFirst(position: string): number {
  const end = position.indexOf('~', LID_END);
  return end < 0 ? position.length : end;
}

export class PositionVector {
  readonly #entries = new Map<LineageId, number>();
  /** The other lineages of the last message: they seldom change, and then need no second look. */
  #others = UNSEEN;
  /** They are exactly what this vector has besides the message's own lineage. */
  #othersSayAll = false;

  constructor(position?: string) {
    if (position !== undefined) this.merge(position);
  }

  get known(): boolean {
    return this.#entries.size > 0;
  }

  entry(lid: LineageId): number {
    return this.#entries.get(lid) ?? 0;
  }

  covers(position: string): boolean {
    for (const [lid, s] of parsePosition(position)) if (s > this.entry(lid)) return false;
    return true;
  }

  /**
   * Takes in a message's position: its own entry and what it says of the other lineages. Returns the text that resumes
   * after all that this reader has, which nearly always is the same text.
   */
  advance(position: string, lid: LineageId, s: number): string {
    this.#raise(lid, s);
    const end = endOfFirst(position);
    const others = position.slice(end);
    if (others !== this.#others) {
      for (const [other, otherS] of parsePosition(`1${others === '' ? '~' : others}`)) this.#raise(other, otherS);
      this.#others = others;
      this.#othersSayAll = this.#saysAll(position);
    }
    if (this.entry(lid) !== s) return this.format();
    return this.#othersSayAll ? position : this.#formatFrom(lid);
  }

  merge(position: string): void {
    for (const [lid, s] of parsePosition(position)) this.#raise(lid, s);
    this.#others = UNSEEN;
  }

  /** Lineages that the node does not name are lost for good, and must not stay in the position. */
  keepOnly(position: string): void {
    const named = parsePosition(position);
    for (const lid of [...this.#entries.keys()]) if (!named.has(lid)) this.#entries.delete(lid);
    this.merge(position);
  }

  format(): string {
    return formatPosition(this.#entries);
  }

  /** With this lineage first, as messages carry it. */
  #formatFrom(lid: LineageId): string {
    return formatPosition(new Map([[lid, this.entry(lid)], ...this.#entries]));
  }

  #saysAll(position: string): boolean {
    const said = parsePosition(position);
    if (said.size !== this.#entries.size) return false;
    for (const [lid, s] of said) if (this.#entries.get(lid) !== s) return false;
    return true;
  }

  #raise(lid: LineageId, s: number): void {
    const known = this.#entries.get(lid);
    if (known !== undefined && known >= s) return;
    // the lineage heard of least recently comes first and is the first to go
    if (this.#entries.size > 1) this.#entries.delete(lid);
    this.#entries.set(lid, s);
    if (this.#entries.size > LIMITS.positionLineagesMax) {
      this.#entries.delete(this.#entries.keys().next().value!);
      this.#others = UNSEEN;
    }
  }
}
