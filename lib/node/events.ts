/** What a running node tells those who run it. */
import type { DrainProgress, NodeState } from '../core/api.js';

export interface NodeEvents {
  state: [NodeState];
  /** How far a drain has come. */
  drain: [DrainProgress];
  /**
   * Something that an operator should know: an unreachable seed, a peer that refuses this node. An alarm (a stall, a stolen
   * identity, a peer in quarantine, a damaged history, a defect of halod) goes to stderr where nobody listens.
   */
  warning: [text: string, isAlarm: boolean];
  /** Another process runs this identity: the node has stopped. */
  superseded: [];
  /** What it has to keep on disk cannot be written: the node has stopped, and nothing has left that is not kept. */
  failed: [error: Error];
  /** Somebody asked for a drain over HTTP; the node drains and stops. */
  draining: [];
  closed: [];
}

export interface CloseOptions {
  /** False stops at once; else slots and clients are handed over first. */
  readonly drain?: boolean;
}
