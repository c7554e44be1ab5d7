/**
 * One channel as this client reads it: which message is new, which was had before, which comes too early. Where a
 * publisher numbers its messages the chain decides; else the position does; else the id. Wrong never, late at worst.
 */
import type { After, GapReason, WireMessage } from '../../wire/client.js';
import type { LineageId } from '../../wire/ids.js';
import { CLIENT_LIMITS } from './limits.js';
import type { ClientDefences, ExportedChannel } from './ports.js';
import { entryOf, lineageOf, PositionVector } from './vector.js';

/** `hole`: the publisher's previous message is missing; read again from `rewindTo`. */
export type Verdict = 'new' | 'had' | 'hole';

interface Mark {
  seq: number;
  /** Where this reader was just after it: reading on from here brings the next one. */
  position: string;
  /** The mark was set after the last gap: the next message must be seq + 1. */
  allowance: number;
}

export class ChannelReader {
  readonly channel: string;
  /** The user's own channel: subscribed by connecting. */
  own = false;
  /** The application has more than it can take: nothing is read until it has caught up. */
  paused = false;
  /** Waits for this moment to ask for the subscription again. */
  retryAt = Number.POSITIVE_INFINITY;
  /** Where to read on to fill the hole that `check` found. */
  rewindTo = '';
  readonly #after: After;
  readonly #defences: ClientDefences;
  readonly #vector: PositionVector;
  /** `now` has been told where that is. */
  #located: boolean;
  readonly #marks = new Map<string, Mark>();
  readonly #ids = new Set<string>();
  /** Grows with each gap: a chain may jump once in each. */
  #allowance = 0;
  #hole = { publisher: '', seq: 0, tries: 0 };

  constructor(channel: string, after: After, defences: ClientDefences, restored?: ExportedChannel) {
    this.channel = channel;
    this.#defences = defences;
    this.#after = after === 'now' || after === 'start' ? after : '';
    this.#vector = new PositionVector(this.#after === '' ? after : undefined);
    this.#located = this.#after === '';
    for (const [publisher, seq] of restored?.marks ?? []) this.#mark(publisher, seq, this.#vector.format());
    for (const id of restored?.ids ?? []) this.#ids.add(id);
  }

  /** Where a subscription goes on, on any node. A channel in which there is nothing yet has a position too, `1~`. */
  get resume(): After {
    return this.isLocated ? this.#vector.format() : this.#after;
  }

  get isLocated(): boolean {
    return this.#located || this.#vector.known;
  }

  get position(): string {
    return this.#vector.format();
  }

  /** A subscription from `now` learns where that was. From `start` it is nowhere until the first message. */
  started(position: string): void {
    if (this.isLocated || this.#after !== 'now') return;
    this.#vector.merge(position);
    this.#located = true;
  }

  check(m: WireMessage): Verdict {
    const lid = lineageOf(m.position);
    const s = entryOf(m.position);
    const { publisher, seq } = m;
    if (publisher === undefined || seq === undefined) {
      return this.#positionHas(lid, s) || this.#ownIdHas(m) ? this.#skip(m, lid, s) : 'new';
    }
    const mark = this.#marks.get(publisher);
    if (mark === undefined) {
      return this.#positionHas(lid, s) || this.#ownIdHas(m) ? this.#skip(m, lid, s) : 'new';
    }
    if (seq <= mark.seq) return this.#defences.alias || this.#positionHas(lid, s) ? this.#skip(m, lid, s) : 'new';
    if (seq > mark.seq + 1 && mark.allowance === this.#allowance && this.#defences.chain) {
      return this.#findHole(publisher, mark);
    }
    return this.#ownIdHas(m) ? this.#skip(m, lid, s) : 'new';
  }

  /** A new message: from here on it counts as had. Returns the text that resumes after it. */
  accept(m: WireMessage): string {
    const position = this.#vector.advance(m.position, lineageOf(m.position), entryOf(m.position));
    if (m.publisher !== undefined && m.seq !== undefined) this.#mark(m.publisher, m.seq, position);
    if (!isDerived(m)) this.#remember(m.id);
    return position;
  }

  /** The position moves without a message. */
  moved(position: string): void {
    this.#vector.merge(position);
  }

  covers(position: string): boolean {
    return this.#vector.covers(position);
  }

  /** Messages before `position` are missing: each publisher's chain may jump once. */
  gapped(position: string, reason: GapReason): void {
    if (reason === 'size' || reason === 'age' || reason === 'overflow') this.#vector.merge(position);
    else this.#vector.keepOnly(position);
    this.allowJumps();
  }

  allowJumps(): void {
    this.#allowance++;
  }

  /** What this publisher's chain lacks does not come any more; the others' chains still must not jump. */
  allowJump(publisher: string): void {
    const mark = this.#marks.get(publisher);
    if (mark !== undefined) mark.allowance = -1;
  }

  /** The hole was looked for often enough: what is missing does not exist any more. */
  get holeIsLost(): boolean {
    return this.#hole.tries > CLIENT_LIMITS.holeTriesMax;
  }

  export(): ExportedChannel {
    return {
      position: this.resume,
      marks: [...this.#marks].map(([publisher, mark]) => [publisher, mark.seq] as const),
      ids: [...this.#ids],
    };
  }

  #findHole(publisher: string, mark: Mark): Verdict {
    const known = this.#hole.publisher === publisher && this.#hole.seq === mark.seq;
    this.#hole = { publisher, seq: mark.seq, tries: known ? this.#hole.tries + 1 : 1 };
    this.rewindTo = mark.position;
    return 'hole';
  }

  #positionHas(lid: LineageId, s: number): boolean {
    return this.#defences.position && s <= this.#vector.entry(lid);
  }

  #idHas(id: string): boolean {
    return this.#defences.alias && this.#ids.size > 0 && this.#ids.has(id);
  }

  /** Some other message had this id; or it is the one that another publisher session once gave a message of its chain. */
  #ownIdHas(m: WireMessage): boolean {
    if (this.#idHas(m.id)) return true;
    if (isDerived(m) || !this.#defences.alias) return false;
    const dot = m.id.lastIndexOf('.');
    const mark = dot < 0 ? undefined : this.#marks.get(m.id.slice(0, dot));
    return mark !== undefined && Number(m.id.slice(dot + 1)) <= mark.seq;
  }

  /** Had before, but perhaps in another lineage, or under another publisher session: both count as had from now on. */
  #skip(m: WireMessage, lid: LineageId, s: number): Verdict {
    const position = this.#vector.advance(m.position, lid, s);
    if (m.publisher !== undefined && m.seq !== undefined) {
      const mark = this.#marks.get(m.publisher);
      if (mark === undefined || mark.seq < m.seq) this.#mark(m.publisher, m.seq, position);
    }
    return 'had';
  }

  #mark(publisher: string, seq: number, position: string): void {
    const mark = this.#marks.get(publisher);
    if (mark === undefined) {
      this.#marks.set(publisher, { seq, position, allowance: this.#allowance });
      if (this.#marks.size > CLIENT_LIMITS.marksPerChannel) this.#marks.delete(this.#marks.keys().next().value!);
      return;
    }
    mark.seq = seq;
    mark.position = position;
    mark.allowance = this.#allowance;
    // the order of use matters only once someone must go
    if (this.#marks.size < CLIENT_LIMITS.marksPerChannel / 2) return;
    this.#marks.delete(publisher);
    this.#marks.set(publisher, mark);
  }

  #remember(id: string): void {
    this.#ids.add(id);
    if (this.#ids.size > CLIENT_LIMITS.idsPerChannel) this.#ids.delete(this.#ids.values().next().value!);
  }
}

/** The node names a message of a chain after its place there, unless the publisher gave an id of its own. */
function isDerived(m: WireMessage): boolean {
  const { id, publisher } = m;
  if (publisher === undefined || !id.startsWith(publisher) || id[publisher.length] !== '.') return false;
  return id.slice(publisher.length + 1) === String(m.seq);
}

/** The message as the application gets it. */
export function forApplication(m: WireMessage, position: string): WireMessage {
  const { id, channel, data, time, publisher, seq } = m;
  if (publisher === undefined || seq === undefined) return { id, channel, data, position, time };
  return { id, channel, data, position, time, publisher, seq };
}
