/**
 * Whoever reads a channel on this node: a session, or a peer node on behalf of its own sessions. Both subscribe from a
 * position and are served by the same code, so recovery, moving, relaying and failover are one operation.
 */
import type { LineageId } from '../../wire/ids.js';
import { formatPosition, mergePositions, type Position, parsePosition } from '../../wire/position.js';
import { type Entry, type Gap, positionAfter } from '../channel/types.js';

/**
 * `waiting`: for its feed to be established, to start at `after`. `catching`: reads from its own cursor towards the
 * head. `live`: gets what the feed gets. `gone`: detached, nothing may reach it.
 */
export type ReaderState = 'waiting' | 'catching' | 'live' | 'gone';

export abstract class Reader {
  readonly channel: string;
  state: ReaderState = 'waiting';
  /** Where it starts, or, while catching, where it is. */
  after: 'now' | 'start' | Position;
  /** `started` has been called for this subscription. */
  told = false;
  /** A read from the owner is under way (its request number), else 0. */
  readReq = 0;
  /**
   * Lineages in which this live reader has more than its feed, as after a partition: entries up to there are skipped
   * for it. null nearly always, and then the hot path costs nothing.
   */
  ahead: Map<LineageId, number> | null = null;

  constructor(channel: string, after: 'now' | 'start' | Position) {
    this.channel = channel;
    this.after = after;
  }

  abstract started(position: string, recovered: boolean): void;
  /** The hot path; the entry is the same object for every live reader of the channel. */
  abstract entry(entry: Entry): void;
  abstract gapped(gap: Gap): void;
  abstract moved(position: Position): void;

  /** An entry for a live reader that is ahead of its feed in some lineage. */
  entryBeyond(entry: Entry): void {
    const ahead = this.ahead!;
    const known = ahead.get(entry.lid) ?? 0;
    if (known <= entry.s) ahead.delete(entry.lid);
    if (known < entry.s) this.entryAfter(ahead, entry);
    if (ahead.size === 0) this.ahead = null;
  }

  /**
   * The entry for a reader that has `had` as well: its position says so too, or a reader that keeps nothing but the
   * last position would be sent again what it had before.
   */
  entryAfter(had: Position, entry: Entry): void {
    if (had.size === 0 || (had.size === 1 && had.has(entry.lid))) return this.entry(entry);
    const position = new Map(mergePositions(parsePosition(positionAfter(entry)), had));
    position.delete(entry.lid);
    // field by field: an entry of the log derives some of them
    const { lid, s, prev, channel, id, publisher, seq, time, data } = entry;
    const others = `~${formatPosition(position).slice(2)}`;
    this.entry({ lid, s, prev, channel, id, publisher, seq, time, data, others });
  }

  /** Goes live with a feed at `head`, from where it is itself. */
  goLive(at: Position, head: Position): void {
    let ahead: Map<LineageId, number> | null = null;
    for (const [lid, s] of at) {
      if (s <= (head.get(lid) ?? 0)) continue;
      ahead ??= new Map();
      ahead.set(lid, s);
    }
    this.ahead = ahead;
    this.after = 'now';
    this.state = 'live';
  }
}
