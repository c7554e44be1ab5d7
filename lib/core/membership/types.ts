/** What a membership shows to the rest of the node, and what it needs from it. */
import type { NodeId } from '../../wire/ids.js';
import type { Claim, MemberRecord, MembershipMessage, SignedState } from '../../wire/membership.js';
import type { Random } from '../random.js';
import type { MemberIndex } from './view.js';

/** What the node itself says, overruled by what was found out about it. `forgotten` is never shown, only reported. */
export type MemberState = SignedState | 'suspect' | 'failed' | 'forgotten';

export interface Member {
  readonly id: NodeId;
  readonly record: MemberRecord;
  readonly state: MemberState;
  /** When the present state was entered, on this node's clock. */
  readonly since: number;
}

export interface MembershipPorts {
  /** Over the link with `to`, opening one to `url` where there is none. Lost if that fails; then `onLinkDown` says why. */
  send(to: NodeId, url: string, message: MembershipMessage): void;
  /** Opens a link to whoever answers at a seed's URL. */
  dial(url: string): void;
  /** This link serves no purpose any more: the peer counts as failed, has left or was replaced. */
  close(peer: NodeId): void;
  /** The peer sent what an honest one can't send (a forged record): the link must go, and not come back soon. */
  refuse(peer: NodeId, why: string): void;
  sign(bytes: Uint8Array): Uint8Array;
  verify(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean;
  /** The node id that belongs to a public key. */
  idOf(key: Uint8Array): NodeId;
  readonly random: Random;
  /** Where members are looked up; a map unless told. A simulator of thousands of views has one that fits the cache. */
  readonly index?: MemberIndex;
  /** The view changed. Called at most once per input. */
  changed(): void;
  /**
   * A later boot of this very identity is about. A node that has just started was given too low a boot and starts over
   * above `boot`; an older one has been replaced and stops. This membership is silent from now on.
   */
  superseded(boot: number): void;
  /** Every single change of one member, for logs, metrics and checkers. */
  transition?(id: NodeId, from: MemberState | undefined, to: MemberState, record: MemberRecord, because: string): void;
}

export type { Claim, MemberRecord, MembershipMessage, SignedState };
