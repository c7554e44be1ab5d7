/**
 * What the delivery core passes around: entries of lineages, requests to append, answers, reads and gaps.
 * Channels (owner and copies), routing (any node), feeds (readers) and sessions all speak these types.
 */
import type { Data, GapReason } from '../../wire/client.js';
import type { AppendResult, Entry } from '../../wire/entry.js';
import type { NodeId } from '../../wire/ids.js';
import type { Position } from '../../wire/position.js';

export type { AppendResult, Entry } from '../../wire/entry.js';
export { idOf, positionAfter } from '../../wire/entry.js';

export interface Gap {
  readonly reason: GapReason;
  /** Where the reader is after the gap. */
  readonly position: Position;
}

/** A message on its way to its owner, wherever it entered. One object from arrival to answer: no closure, no promise. */
export interface AppendRequest {
  readonly channel: string;
  /** '' where the id is made of publisher and seq, as `idOf` says: most are, and a text each would have to be kept. */
  readonly ownId: string;
  readonly publisher: string;
  readonly seq: number;
  readonly data: Data;
  /** Own clock, ms: when this node got it, less the age it came with. */
  readonly firstTriedAt: number;
  /** undefined where it entered at this node. */
  readonly passedOn?: PassedOn | undefined;
  /** Called once, synchronously or later. */
  done(result: AppendResult): void;
}

/** Of a publish that another node passed on: that node may give the answer, rather than wait for this one to. */
export interface PassedOn {
  readonly by: NodeId;
  /** It gives this answer once it holds the entry that the position names. What `done` says of success later stays here. */
  entrust(result: AppendResult): void;
  /** It did not take the entry: `done` answers after all, at once where it was called before. */
  withdraw(): void;
}

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
