/**
 * One channel's stream on this node: where it comes from (this node owns the channel, or the owner streams it here),
 * how far it has come, and who reads it. A feed exists while it has readers. It keeps no history. Most feeds have one
 * reader and no message yet: they own no map and no set, which saves half a kilobyte for each idle user.
 */
import type { LineageId, NodeId, Slot } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import { mergePositions, type Position } from '../../wire/position.js';
import type { Entry, Gap } from '../channel/types.js';
import type { Reader } from './reader.js';

export type Upstream =
  /** No source: try again at `retryAt` (ms), doubling `backoffMs`. */
  | { readonly kind: 'none'; readonly retryAt: number; readonly backoffMs: number }
  | { readonly kind: 'local' }
  /** The owner was asked; `serial` tells its answers from those to earlier questions. */
  | {
      readonly kind: 'asked';
      readonly node: NodeId;
      readonly serial: number;
      readonly askedAt: number;
      readonly backoffMs: number;
    }
  /** `taken` counts the entries that came under this serial. */
  | { readonly kind: 'remote'; readonly node: NodeId; readonly serial: number; taken: number };

/** One for all feeds of channels that this node serves. */
export const LOCAL: Upstream = { kind: 'local' };

/** Never written to. */
const NOWHERE = new Map<LineageId, number>();
const NOBODY: ReadonlySet<Reader> = new Set();

export class Feed {
  readonly channel: string;
  readonly slot: Slot;
  upstream: Upstream = { kind: 'none', retryAt: 0, backoffMs: 0 };
  #cursor = NOWHERE;
  #live: Reader[] = [];
  #behind: Set<Reader> | null = null;

  constructor(channel: string, slot: Slot) {
    this.channel = channel;
    this.slot = slot;
  }

  /** Where its live readers are. */
  get cursor(): ReadonlyMap<LineageId, number> {
    return this.#cursor;
  }

  set cursor(position: Position) {
    this.#cursor = position.size === 0 ? NOWHERE : new Map(position);
  }

  get live(): readonly Reader[] {
    return this.#live;
  }

  /** Readers in state `waiting` or `catching`. */
  get behind(): ReadonlySet<Reader> {
    return this.#behind ?? NOBODY;
  }

  get empty(): boolean {
    return this.#live.length === 0 && this.#behind === null;
  }

  get established(): boolean {
    return this.upstream.kind === 'local' || this.upstream.kind === 'remote';
  }

  addBehind(reader: Reader): void {
    this.#behind ??= new Set();
    this.#behind.add(reader);
  }

  addLive(reader: Reader): void {
    this.#leaveBehind(reader);
    // an empty list would make room for 17
    if (this.#live.length === 0) this.#live = [reader];
    else this.#live.push(reader);
  }

  /** Its live readers, who are so no longer. */
  takeLive(): readonly Reader[] {
    const live = this.#live;
    this.#live = [];
    return live;
  }

  remove(reader: Reader): void {
    reader.state = 'gone';
    if (this.#leaveBehind(reader)) return;
    const i = this.#live.indexOf(reader);
    if (i < 0) return;
    // order among readers means nothing: the last one takes the free place
    this.#live[i] = this.#live[this.#live.length - 1]!;
    this.#live.pop();
  }

  #leaveBehind(reader: Reader): boolean {
    if (this.#behind === null || !this.#behind.delete(reader)) return false;
    if (this.#behind.size === 0) this.#behind = null;
    return true;
  }

  /** The data plane: one message to all live readers. */
  deliver(entry: Entry): void {
    if (this.#cursor === NOWHERE) this.#cursor = new Map();
    this.#raise(entry);
    const live = this.#live;
    for (let i = 0; i < live.length; i++) {
      const reader = live[i]!;
      if (reader.ahead === null) reader.entry(entry);
      else reader.entryBeyond(entry);
    }
  }

  /** Where there are too many lineages, the one goes that was raised longest ago. */
  #raise(entry: Entry): void {
    const cursor = this.#cursor;
    if (cursor.size >= LIMITS.positionLineagesMax) {
      if (!cursor.delete(entry.lid)) cursor.delete(cursor.keys().next().value!);
    }
    cursor.set(entry.lid, entry.s);
  }

  gap(gap: Gap): void {
    this.moveTo(gap.position);
    for (const reader of this.#live) {
      const { ahead } = reader;
      reader.gapped(ahead === null ? gap : { ...gap, position: mergePositions(gap.position, ahead) });
    }
  }

  /** The position moves on without a message. */
  move(position: Position): void {
    this.moveTo(position);
    for (const reader of this.#live) {
      reader.moved(reader.ahead === null ? position : mergePositions(position, reader.ahead));
    }
  }

  moveTo(position: Position): void {
    this.cursor = mergePositions(this.#cursor, position);
  }
}
