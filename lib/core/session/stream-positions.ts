/**
 * Where a reader of several channels is, as one position: what an SSE stream gives as its event id and a long-poll
 * hands back. It is complete once every channel has said where it starts.
 */
import { type Entry, positionAfter } from '../../wire/entry.js';
import { EMPTY_POSITION, formatPosition, formatStreamVectors, parseStreamPosition } from '../../wire/position.js';

export class StreamPositions {
  /** Sorted, without repetition. */
  readonly channels: readonly string[];
  readonly #vectors: (string | undefined)[];
  #unknown: number;

  constructor(channels: readonly string[]) {
    this.channels = [...new Set(channels)].sort();
    this.#vectors = new Array<string | undefined>(this.channels.length);
    this.#unknown = this.channels.length;
  }

  /** False where the position was written for another list of channels. @throws HalodError `bad-position` */
  resume(after: string): boolean {
    const positions = parseStreamPosition(after, this.channels);
    if (positions === undefined) return false;
    for (const [channel, position] of positions) this.set(channel, formatPosition(position));
    return true;
  }

  /** Before all that is there. */
  startOver(): void {
    for (const channel of this.channels) this.set(channel, formatPosition(EMPTY_POSITION));
  }

  set(channel: string, position: string): void {
    const at = this.channels.length === 1 ? 0 : this.channels.indexOf(channel);
    if (at < 0) return;
    if (this.#vectors[at] === undefined) this.#unknown--;
    this.#vectors[at] = position.slice(2);
  }

  read(entry: Entry): void {
    this.set(entry.channel, positionAfter(entry));
  }

  /** The position of one channel; undefined until it is known. */
  of(channel: string): string | undefined {
    const vector = this.#vectors[this.channels.indexOf(channel)];
    return vector === undefined ? undefined : `1~${vector}`;
  }

  get isComplete(): boolean {
    return this.#unknown === 0;
  }

  /** '' until it is complete: half a position would replay whole histories. */
  toString(): string {
    return this.isComplete ? formatStreamVectors(this.channels, this.#vectors as string[]) : '';
  }
}
