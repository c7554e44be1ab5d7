/** A stored message as nodes hand it to each other and to transports, and the answer to a publish. */
import type { Data } from './client.js';
import type { ErrorCode } from './errors.js';
import type { LineageId } from './ids.js';

/** One message in one lineage. (lid, s) names it for ever. Immutable but for `others`, set once when it is ordered. */
export interface Entry {
  readonly lid: LineageId;
  /** 1, 2, 3 … in the lineage, over all channels of the slot. */
  readonly s: number;
  /** The previous s of the same channel in this lineage; 0 if none. */
  readonly prev: number;
  readonly channel: string;
  readonly id: string;
  /** '' and 0 where the publisher does not number its messages. */
  readonly publisher: string;
  readonly seq: number;
  /** Milliseconds since 1970 at the owner; for display only, no rule compares it. */
  readonly time: number;
  readonly data: Data;
  /**
   * The rest of the position after this entry in this node's order of the channel: `~<lid>.<s>…` for the other
   * lineages, '' where there is just one. undefined until the entry is ordered here.
   */
  others: string | undefined;
}

/** The id of a message. */
export function idOf(m: { readonly ownId: string; readonly publisher: string; readonly seq: number }): string {
  return m.ownId === '' ? `${m.publisher}.${m.seq}` : m.ownId;
}

/** The opaque position after an entry, as this node orders the channel. */
export function positionAfter(entry: Pick<Entry, 'lid' | 's' | 'others'>): string {
  return `1~${entry.lid}.${entry.s.toString(36)}${entry.others ?? ''}`;
}

export type AppendResult =
  | { readonly ok: true; readonly id: string; readonly position: string; readonly copies: number }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };
