/**
 * What the delivery core passes around: entries of lineages, requests to append, answers, reads and gaps.
 * Channels (owner and copies), routing (any node), feeds (readers) and sessions all speak these types.
 */
import type { Data, GapReason } from '../../wire/client.js';
import type { ErrorCode } from '../../wire/errors.js';
import type { LineageId } from '../../wire/ids.js';
import type { Position } from '../../wire/position.js';

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

/** The opaque position after an entry, as this node orders the channel. */
export function positionAfter(entry: Entry): string {
  return `1~${entry.lid}.${entry.s.toString(36)}${entry.others ?? ''}`;
}

export interface Gap {
  readonly reason: GapReason;
  /** Where the reader is after the gap. */
  readonly position: Position;
}

/** A message on its way to its owner, wherever it entered. One object from arrival to answer: no closure, no promise. */
export interface AppendRequest {
  readonly channel: string;
  readonly id: string;
  readonly publisher: string;
  readonly seq: number;
  readonly data: Data;
  /** Own clock, ms: when this node got it, less the age it came with. */
  readonly firstTriedAt: number;
  /** Called once, synchronously or later. */
  done(result: AppendResult): void;
}

export type AppendResult =
  | { readonly ok: true; readonly id: string; readonly position: string; readonly copies: number }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/** What a reader gets that comes from a position: what it missed, in the channel's order. */
export interface ReadResult {
  /** Sent before the entries; null where nothing is missing. */
  readonly gap: Gap | null;
  readonly entries: readonly Entry[];
  /** Where the reader is after the entries. */
  readonly position: Position;
  /** False: more is there, read on from `position`. */
  readonly complete: boolean;
  /** True where this node cannot vouch for a lineage in the reader's position yet: ask again, do not declare a gap. */
  readonly catchingUp: boolean;
}
