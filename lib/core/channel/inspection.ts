/**
 * What checkers ask of a node's channels: the simulator and the tests look at what is held and in which order, without a
 * part in it. Nothing here changes anything.
 */
import type { LineageId } from '../../wire/ids.js';
import type { Lineage } from './lineage.js';
import type { ChannelLog, Strand } from './log.js';
import type { Store } from './store.js';
import type { Entry } from './types.js';

/** Retention removed entries of a strand, up to `s`. `left`: messages in the channel's order since, where some of it went. */
export interface Removal {
  readonly channel: string;
  readonly lid: LineageId;
  readonly s: number;
  readonly left: number | undefined;
}

export class Inspection {
  readonly #store: Store;
  /** Lineage → entries told of by `news` so far, by s. */
  readonly #told = new Map<LineageId, number>();
  #toldCount = 0;
  readonly #cuts = new WeakMap<Strand, number>();
  readonly #orders = new WeakMap<ChannelLog, { readonly active: Lineage; readonly first: number }>();
  #removedCount = 0;

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

  /** Removals that the copies are still to be told of. */
  get untold(): number {
    let count = 0;
    for (const log of this.#store.logs.values()) count += log.trimmedFloors.length;
    return count;
  }

  /** Entries that came since it was last asked; complete where it is asked before each `flush`, which may remove some. */
  *news(): Iterable<Entry> {
    const { counters, lineages } = this.#store;
    const count = counters.appended + counters.storedEntries;
    if (count === this.#toldCount) return;
    this.#toldCount = count;
    for (const log of this.#store.logs.values()) {
      const { active } = log.slot;
      if (active !== null && this.#orders.get(log)?.active !== active)
        this.#orders.set(log, { active, first: log.order.first });
    }
    for (const lineage of lineages.values()) {
      const told = this.#told.get(lineage.lid) ?? 0;
      if (lineage.have <= told) continue;
      this.#told.set(lineage.lid, lineage.have);
      let i = lineage.indexAfter(told);
      for (let entry = lineage.at(i); entry !== undefined; entry = lineage.at(++i)) yield entry;
    }
  }

  /** What retention removed since it was last asked. */
  *removals(): Iterable<Removal> {
    const { counters, logs } = this.#store;
    if (counters.evicted === this.#removedCount) return;
    this.#removedCount = counters.evicted;
    for (const log of logs.values()) {
      const left = this.#leftIn(log);
      for (const strand of log.strands.values()) {
        const { cut } = strand;
        if (cut <= (this.#cuts.get(strand) ?? 0)) continue;
        this.#cuts.set(strand, cut);
        yield { channel: log.channel, lid: strand.lineage.lid, s: cut, left };
      }
    }
  }

  /** Comparable only within one activation: an order that is closed and opened again starts elsewhere. */
  #leftIn(log: ChannelLog): number | undefined {
    const { active } = log.slot;
    if (active === null) return undefined;
    const { first, length } = log.order;
    const known = this.#orders.get(log);
    this.#orders.set(log, { active, first });
    return known?.active === active && first > known.first ? length : undefined;
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

  /** Notes of what single peers hold of single lineages. */
  get marks(): number {
    let marks = 0;
    for (const lineage of this.#store.lineages.values()) marks += lineage.marks.length;
    return marks;
  }

  /** Fences so far. */
  get fences(): number {
    return this.#store.counters.fences;
  }
}
