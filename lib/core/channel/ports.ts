/** What the channel side of a node asks of the rest, and what it says of its peers. */
import type { Boot, NodeId, Slot } from '../../wire/ids.js';
import type { Position } from '../../wire/position.js';
import type { ReplicationMessage } from '../../wire/replication.js';
import type { Random } from '../random.js';
import type { Entry, Gap } from './types.js';

export interface ChannelsPorts {
  /** FIFO per peer while the link is up; when it breaks a suffix is lost, and onPeerDown, onPeerUp follow. */
  send(to: NodeId, message: ReplicationMessage): void;
  readonly random: Random;
  /** Absent where what is held is kept in memory only. */
  readonly journal?: JournalPort | undefined;
  /** Milliseconds since 1970, for display. */
  wallNow(): number;
  /** Newly committed and ordered here, where this node owns the channel: deliver in this order. */
  ordered(channel: string, entries: readonly Entry[], now: number): void;
  /** Live readers of the channel here must be told of this before anything that follows. */
  gapped(channel: string, gap: Gap, now: number): void;
  /** The readers' position moves without a message. */
  moved(channel: string, position: Position, now: number): void;
  /** This node began to serve these slots (`gained`: reads and live order are valid), or ceased to own them (`lost`). */
  ownershipChanged(gained: readonly Slot[], lost: readonly Slot[], now: number): void;
  log(topic: string, text: string): void;
}

/** What was to be written down could not be. The node must stop: nothing may leave that it would not find again. */
export class JournalError extends Error {
  override readonly name: string = 'JournalError';
}

/**
 * Where a node keeps what it holds beyond its own end. Records are opaque: whoever stores them gives them back as they
 * are, in the order in which they were appended.
 */
export interface JournalPort {
  /**
   * Returns once the operating system has it, so that it outlives this process.
   * @throws JournalError where that fails: this step's messages, confirmations and answers must not leave then
   */
  append(record: Uint8Array): void;
  /** What is appended from here on will stand for everything that is held, once `complete` says so. */
  begin(): void;
  /** All records from before `begin` may go. */
  complete(): void;
}

/** What a node found when it read its journal. */
export interface Restored {
  readonly messages: number;
  readonly channels: number;
  readonly bytes: number;
  /** Records that could not be read, or that did not fit what came before them. */
  readonly damaged: number;
}

export interface LivePeer {
  readonly id: NodeId;
  readonly boot: Boot;
}

export interface SelfPeer extends LivePeer {
  /** It was told of nobody to join; the default. */
  readonly founded?: boolean;
}

/** What a node that leaves, or gives a slot away, has not yet seen confirmed elsewhere. */
export interface Handover {
  readonly slotsLeft: number;
  readonly entriesLeft: number;
  /** Age of the oldest of these entries; 0 where there is none. Under load there is always one that just came. */
  readonly oldestMs: number;
}
