/**
 * From committed entries to what readers get. A lineage's entries become committed together (rule R2); each channel
 * takes them strand by strand, a publisher's n only after its n-1 (rule R4), a message that came under two names once.
 * Whoever waits for an entry is answered here, and nowhere before.
 */
import { positionAfter } from '../../wire/entry.js';
import type { Lineage } from './lineage.js';
import type { ChannelLog, StoredEntry, Strand } from './log.js';
import { isOver, trim } from './retention.js';
import type { Store } from './store.js';
import type { AppendRequest, Entry } from './types.js';

/** Never written to. */
const NONE: Entry[] = [];

export class Orders {
  readonly #store: Store;
  #channel = '';
  #run: Entry[] = NONE;
  readonly #over: ChannelLog[] = [];
  /** In the order, and somebody may wait for the answer: given once readers have theirs, for a write takes longest. */
  readonly #answers: StoredEntry[] = [];
  /** Channels to be looked at once more: something other than a commit may have opened a gate. */
  readonly #again = new Set<ChannelLog>();

  constructor(store: Store) {
    this.#store = store;
  }

  get needed(): boolean {
    return this.#store.touched.length > 0 || this.#again.size > 0;
  }

  lookAgain(log: ChannelLog): void {
    this.#again.add(log);
  }

  /** Commits what enough nodes hold by now, and orders it. */
  advance(now: number): void {
    const { touched } = this.#store;
    for (let i = 0; i < touched.length; i++) {
      const lineage = touched[i]!;
      lineage.touched = false;
      if (lineage.slot.open) this.#commit(lineage, now);
    }
    touched.length = 0;
    for (const log of this.#again) if (log.slot.open) this.#drain(log, now);
    this.#again.clear();
    this.#deliver(now);
    this.#answerAll();
    for (const log of this.#over) trim(this.#store, log, now);
    this.#over.length = 0;
  }

  /** Opens gates that stayed closed for long where a floor covers what is missing. */
  force(now: number): void {
    if (this.#store.planted('noForcedGate')) return;
    for (const log of this.#store.blocked) {
      if (now - log.blockedSince < this.#store.options.gateMs) continue;
      for (const strand of log.strands.values()) {
        const entry = this.#committedHead(strand);
        if (entry === undefined || (log.chainOf(entry.publisher)?.floor ?? 0) < entry.seq - 1) continue;
        this.#store.counters.gatesForced++;
        this.#store.ports.log('gate-forced', log.channel);
        this.#consume(strand, entry, true, now);
        break;
      }
      this.#drain(log, now);
    }
    this.#deliver(now);
    this.#answerAll();
  }

  #commit(lineage: Lineage, now: number): void {
    const store = this.#store;
    const upto = store.planted('deliverBeforeCommit') ? lineage.have : lineage.heldBy(store.required);
    if (upto <= lineage.committed) return;
    let i = lineage.indexAfter(lineage.committed);
    lineage.committed = upto;
    for (let entry = lineage.at(i); entry !== undefined && entry.s <= upto; entry = lineage.at(++i)) {
      if (entry.gone) continue;
      const { strand } = entry;
      const { log } = strand;
      store.counters.committed++;
      if (log.blockedSince === 0 && strand.items.at(strand.next) === entry && this.#gate(log, entry) === 'open') {
        this.#consume(strand, entry, false, now);
      } else if (strand.items.at(strand.next) !== undefined) {
        this.#drain(log, now);
      }
    }
    if (lineage.committed >= lineage.have && lineage === lineage.slot.active) store.pending.delete(lineage.slot);
  }

  /** Takes what can be taken, until every strand is at its end or waits for another. */
  #drain(log: ChannelLog, now: number): void {
    let progress = true;
    let blocked = true;
    while (progress && blocked) {
      progress = false;
      blocked = false;
      for (const strand of log.strands.values()) {
        for (let entry = this.#committedHead(strand); entry !== undefined; entry = this.#committedHead(strand)) {
          const gate = this.#gate(log, entry);
          if (gate === 'closed') {
            blocked = true;
            break;
          }
          this.#consume(strand, entry, gate === 'gap', now);
          progress = true;
        }
      }
    }
    if (!blocked) {
      log.blockedSince = 0;
      this.#store.blocked.delete(log);
    } else if (log.blockedSince === 0) {
      log.blockedSince = now;
      this.#store.blocked.add(log);
    }
  }

  #committedHead(strand: Strand): StoredEntry | undefined {
    const entry = strand.items.at(strand.next);
    return entry !== undefined && entry.s <= strand.lineage.committed ? entry : undefined;
  }

  #gate(log: ChannelLog, entry: StoredEntry): 'open' | 'closed' | 'gap' {
    if (entry.publisher === '' || this.#store.planted('noOrderGate')) return 'open';
    const chain = log.chainOf(entry.publisher);
    if (chain === undefined || entry.seq <= chain.ordered + 1) return 'open';
    return chain.floor >= entry.seq - 1 && !chain.holdsBetween(entry.seq) ? 'gap' : 'closed';
  }

  #consume(strand: Strand, entry: StoredEntry, gap: boolean, now: number): void {
    const store = this.#store;
    const { log } = strand;
    strand.next++;
    if (this.#isAlias(log, entry) && !store.planted('noOwnerDedupe')) return this.#passAlias(strand, entry, now);
    if (gap) {
      entry.gapBefore = true;
      store.counters.gaps++;
      this.#deliver(now);
      store.ports.gapped(log.channel, { reason: log.lastTrim, position: log.head() }, now);
    }
    const chain = entry.publisher === '' ? undefined : log.chainOf(entry.publisher);
    if (chain !== undefined && entry.seq > chain.ordered) chain.ordered = entry.seq;
    strand.consumed = entry.s;
    entry.others = log.othersThan(strand);
    entry.place = log.order.end;
    log.order.push(entry);
    log.orderBytes += entry.bytes;
    log.touchedAt = now;
    if (!store.planted('noPushLateMerge') || entry.strand.lineage === log.slot.active) {
      if (log.channel !== this.#channel) {
        this.#deliver(now);
        this.#channel = log.channel;
      }
      // a list of one takes a third of what an empty one grows to
      if (this.#run.length === 0) this.#run = [entry];
      else this.#run.push(entry);
    }
    if (!log.over && isOver(store, log)) {
      log.over = true;
      this.#over.push(log);
    }
    this.#answers.push(entry);
  }

  /** This message is in the order already, under another name. */
  #isAlias(log: ChannelLog, entry: StoredEntry): boolean {
    if (entry.publisher !== '') return entry.seq <= (log.chainOf(entry.publisher)?.ordered ?? 0);
    // whichever of its names was held first: another one may have been committed before it
    if (entry.aliases !== null) return entry.aliases.some((alias) => alias.place >= 0);
    const known = log.ids.get(entry.id);
    return known !== undefined && known !== entry && (typeof known === 'string' || known.place >= 0);
  }

  #passAlias(strand: Strand, entry: StoredEntry, now: number): void {
    const { log } = strand;
    this.#store.counters.aliases++;
    if (!this.#store.planted('noAliasAdvance')) {
      strand.consumed = entry.s;
      log.othersChanged();
      this.#deliver(now);
      this.#store.ports.moved(log.channel, log.head(), now);
    }
    this.#answers.push(entry);
  }

  #answerAll(): void {
    for (const entry of this.#answers) this.#answer(entry);
    this.#answers.length = 0;
  }

  #answer(entry: StoredEntry): void {
    if (entry.aliases === null) this.#answerOne(entry, entry);
    else {
      const ordered = entry.place >= 0 ? entry : (entry.aliases.find((e) => e.place >= 0) ?? entry);
      for (const alias of entry.aliases) this.#answerOne(alias, ordered);
    }
  }

  #answerOne(entry: StoredEntry, ordered: StoredEntry): void {
    const { waiting } = entry;
    if (waiting !== null) {
      entry.waiting = null;
      this.acknowledge(waiting, ordered);
    }
    if (!entry.repeated) return;
    entry.repeated = false;
    const store = this.#store;
    store.repeats = store.repeats.filter(({ request, entry: of }) => {
      if (of === entry) this.acknowledge(request, ordered);
      return of !== entry;
    });
  }

  acknowledge(request: AppendRequest, entry: StoredEntry): void {
    const store = this.#store;
    store.inFlight--;
    store.counters.acknowledged++;
    const copies = entry.strand.lineage.copiesOf(entry.s);
    request.done({ ok: true, id: entry.id, position: positionAfter(entry), copies });
  }

  #deliver(now: number): void {
    if (this.#run.length === 0) return;
    const run = this.#run;
    this.#run = NONE;
    this.#store.ports.ordered(this.#channel, run, now);
  }
}
