/**
 * The owner's and the copies' side of all channels: lineages, commit, replication, taking slots over, merge, order,
 * retention and reads from a position. The four rules of DESIGN.md (R1 to R4) are kept here and nowhere else.
 * Calls only queue; `flush`, called once at the end of a turn, commits, answers, and sends one batch to each peer.
 */
import type { Boot, NodeId, Slot } from '../../wire/ids.js';
import type { Position } from '../../wire/position.js';
import type { ReplicationMessage } from '../../wire/replication.js';
import type { Random } from '../random.js';
import type { Table } from '../table/types.js';
import type { ChannelsOptions } from './options.js';
import type { AppendRequest, Entry, Gap, ReadResult } from './types.js';

export interface ChannelsPorts {
  /** FIFO per peer while the link is up; when it breaks a suffix is lost, and onPeerDown, onPeerUp follow. */
  send(to: NodeId, message: ReplicationMessage): void;
  readonly random: Random;
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
  /** A broken invariant: stop the process. */
  log(topic: string, text: string): void;
}

/** What a node that leaves, or gives a slot away, has not yet seen confirmed elsewhere. */
export interface Handover {
  readonly slotsLeft: number;
  readonly entriesLeft: number;
}

export interface LivePeer {
  readonly id: NodeId;
  readonly boot: Boot;
}

export interface ChannelsApi {
  /** The adopted table, and who lives, at which boot. */
  setTable(table: Table, live: readonly LivePeer[], now: number): void;
  /** The table as it would be once a joining node is alive or a draining one has left; null when nobody is on the move. */
  setNext(next: Table | null, now: number): void;
  onPeerUp(peer: NodeId, boot: Boot, now: number): void;
  onPeerDown(peer: NodeId, now: number): void;
  onMessage(from: NodeId, message: ReplicationMessage, now: number): void;
  /** Only where this node owns the channel by its own table; otherwise answered `moved`. */
  append(request: AppendRequest, now: number): void;
  /** This node is the slot's owner by its own table (it may still be taking it over). */
  owns(slot: Slot): boolean;
  /** And it serves it: what it had to take over is here. */
  serves(slot: Slot): boolean;
  read(channel: string, after: Position | 'start', limit: number, now: number): ReadResult;
  head(channel: string): Position;
  /** A joiner fetches everything that it will hold under `next` before it turns alive. */
  prepare(next: Table, now: number): void;
  readonly prepared: boolean;
  handover(now: number): Handover;
  tick(now: number): void;
  nextWakeAt(): number;
  /** Once at the end of each turn in which any of the above was called. */
  flush(now: number): void;
  readonly needsFlush: boolean;
}

export type ChannelsConstructor = new (options: ChannelsOptions, self: LivePeer, ports: ChannelsPorts) => ChannelsApi;
