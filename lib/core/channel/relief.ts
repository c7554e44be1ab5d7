/**
 * The node's ceiling, for messages and for what channels and publishers take beside them. First the channels that were
 * quiet for longest go as a whole, once nothing that a publisher may still repeat rests on them, as long as channels take
 * more than half; then the channels whose oldest message is oldest give, a quarter of each. A copy takes whatever is
 * pushed, so what it holds may stand above the ceiling for a while: its messages keep a share all the same.
 */
import { LIMITS } from '../../wire/limits.js';
import type { Lineage } from './lineage.js';
import type { ChannelLog } from './log.js';
import { dropThrough, forget, removeFirst, tellIfMuch } from './retention.js';
import type { Store } from './store.js';

/** It is relieved down to here, so that not every pass has to. */
const TARGET_SHARE = 0.95;
/** Messages are not removed below this share, whatever channels and publishers take. */
const MESSAGES_SHARE = 0.2;
/** Nor channels below this one. */
const FRAME_SHARE = 0.5;
/**
 * A publisher may go this share of its time after its last message: a first message that it repeats is refused as that of
 * an unknown one after half of it, by the age that came with it.
 */
const QUIET_SHARE = 0.6;
/** Where too few could be forgotten, all channels are looked at again after this time. */
const PAUSE_MS = 5_000;

export class Relief {
  readonly #store: Store;
  #forgetAt = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  pass(now: number): void {
    if (!this.#isOver(1)) return;
    if (now >= this.#forgetAt) this.#forgetQuiet(now);
    if (this.#isOver(1)) this.#removeOldest(now);
  }

  #isOver(share: number): boolean {
    const { bytes, frameBytes, logs, options } = this.#store;
    return bytes + frameBytes > options.historyBytesPerNode * share || logs.size >= LIMITS.channelLogsMax * share;
  }

  #forgetQuiet(now: number): void {
    const store = this.#store;
    const least = store.options.historyBytesPerNode * FRAME_SHARE;
    const many = LIMITS.channelLogsMax * FRAME_SHARE;
    if (store.frameBytes <= least && store.logs.size <= many) return;
    const quiet = [...store.logs.values()].filter((log) => isQuiet(store, log, now));
    quiet.sort((a, b) => a.touchedAt - b.touchedAt);
    const lineages = new Set<Lineage>();
    for (const log of quiet) {
      if (!this.#isOver(TARGET_SHARE) || (store.frameBytes <= least && store.logs.size <= many)) break;
      for (const strand of log.strands.values()) {
        dropThrough(store, strand, strand.last, now);
        lineages.add(strand.lineage);
      }
      forget(store, log);
    }
    for (const lineage of lineages) lineage.compact();
    this.#forgetAt = now + PAUSE_MS;
  }

  #removeOldest(now: number): void {
    const store = this.#store;
    const ceiling = store.options.historyBytesPerNode;
    const target = Math.max(ceiling * TARGET_SHARE - store.frameBytes, ceiling * MESSAGES_SHARE);
    if (store.bytes <= target) return;
    const byAge: { readonly log: ChannelLog; readonly oldest: number }[] = [];
    for (const log of store.logs.values()) if (log.count > 0) byAge.push({ log, oldest: oldestIn(log) });
    byAge.sort((a, b) => a.oldest - b.oldest);
    for (const { log } of byAge) {
      if (store.bytes <= target) return;
      log.lastTrim = 'size';
      if (log.slot.open) {
        for (let n = Math.ceil(log.order.length / 4); n > 0; n--) removeFirst(store, log, now);
        tellIfMuch(store, log);
      } else {
        for (const strand of log.strands.values()) {
          for (let n = Math.ceil(strand.items.length / 4); n > 0; n--) {
            dropThrough(store, strand, strand.items.peek()!.s, now);
          }
        }
      }
    }
  }
}

/** Neither its publishers nor its ids are needed any more, and none of its messages is still to be ordered. */
function isQuiet(store: Store, log: ChannelLog, now: number): boolean {
  const { publisherTtlMs, idTtlMs } = store.options;
  // a copy keeps no chains, and does not look into its messages
  const isUnnumbered = log.slot.open && log.chains.size === 0;
  const oldest = now - (isUnnumbered ? idTtlMs : publisherTtlMs * QUIET_SHARE);
  if (log.touchedAt > oldest) return false;
  for (const { seenAt } of log.chains.values()) if (seenAt > oldest) return false;
  if (!log.slot.open) return true;
  for (const { next, items } of log.strands.values()) if (next < items.end) return false;
  return true;
}

function oldestIn(log: ChannelLog): number {
  let oldest = Number.POSITIVE_INFINITY;
  for (const strand of log.strands.values()) {
    const first = strand.items.peek();
    if (first !== undefined && first.bornAt < oldest) oldest = first.bornAt;
  }
  return oldest;
}
