/**
 * What the node core offers to its drivers (transports, HTTP, links) and what it asks of them. The core is pure: every
 * call brings `now`, a monotonic time in ms; everything it wants leaves through the ports, synchronously, and nothing
 * a port does may call back into the core before the current step is over. node.ts implements it.
 */
import type { After, ClientMessage } from '../wire/client.js';
import type { ErrorBody } from '../wire/errors.js';
import type { Boot, NodeId, Slot } from '../wire/ids.js';
import type { Position } from '../wire/position.js';
import type { JournalPort, Restored } from './channel/ports.js';
import type { AppendRequest, Entry } from './channel/types.js';
import type { MemberState } from './membership/types.js';
import type { Random } from './random.js';
import type { Grants, SessionRequest, SessionSink } from './session/types.js';

/** One client's state on this node. The transport calls `onMessage` for what arrives and `onClosed` once at the end. */
export interface SessionHandle {
  readonly user: string;
  /** Set anew by the transport when the client brings a fresh token. */
  grants: Grants;
  onMessage(message: ClientMessage, now: number): void;
  onClosed(now: number): void;
}

export interface HistoryResult {
  readonly entries: readonly Entry[];
  readonly position: Position;
  readonly gap: boolean;
}

export type Answer<T> = (
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ErrorBody },
) => void;

export interface NodeInfo {
  readonly id: NodeId;
  /** Which start of the node it is: rises with each. */
  readonly boot: Boot;
  readonly url: string;
  readonly state: MemberState;
  readonly weight: number;
  readonly zone: string;
  /** Slots it owns now. */
  readonly slots: number;
  /** Client connections, as it last said; -1 where it has not said yet. */
  readonly connections: number;
  readonly version: string;
}

export interface ClusterInfo {
  readonly cluster: string;
  readonly iteration: string;
  readonly slots: number;
  readonly copies: number;
  readonly acks: number;
  readonly self: NodeId;
  /** Clients a second that the node that answers takes over from others, and what it holds of history, in bytes. */
  readonly moveRate: number;
  readonly historyBytes: number;
  readonly nodes: readonly NodeInfo[];
  /** owners[slot] is an index into `nodes`, -1 where nobody owns it. */
  readonly owners: readonly number[];
}

export interface Location {
  readonly channel: string;
  readonly slot: Slot;
  readonly iteration: string;
  readonly owner: { readonly id: NodeId; readonly url: string };
  readonly copies: readonly { readonly id: NodeId; readonly url: string }[];
}

export type NodeState = 'starting' | 'joining' | 'serving' | 'draining' | 'left';

export interface DrainProgress {
  readonly phase: 'copying' | 'moving' | 'leaving' | 'left';
  readonly slotsLeft: number;
  readonly sessionsLeft: number;
  /** Entries that no other node is known to hold in enough copies yet. */
  readonly entriesLeft: number;
}

export interface NodeCore {
  readonly state: NodeState;
  readonly id: NodeId;
  readonly boot: Boot;

  // clients and apps
  openSession(sink: SessionSink, request: SessionRequest, now: number): SessionHandle;
  /** Routes to the owner over at most two hops; answered when `acks` nodes hold it. */
  publish(request: AppendRequest, now: number): void;
  history(channel: string, after: After, limit: number, answer: Answer<HistoryResult>, now: number): void;
  presence(channel: string, answer: Answer<readonly string[]>, now: number): void;
  locate(channel: string): Location;
  /** Where a user (`@user`) or an anonymous reader of a channel is best served. */
  homeOf(channel: string): { readonly self: boolean; readonly id: NodeId; readonly url: string };
  cluster(): ClusterInfo;
  /** What is held and served here, in numbers. */
  readonly channels: { stats(): Readonly<Record<string, number>> };

  // links: FIFO while up, a suffix of what was sent is lost when one breaks
  /** `dialled`: the seed's URL where the link came from a `dial`. */
  onLinkUp(peer: NodeId, boot: Boot, now: number, dialled?: string): void;
  /** `refused`: nobody listens at its address any more. `idle`: closed on purpose, which says nothing of the peer. */
  onLinkDown(peer: NodeId, why: 'closed' | 'refused' | 'timeout' | 'idle', now: number): void;
  /** `self`: the URL leads back to this node. */
  onDialFailed(url: string, why: 'refused' | 'timeout' | 'rejected' | 'self', now: number): void;
  onFrame(peer: NodeId, bytes: Uint8Array, now: number): void;

  // life
  /** Takes up what a former process of this node wrote to its journal. Before `start`, if at all. */
  restore(records: Iterable<Uint8Array>, now: number): Restored;
  start(now: number): void;
  /** Called at `nextWakeAt` or earlier; a late call is how a stall of the event loop is noticed. */
  tick(now: number): void;
  nextWakeAt(): number;
  /** After each turn of the event loop in which `flushSoon` was called: answers, delivers, and sends one frame a link. */
  flush(now: number): void;
  drain(now: number): void;
}

export interface NodePorts {
  readonly random: Random;
  /** Absent where history is kept in memory only. */
  readonly journal?: JournalPort;
  /** Hands a frame to the link with `peer`, opening one to its advertised URL where there is none. Lost if that fails. */
  sendFrame(peer: NodeId, url: string, bytes: Uint8Array): void;
  /** Closes the link with a peer that has left, was replaced, or (`misbehaved`) sent what an honest one cannot send. */
  closeLink(peer: NodeId, why: 'unneeded' | 'misbehaved', reason: string): void;
  /** Opens a link to whoever answers there: seeds and members not heard of for a while. */
  dial(url: string): void;
  /** Called at most once per step: the core has frames to send and wants `flush` after this turn of the event loop. */
  flushSoon(): void;
  /** Part of `flush`: what sessions were given may be written now. What comes after it can wait that long. */
  deliver(): void;
  sign(bytes: Uint8Array): Uint8Array;
  verify(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean;
  /** The node id that belongs to a public key. */
  idOf(key: Uint8Array): NodeId;
  /** Milliseconds since 1970, for display. */
  wallNow(): number;
  stateChanged(state: NodeState): void;
  drained(progress: DrainProgress): void;
  /**
   * A later boot of this very identity is about. A node that has just started was given too low a boot and starts over
   * above `boot`; an older one has been replaced and stops.
   */
  superseded(boot: Boot): void;
  log(topic: string, text: string): void;
}
