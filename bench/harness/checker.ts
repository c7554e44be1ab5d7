/**
 * Checks every delivery of every run: for each reader, each sequence number of its channel once and in order. A number
 * that is skipped counts as missing until it arrives; what arrives late is reordered, what arrives again is repeated,
 * what belongs to another channel is foreign. None of these is ever forgiven by a later event.
 */

export interface CheckCounts {
  readonly delivered: number;
  readonly repeated: number;
  readonly reordered: number;
  readonly foreign: number;
  readonly unreadable: number;
}

/** For one reader: numbers below `next` have arrived, except `missing`. */
export interface ReaderState {
  readonly channel: number;
  readonly next: number;
  readonly missing: readonly number[];
}

export class Checker {
  readonly #channels: Int32Array;
  readonly #next: Int32Array;
  readonly #missing = new Map<number, Set<number>>();
  #delivered = 0;
  #repeated = 0;
  #reordered = 0;
  #foreign = 0;
  #unreadable = 0;

  constructor(channels: Int32Array) {
    this.#channels = channels;
    this.#next = new Int32Array(channels.length);
  }

  get delivered(): number {
    return this.#delivered;
  }

  nextOf(reader: number): number {
    return this.#next[reader]!;
  }

  /** True where this delivery is the first of its number to this reader. */
  received(reader: number, channel: number, sequence: number): boolean {
    if (sequence < 0 || channel < 0) {
      this.#unreadable++;
      return false;
    }
    if (channel !== this.#channels[reader]) {
      this.#foreign++;
      return false;
    }
    const next = this.#next[reader]!;
    if (sequence === next) {
      this.#next[reader] = next + 1;
      this.#delivered++;
      return true;
    }
    return this.#outOfTurn(reader, sequence, next);
  }

  unreadable(): void {
    this.#unreadable++;
  }

  /** Numbers up to `next` that this reader lacks, and whether it has everything below `upTo`. */
  complete(reader: number, upTo: number): boolean {
    return this.#next[reader]! >= upTo && (this.#missing.get(reader)?.size ?? 0) === 0;
  }

  counts(): CheckCounts {
    return {
      delivered: this.#delivered,
      repeated: this.#repeated,
      reordered: this.#reordered,
      foreign: this.#foreign,
      unreadable: this.#unreadable,
    };
  }

  states(): ReaderState[] {
    return Array.from(this.#channels, (channel, reader) => ({
      channel,
      next: this.#next[reader]!,
      missing: [...(this.#missing.get(reader) ?? [])],
    }));
  }

  #outOfTurn(reader: number, sequence: number, next: number): boolean {
    let missing = this.#missing.get(reader);
    if (sequence < next) {
      if (missing?.delete(sequence) !== true) {
        this.#repeated++;
        return false;
      }
      this.#reordered++;
      this.#delivered++;
      return true;
    }
    if (missing === undefined) {
      missing = new Set();
      this.#missing.set(reader, missing);
    }
    for (let skipped = next; skipped < sequence; skipped++) missing.add(skipped);
    this.#next[reader] = sequence + 1;
    this.#delivered++;
    return true;
  }
}

/** Deliveries that never happened, given how many messages were sent to each channel. */
export function lostOf(states: readonly ReaderState[], sent: Int32Array): number {
  let lost = 0;
  for (const state of states) lost += state.missing.length + Math.max(0, sent[state.channel]! - state.next);
  return lost;
}

/** Of the messages that were acknowledged, how many deliveries never happened. */
export function ackedLostOf(
  states: readonly ReaderState[],
  sent: Int32Array,
  isAcked: (channel: number, sequence: number) => boolean,
): number {
  let lost = 0;
  for (const { channel, next, missing } of states) {
    for (const sequence of missing) if (isAcked(channel, sequence)) lost++;
    for (let sequence = next; sequence < sent[channel]!; sequence++) if (isAcked(channel, sequence)) lost++;
  }
  return lost;
}
