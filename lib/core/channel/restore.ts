/**
 * Reading a journal back. What a former process held is held again; its lineages are those of a process that has ended,
 * so nothing is appended to them (R1). Whatever does not fit is left out: peers that hold it push it.
 */
import { holdRead, lineageOf } from './incoming.js';
import { RecordReader } from './journal.js';
import type { Restored } from './ports.js';
import { Relief } from './relief.js';
import { Aging, adopt, dropThrough } from './retention.js';
import type { Store } from './store.js';

/** The ceiling is looked at whenever so much of it has been read. */
const RELIEF_SHARE = 0.02;

export function restore(store: Store, records: Iterable<Uint8Array>, now: number): Restored {
  const relief = new Relief(store);
  const step = store.options.historyBytesPerNode * RELIEF_SHARE;
  let relieveAt = step;
  let damaged = 0;
  for (const record of records) {
    try {
      if (!read(store, record, now)) damaged++;
    } catch {
      damaged++;
    }
    // more may be written down than is to be held; to look at all channels after each record would take for ever
    if (store.bytes + store.frameBytes < relieveAt) continue;
    relief.pass(now);
    relieveAt = store.bytes + store.frameBytes + step;
  }
  relief.pass(now);
  new Aging(store).all(now);
  // other nodes wrote it: they may come back
  for (const { author } of store.lineages.values()) if (author !== store.self.id) store.founded = false;
  let messages = 0;
  for (const { count } of store.logs.values()) messages += count;
  return { messages, channels: store.logs.size, bytes: store.bytes, damaged };
}

/** False where a run in it follows something that is missing. */
function read(store: Store, record: Uint8Array, now: number): boolean {
  const reader = new RecordReader(record);
  // its writer's ages count from when it was written, by the clock of dates: this machine's, which may have been set back
  const sinceMs = Math.max(0, store.ports.wallNow() - reader.wall);
  let whole = true;
  for (let part = reader.next(); part !== 'end'; part = reader.next()) {
    if (part === 'snapshot') adopt(store, store.slot(reader.slot), reader.channel, reader, true, now);
    else if (reader.count === 0 && reader.asOwner) readRemoved(store, reader, now);
    else whole = readRun(store, reader, sinceMs, now) && whole;
  }
  return whole;
}

/** Channels of the lineage were forgotten, the last of it being this; without an author: all of the lineage was. */
function readRemoved(store: Store, run: RecordReader, now: number): void {
  const { lid, upto, author } = run;
  const lineage = author === null ? store.lineages.get(lid) : lineageOf(store, store.slot(run.slot), run, now);
  if (!lineage) {
    store.forgotten.set(lid, upto);
    return;
  }
  lineage.forgottenUpTo = Math.max(lineage.forgottenUpTo, upto);
  // other channels hold messages below it
  if (author !== null) return;
  for (const log of lineage.slot.logs) {
    const strand = log.strands.get(lid);
    if (strand !== undefined) dropThrough(store, strand, upto, now);
  }
}

function readRun(store: Store, run: RecordReader, sinceMs: number, now: number): boolean {
  const lineage = lineageOf(store, store.slot(run.slot), run, now);
  const fits = lineage !== null && run.from <= lineage.have + 1;
  for (let i = 0; i < run.count; i++) {
    run.readEntry();
    if (!fits || run.s <= lineage.have) continue;
    const strand = store.log(run.channel, lineage.slot).strandOf(lineage);
    const { s, prev, ageMs } = run;
    // what it follows was removed before it was written down
    if (prev > strand.last && prev > strand.cut)
      adopt(store, lineage.slot, run.channel, { cuts: [[lineage.lid, prev]], floors: [] }, true, now);
    if (s > strand.cut) holdRead(store, strand, run, now - ageMs - sinceMs, now);
    lineage.have = s;
  }
  if (fits && run.upto > lineage.have) lineage.have = run.upto;
  return fits;
}
