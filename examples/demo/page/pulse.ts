/**
 * What the demo tells its page, twice a second, through the cluster itself: on the channel `demo:pulse`. Types only; the
 * page polls nothing of this from the demo's process, so it keeps working whichever node serves it.
 */

export const PULSE_CHANNEL = 'demo:pulse';

export type NodeStatus = 'starting' | 'serving' | 'draining' | 'killed' | 'left';

export interface PulseNode {
  /** 1, 2, 3 … in order of start; never given twice. */
  readonly number: number;
  readonly id: string;
  readonly url: string;
  readonly pid: number;
  readonly status: NodeStatus;
}

export interface PulseUser {
  readonly name: string;
  readonly room: string;
  /** Number of the node that serves this user; 0 while it is on its way. */
  readonly node: number;
}

export interface PulseTotals {
  /** Messages that a node has acknowledged. */
  readonly published: number;
  /** Messages that reached a user's callback for the first time. */
  readonly delivered: number;
  /** Acknowledged longer ago than `missingAfterMs` and not delivered to a user who was in the room all the time. */
  readonly missing: number;
  /** Messages that reached a callback a second time. */
  readonly repeated: number;
  /** Moves of a user from one node to another. */
  readonly moved: number;
  /** From `publish` to the callback, over the last deliveries; -1 before the first. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Deliveries a second, over the last seconds. */
  readonly perSecond: number;
}

export interface PulseEvent {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly kind: 'start' | 'kill' | 'drain' | 'recovered' | 'left' | 'trouble';
  /** Number of the node it is about; 0 for none. */
  readonly node: number;
  readonly text: string;
}

export interface Pulse {
  readonly rooms: readonly string[];
  readonly nodes: readonly PulseNode[];
  readonly users: readonly PulseUser[];
  readonly totals: PulseTotals;
  /** The newest last, at most `EVENTS_KEPT`. */
  readonly events: readonly PulseEvent[];
}

export const EVENTS_KEPT = 6;

/** Data of a message in a room. `n` counts the messages of the demo's own users; a visitor's message has none. */
export interface ChatData {
  readonly nick: string;
  readonly text: string;
  readonly action?: boolean;
  readonly n?: number;
}

export function roomChannel(room: string): string {
  return `room:${room}`;
}
