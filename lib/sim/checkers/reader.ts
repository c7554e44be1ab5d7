/** One client's reading of one channel, as its history tells it: what it got, in which order, and which gaps it was told of. */
import { type Position, parsePosition } from '../../wire/position.js';
import { describe, type Message } from './messages.js';
import type { Verdict } from './verdict.js';

export interface ToldGap {
  readonly at: number;
  /** Place among the reader's events. */
  readonly order: number;
  readonly reason: string;
  /** undefined: the history does not say how far the gap reaches, so it counts for all that was published before. */
  readonly position: Position | undefined;
}

/** A publisher's numbers that the reader went past without having them, and when. */
interface Skip {
  readonly p: string;
  readonly from: number;
  readonly to: number;
  readonly order: number;
}

export class ReaderHistory {
  readonly client: string;
  readonly channel: string;
  bare = false;
  /** Owes nothing published before; infinity until it is subscribed. */
  since = Number.POSITIVE_INFINITY;
  from: 'now' | 'start' | 'position' = 'now';
  stays = true;
  readonly gaps: ToldGap[] = [];
  readonly skips: Skip[] = [];
  /** Messages that came after a later one of the same publisher. */
  readonly late: { readonly message: Message; readonly last: number; readonly order: number }[] = [];
  #order = 0;
  /** By message index, the order of its callback; 0: not got. */
  #got = new Uint32Array(64);
  readonly #lastOf = new Map<string, number>();
  readonly #lineages = new Map<string, number>();

  constructor(client: string, channel: string) {
    this.client = client;
    this.channel = channel;
  }

  has(message: Message): boolean {
    return message.index < this.#got.length && this.#got[message.index]! > 0;
  }

  hadBefore(message: Message, gap: ToldGap): boolean {
    return this.has(message) && this.#got[message.index]! < gap.order;
  }

  onSubscribe(after: 'now' | 'start' | 'position', bare: boolean, t: number): void {
    this.bare = bare;
    this.from = after;
    this.stays = true;
    if (after === 'start' && this.since === Number.POSITIVE_INFINITY) this.since = Number.NEGATIVE_INFINITY;
    // A reader that brings a position from before the history is owed what comes from here on, at least.
    if (after === 'position' && this.since === Number.POSITIVE_INFINITY) this.since = t;
  }

  onSubscribed(t: number): void {
    this.since = Math.min(this.since, t);
  }

  onGap(t: number, reason: string, position: string | undefined): void {
    this.gaps.push({
      at: t,
      order: ++this.#order,
      reason,
      position: position === undefined ? undefined : parsePosition(position),
    });
  }

  onMessage(message: Message, entry: string | undefined, verdict: Verdict): void {
    const order = ++this.#order;
    if (this.has(message)) {
      // stored twice under two names, which such a transport cannot tell; the same name again is no excuse
      if (this.bare && entry !== undefined && !this.#isPast(entry)) {
        this.#advance(entry);
        verdict.counts.bareRepeats++;
      } else verdict.report('repeated', `${this.client} got ${describe(this.channel, message)} again`);
      return;
    }
    this.#mark(message.index, order);
    this.#noteOrder(message, order);
    if (entry !== undefined) this.#checkEntry(message, entry, verdict);
  }

  /** Whether a gap tells of this message; `before`: only gaps that came before this place in the reader's events. */
  isCovered(message: Message, before = Number.POSITIVE_INFINITY): boolean {
    return this.gaps.some((gap) => gap.order < before && covers(gap, message));
  }

  /**
   * A transport without memory was told of a gap over one name of the message, and gets it under another one, from a node
   * that does not know of the first.
   */
  isLateByName(message: Message, order: number): boolean {
    return this.bare && message.entries.length > 1 && this.isCovered(message, order);
  }

  #mark(index: number, order: number): void {
    if (index >= this.#got.length) {
      const grown = new Uint32Array(Math.max(index + 1, this.#got.length * 2));
      grown.set(this.#got);
      this.#got = grown;
    }
    this.#got[index] = order;
  }

  #noteOrder(message: Message, order: number): void {
    const { p, n } = message;
    const last = this.#lastOf.get(p);
    if (last !== undefined && n < last) {
      // Whether order is promised is known once its publish is read: judged at the end.
      this.late.push({ message, last, order });
      return;
    }
    const from = last === undefined ? (this.from === 'start' ? 1 : n) : last + 1;
    if (from < n) this.skips.push({ p, from, to: n - 1, order });
    this.#lastOf.set(p, n);
  }

  #checkEntry(message: Message, entry: string, verdict: Verdict): void {
    if (this.#isPast(entry)) {
      const place = `${describe(this.channel, message)} at ${entry}, which is not past the one before it`;
      verdict.report('position-back', `${this.client} got ${place}`);
    } else this.#advance(entry);
  }

  #isPast(entry: string): boolean {
    const { lid, s } = partsOf(entry);
    return s <= (this.#lineages.get(lid) ?? 0);
  }

  #advance(entry: string): void {
    const { lid, s } = partsOf(entry);
    this.#lineages.set(lid, s);
  }
}

function partsOf(entry: string): { readonly lid: string; readonly s: number } {
  const dot = entry.indexOf('.');
  return { lid: entry.slice(0, dot), s: Number.parseInt(entry.slice(dot + 1), 36) };
}

export function covers(gap: ToldGap, message: Message): boolean {
  const isAnywhere = message.isRemoved === true && message.entries.length === 0;
  if (gap.position === undefined || isAnywhere) return message.invokedAt <= gap.at;
  return message.entries.some((entry) => {
    const dot = entry.indexOf('.');
    const reached = gap.position!.get(entry.slice(0, dot) as never);
    return reached !== undefined && reached >= Number.parseInt(entry.slice(dot + 1), 36);
  });
}
