/**
 * What this node holds, written down where it outlives the process. Rule: what a node confirms, delivers or answers stands
 * in its journal first. Records are what peers are sent (runs of entries, cuts and floors), so that reading them back is
 * one more merge of sets. An edition stands for all that is held: a new one begins at each start, and when what retention
 * removed has come to be most of the old one. A lineage is written whole before anything new of it is.
 */
import type { LineageId } from '../../wire/ids.js';
import { PushReader, PushWriter } from '../../wire/push.js';
import type { Lineage } from './lineage.js';
import type { ChannelLog, StoredEntry } from './log.js';
import type { JournalPort } from './ports.js';
import { snapshotOf } from './retention.js';
import { writeRun } from './runs.js';
import type { SlotState } from './slot.js';
import type { Store } from './store.js';

const VERSION = 1;
/** A record is closed when it is longer than this. */
const RECORD_BYTES = 2 * 1024 * 1024;
/** A new edition is written a part of about so many bytes at a time, so often. */
const STEP_BYTES = 512 * 1024;
const STEP_MS = 10;
/** What a slot without entries counts as in that. */
const SLOT_BYTES = 1024;

class RecordWriter extends PushWriter {
  /** `wall`: ms since 1970, for the time that passes until it is read. */
  open(wall: number): void {
    this.clear();
    this.reserve(16);
    this.uint(VERSION);
    this.uint(wall);
  }
}

export class RecordReader extends PushReader {
  readonly wall: number;

  /** @throws Error where the bytes are malformed, or of a later version */
  constructor(bytes: Uint8Array) {
    super(bytes);
    const version = this.uint();
    if (version !== VERSION) throw new Error(`a record of version ${version}`);
    this.wall = this.uint();
  }
}

export class Journal {
  readonly #store: Store;
  readonly #port: JournalPort;
  readonly #writer = new RecordWriter();
  #noted: Lineage[] = [];
  #slots: SlotState[] = [];
  #notedAt = 0;
  readonly #cuts = new Set<ChannelLog>();
  #forgotten: (readonly [LineageId, number])[] = [];
  #edition = 0;
  /** Slots that are still to be written in this edition. */
  #rest: Iterator<SlotState> | null = null;
  #stepAt = Number.POSITIVE_INFINITY;
  #isWhole = false;
  /** Written in this edition, and how much of it once it was whole. */
  #bytes = 0;
  #wholeBytes = 0;
  #failure: Error | null = null;

  constructor(store: Store, port: JournalPort) {
    this.#store = store;
    this.#port = port;
  }

  /** Something of it is held that the journal lacks. */
  note(lineage: Lineage, now: number): void {
    this.#notedAt = now;
    if (lineage.noted) return;
    lineage.noted = true;
    this.#noted.push(lineage);
  }

  /** Something was removed elsewhere that was never held here. */
  noteCuts(log: ChannelLog, now: number): void {
    this.#notedAt = now;
    this.#cuts.add(log);
  }

  /** Where the journal lacks the entry, or is yet to be told of its lineage, what comes after it rests on its cut. */
  noteRemoved({ s, strand }: StoredEntry, now: number): void {
    const { lineage, log } = strand;
    if (lineage.edition !== this.#edition) log.slot.outdated = true;
    else if (s > lineage.journalled) this.noteCuts(log, now);
  }

  noteForgotten(lid: LineageId, upto: number): void {
    this.#forgotten.push([lid, upto]);
  }

  get needed(): boolean {
    const isNoted = this.#noted.length > 0 || this.#slots.length > 0 || this.#cuts.size > 0;
    return isNoted || this.#forgotten.length > 0 || this.#isWholeNow || this.#failure !== null;
  }

  nextWakeAt(): number {
    return this.#stepAt;
  }

  /** Begins a new edition. */
  renew(now: number): void {
    this.#edition++;
    this.#port.begin();
    this.#bytes = 0;
    this.#isWhole = false;
    this.#rest = this.#store.slots.values();
    this.#stepAt = now;
    this.#forgotten = [...this.#store.forgotten];
  }

  /** The next part of a new edition. */
  tick(now: number): void {
    if (this.#rest === null || now < this.#stepAt) return;
    this.#stepAt = now + STEP_MS;
    for (let bytes = 0; bytes < STEP_BYTES; bytes += SLOT_BYTES) {
      const next = this.#rest.next();
      if (next.done === true) {
        this.#rest = null;
        this.#stepAt = Number.POSITIVE_INFINITY;
        return;
      }
      this.#slots.push(next.value);
      for (const lineage of next.value.lineages) this.note(lineage, now);
      for (const log of next.value.logs) bytes += log.bytes;
    }
  }

  /** What is held of the lineage is written down; for an answer that does not wait for the end of the turn. */
  assure(lineage: Lineage): void {
    if (lineage.noted || this.#failure !== null) this.flush(this.#notedAt);
  }

  /** @throws JournalError: nothing of this turn may leave then, nor of a later one */
  flush(now: number): void {
    if (this.#failure !== null) throw this.#failure;
    try {
      this.#writeNoted(now);
    } catch (error) {
      // what was noted counts as written by now
      this.#failure = error as Error;
      throw error;
    }
  }

  #writeNoted(now: number): void {
    if (this.#edition === 0) this.renew(now);
    const [noted, slots] = [this.#noted, this.#slots];
    this.#noted = [];
    this.#slots = [];
    this.#writer.open(this.#store.ports.wallNow());
    const empty = this.#writer.length;
    for (const [lid, upto] of this.#forgotten) this.#writer.entries(0, lid, null, true, 1, upto, 0, 0);
    this.#forgotten = [];
    for (const log of this.#cuts) if (!log.forgotten) this.#writeCuts(log);
    this.#cuts.clear();
    for (const slot of slots) this.#open(slot);
    for (const lineage of noted) {
      lineage.noted = false;
      this.#write(lineage, now);
    }
    if (this.#writer.length > empty) this.#append();
    if (this.#isWholeNow) {
      this.#isWhole = true;
      this.#wholeBytes = this.#bytes;
      this.#port.complete();
    } else if (this.#isWhole && this.#bytes > this.#bytesMax) this.renew(now);
  }

  get #isWholeNow(): boolean {
    const isDone = this.#rest === null && this.#slots.length === 0 && this.#noted.length === 0;
    return this.#edition > 0 && isDone && !this.#isWhole;
  }

  get #bytesMax(): number {
    const { journalBytesMin, journalGrowth } = this.#store.options;
    return Math.max(journalBytesMin, this.#wholeBytes * journalGrowth);
  }

  /** What was removed of the slot's channels comes before all else of it. */
  #open(slot: SlotState): void {
    if (slot.edition === this.#edition) return;
    slot.edition = this.#edition;
    slot.outdated = false;
    for (const log of slot.logs) this.#writeCuts(log);
  }

  #write(lineage: Lineage, now: number): void {
    const { slot, author } = lineage;
    const isNew = lineage.edition !== this.#edition;
    // more of it went since they were written
    if (isNew && slot.outdated) slot.edition = 0;
    this.#open(slot);
    // only cuts of it are known
    if (author === null) return;
    const { boot, forgottenUpTo } = lineage;
    if (isNew) {
      lineage.edition = this.#edition;
      lineage.journalled = 0;
    }
    for (let header = isNew; header || lineage.journalled < lineage.have; header = false) {
      const { journalled } = lineage;
      const first = lineage.indexAfter(journalled);
      lineage.journalled = writeRun(this.#writer, lineage, first, journalled + 1, header, false, now);
      this.#splitWhereLong();
    }
    // after its entries: those below it that are held were not forgotten
    if (isNew && forgottenUpTo > 0)
      this.#writer.entries(slot.slot, lineage.lid, { author, boot }, true, 1, forgottenUpTo, 0, 0);
  }

  #writeCuts(log: ChannelLog): void {
    if (this.#store.planted('journalWithoutCuts')) return;
    const { cuts, floors } = snapshotOf(this.#store, log, true);
    if (cuts.length > 0 || floors.length > 0) this.#writer.snapshot(log.slot.slot, log.channel, true, cuts, floors);
    this.#splitWhereLong();
  }

  #splitWhereLong(): void {
    if (this.#writer.length < RECORD_BYTES) return;
    this.#append();
    this.#writer.open(this.#store.ports.wallNow());
  }

  #append(): void {
    const { length } = this.#writer;
    this.#bytes += length;
    this.#port.append(this.#writer.slice(0, length));
  }
}
