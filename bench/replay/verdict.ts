/**
 * Judges a replay: for each channel and reader, which lines came, how often and in what order. A line is out of order
 * when a later line of the same nick came before it; with one line at a time on its way (`strict`), when any later line
 * of the file did. Readers of a channel must also agree with each other. Knows nothing of halod.
 */
import type { ChatLine } from './chat-log.js';

export interface ReplayFile {
  readonly channel: string;
  readonly lines: readonly ChatLine[];
}

export interface Verdict {
  readonly lines: number;
  readonly readers: number;
  /** Lines × readers. */
  readonly expected: number;
  /** First arrivals. */
  readonly delivered: number;
  readonly missing: number;
  readonly repeated: number;
  readonly outOfOrder: number;
  /** Channels whose readers saw different orders. */
  readonly disagreeing: number;
  /** Arrived, but with another text than was published, or never published at all. */
  readonly altered: number;
  readonly gaps: number;
  /** Lines that no node would store. */
  readonly unpublished: number;
  readonly ok: boolean;
}

interface ReaderState {
  /** By line number: 1 once it came. */
  readonly came: Uint8Array;
  readonly lastOfNick: Map<string, number>;
  last: number;
  /** Digest of the order in which lines first came. */
  order: number;
  count: number;
}

export class Judge {
  readonly #files: ReadonlyMap<string, ReplayFile>;
  readonly #states = new Map<string, ReaderState[]>();
  readonly #readers: number;
  readonly #strict: boolean;
  #delivered = 0;
  #repeated = 0;
  #outOfOrder = 0;
  #altered = 0;
  #gaps = 0;
  #unpublished = 0;

  constructor(files: readonly ReplayFile[], readers: number, strict: boolean) {
    this.#files = new Map(files.map((file) => [file.channel, file]));
    this.#readers = readers;
    this.#strict = strict;
    for (const file of files) {
      const states = Array.from(
        { length: readers },
        (): ReaderState => ({
          came: new Uint8Array(file.lines.length + 1),
          lastOfNick: new Map(),
          last: 0,
          order: 0,
          count: 0,
        }),
      );
      this.#states.set(file.channel, states);
    }
  }

  get delivered(): number {
    return this.#delivered;
  }

  get expected(): number {
    let lines = 0;
    for (const file of this.#files.values()) lines += file.lines.length;
    return lines * this.#readers;
  }

  /** `n` is the line's number in its file, from 1; `line` what came of it. True for a first arrival. */
  arrived(channel: string, reader: number, n: number, line: string): boolean {
    const file = this.#files.get(channel);
    const sent = file?.lines[n - 1];
    const state = this.#states.get(channel)?.[reader];
    if (!sent || !state || sent.line !== line) {
      this.#altered++;
      return false;
    }
    if (state.came[n] === 1) {
      this.#repeated++;
      return false;
    }
    const before = this.#strict ? state.last : (state.lastOfNick.get(sent.nick) ?? 0);
    if (before > n) this.#outOfOrder++;
    state.came[n] = 1;
    state.last = Math.max(state.last, n);
    state.lastOfNick.set(sent.nick, Math.max(n, state.lastOfNick.get(sent.nick) ?? 0));
    state.order = (Math.imul(state.order, 31) + n) | 0;
    state.count++;
    this.#delivered++;
    return true;
  }

  gap(): void {
    this.#gaps++;
  }

  unpublished(): void {
    this.#unpublished++;
  }

  verdict(): Verdict {
    const lines = this.expected / this.#readers;
    const missing = this.expected - this.#delivered;
    let disagreeing = 0;
    for (const states of this.#states.values()) {
      const [first, ...others] = states;
      if (others.some((state) => state.count === first!.count && state.order !== first!.order)) disagreeing++;
    }
    const faults = [
      missing,
      this.#repeated,
      this.#outOfOrder,
      disagreeing,
      this.#altered,
      this.#gaps,
      this.#unpublished,
    ];
    return {
      lines,
      readers: this.#readers,
      expected: this.expected,
      delivered: this.#delivered,
      missing,
      repeated: this.#repeated,
      outOfOrder: this.#outOfOrder,
      disagreeing,
      altered: this.#altered,
      gaps: this.#gaps,
      unpublished: this.#unpublished,
      ok: faults.every((n) => n === 0),
    };
  }
}
