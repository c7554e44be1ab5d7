/**
 * Messages between nodes about lineages and slots: family 20 to 39. In a frame each is a positional array that opens
 * with its number; `push` carries its entries as bytes that are encoded once and shared by all copies (push.ts).
 */
import type { LineageId, Slot } from './ids.js';

export const REPLICATION = { push: 20, have: 21, digest: 22, acquire: 23, acquired: 24 } as const;

/** What a node holds of a lineage: every entry up to `have` that retention has not removed. */
export interface Held {
  readonly slot: Slot;
  readonly lid: LineageId;
  readonly have: number;
}

export type ReplicationMessage =
  /** Entries of any number of lineages, with retention snapshots. Answered by `have`. */
  | { readonly type: 'push'; readonly batch: number; readonly bytes: Uint8Array }
  /** Everything in batches up to `batch` is stored, but for the lineages listed, which are held up to `have` only. */
  | { readonly type: 'have'; readonly batch: number; readonly refused: readonly Held[] }
  /**
   * What the sender holds. offer: tell me what you hold of these. ask: I am to hold these slots, tell and send me what
   * there is. answer: reply to either. A `have` of -1 in an answer: never heard of that lineage.
   */
  | {
      readonly type: 'digest';
      readonly kind: 'offer' | 'ask' | 'answer';
      readonly request: number;
      readonly slots: readonly Slot[];
      readonly held: readonly Held[];
    }
  /** The sender takes the slots over: give them up if your table agrees, send what it lacks, then say `acquired`. */
  | { readonly type: 'acquire'; readonly request: number; readonly slots: readonly Slot[]; readonly held: readonly Held[] }
  /** Everything the sender holds of those slots was sent before this. */
  | { readonly type: 'acquired'; readonly request: number; readonly held: readonly Held[] };
