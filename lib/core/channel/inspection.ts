/**
 * What checkers ask of a node's channels: the simulator and the tests look at what is held and in which order, without a
 * part in it. Nothing here changes anything.
 */
import type { LineageId } from '../../wire/ids.js';
import type { Store } from './store.js';
import type { Entry } from './types.js';

export class Inspection {
  readonly #store: Store;
  /** Lineage → entries told of by `news` so far, by s. */
  readonly #told = new Map<LineageId, number>();
  #toldCount = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Every entry held. */
  *entries(): Iterable<Entry> {
    for (const slot of this.#store.slots.values()) {
      for (const log of slot.logs) {
        for (const strand of log.strands.values()) {
          for (let i = strand.items.first; i < strand.items.end; i++) yield strand.items.at(i)!;
        }
      }
    }
  }

  /** Entries that came since it was last asked; complete where it is asked before each `flush`, which may remove some. */
  *news(): Iterable<Entry> {
    const { counters, lineages } = this.#store;
    const count = counters.appended + counters.storedEntries;
    if (count === this.#toldCount) return;
    this.#toldCount = count;
    for (const lineage of lineages.values()) {
      const told = this.#told.get(lineage.lid) ?? 0;
      if (lineage.have <= told) continue;
      this.#told.set(lineage.lid, lineage.have);
      let i = lineage.indexAfter(told);
      for (let entry = lineage.at(i); entry !== undefined; entry = lineage.at(++i)) yield entry;
    }
  }

  /** A served channel's order. */
  *orderOf(channel: string): Iterable<Entry> {
    const order = this.#store.logs.get(channel)?.order;
    if (order === undefined) return;
    for (let i = order.first; i < order.end; i++) {
      const entry = order.at(i)!;
      if (!entry.gone) yield entry;
    }
  }

  /** Channels served here, and how many of their strands the order has not passed to the end. */
  *served(): Iterable<{ readonly channel: string; readonly strandsBehind: number }> {
    for (const slot of this.#store.slots.values()) {
      if (!slot.open) continue;
      for (const log of slot.logs) {
        let strandsBehind = 0;
        for (const strand of log.strands.values()) if (strand.consumed < strand.last) strandsBehind++;
        yield { channel: log.channel, strandsBehind };
      }
    }
  }

  /** Fences so far. */
  get fences(): number {
    return this.#store.counters.fences;
  }
}
