/** What feeds need from the rest of the node. */
import type { NodeId, Slot } from '../../wire/ids.js';
import type { Position } from '../../wire/position.js';
import type { RoutingMessage } from '../../wire/routing.js';
import type { ReadResult } from '../channel/types.js';

export interface FeedPorts {
  readonly self: NodeId;
  send(to: NodeId, message: RoutingMessage): void;
  slotOf(channel: string): Slot;
  /** By the adopted table; undefined where nobody owns the slot. */
  ownerOf(slot: Slot): NodeId | undefined;
  /** Whether this node serves the slot itself: it is the owner by its own table. */
  owns(slot: Slot): boolean;
  read(channel: string, after: 'start' | Position, limit: number, now: number): ReadResult;
  head(channel: string): Position;
  /** For a planted bug only: a gap is told after what follows the hole. */
  readonly lateGaps?: boolean;
}
