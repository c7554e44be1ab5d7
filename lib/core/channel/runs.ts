/** A run of a lineage's entries as bytes: the same for peers and for the journal. */
import { LIMITS } from '../../wire/limits.js';
import type { PushWriter } from '../../wire/push.js';
import type { Lineage } from './lineage.js';

/** Writes what is held from `from` on, `first` being its index, as far as one part goes; answers up to where. */
export function writeRun(
  writer: PushWriter,
  lineage: Lineage,
  first: number,
  from: number,
  header: boolean,
  asOwner: boolean,
  now: number,
): number {
  let count = 0;
  let bytes = 0;
  let upto = lineage.have;
  for (let i = first; ; i++) {
    const entry = lineage.at(i);
    if (entry === undefined) break;
    if (entry.gone) continue;
    count++;
    bytes += entry.bytes;
    if (count < LIMITS.pushPartEntriesMax && bytes < LIMITS.pushPartBytes) continue;
    upto = entry.s;
    break;
  }
  const author = header ? { author: lineage.author!, boot: lineage.boot } : null;
  let time = 0;
  for (let i = first; count > 0 && time === 0; i++) if (!lineage.at(i)!.gone) time = lineage.at(i)!.time;
  writer.entries(lineage.slot.slot, lineage.lid, author, asOwner, from, upto, count, time);
  for (let i = first, left = count; left > 0; i++) {
    const entry = lineage.at(i)!;
    if (entry.gone) continue;
    writer.entry(entry, now);
    left--;
  }
  return upto;
}
