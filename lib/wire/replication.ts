/**
 * Messages between nodes about lineages and slots: family 20 to 39. In a frame each is a positional array that opens
 * with its number; `push` carries its entries as bytes that are encoded once and shared by all copies (push.ts).
 */
import type { LineageId, Slot } from './ids.js';
import { LIMITS } from './limits.js';

/** What a node holds of a lineage: every entry up to `have` that retention has not removed; -1: never heard of it. */
export interface Held {
  readonly slot: Slot;
  readonly lid: LineageId;
  readonly have: number;
}

export type DigestKind = 'offer' | 'ask' | 'answer';

export type ReplicationMessage =
  /** 20: entries of any number of lineages, with retention snapshots. Answered by `have`. */
  | { readonly type: 'push'; readonly batch: number; readonly bytes: Uint8Array }
  /** 21: everything in batches up to `batch` is stored, but for the lineages listed, which are held up to `have` only. */
  | { readonly type: 'have'; readonly batch: number; readonly refused: readonly Held[] }
  /**
   * 22: what the sender holds. offer: tell me what you hold of these. ask: I am to hold these slots, tell and send me
   * what there is. answer: reply to either, with everything held of the slots listed.
   */
  | {
      readonly type: 'digest';
      readonly kind: DigestKind;
      readonly request: number;
      readonly slots: readonly Slot[];
      readonly held: readonly Held[];
    }
  /** 23: the sender takes the slots over: send what it lacks, then say `acquired`. */
  | {
      readonly type: 'acquire';
      readonly request: number;
      readonly slots: readonly Slot[];
      readonly held: readonly Held[];
    }
  /** 24: everything the sender holds of those slots was sent before this. */
  | { readonly type: 'acquired'; readonly request: number; readonly held: readonly Held[] };

const KINDS: readonly DigestKind[] = ['offer', 'ask', 'answer'];

export function encodeReplication(m: ReplicationMessage): readonly unknown[] {
  switch (m.type) {
    case 'push':
      return [20, m.batch, m.bytes];
    case 'have':
      return [21, m.batch, flatten(m.refused)];
    case 'digest':
      return [22, KINDS.indexOf(m.kind), m.request, m.slots, flatten(m.held)];
    case 'acquire':
      return [23, m.request, m.slots, flatten(m.held)];
    case 'acquired':
      return [24, m.request, flatten(m.held)];
  }
}

/** @throws Error where the element is malformed: the link is then closed. */
export function decodeReplication(e: readonly unknown[]): ReplicationMessage {
  switch (e[0]) {
    case 20:
      if (!(e[2] instanceof Uint8Array)) fail('no bytes');
      return { type: 'push', batch: uint(e[1]), bytes: e[2] };
    case 21:
      return { type: 'have', batch: uint(e[1]), refused: unflatten(e[2]) };
    case 22:
      return {
        type: 'digest',
        kind: KINDS[uint(e[1])] ?? fail('no such kind'),
        request: uint(e[2]),
        slots: slots(e[3]),
        held: unflatten(e[4]),
      };
    case 23:
      return { type: 'acquire', request: uint(e[1]), slots: slots(e[2]), held: unflatten(e[3]) };
    case 24:
      return { type: 'acquired', request: uint(e[1]), held: unflatten(e[2]) };
    default:
      throw new Error(`no replication message has the number ${String(e[0])}`);
  }
}

function flatten(held: readonly Held[]): (string | number)[] {
  const flat: (string | number)[] = [];
  for (const { slot, lid, have } of held) flat.push(slot, lid, have);
  return flat;
}

function unflatten(value: unknown): Held[] {
  if (!Array.isArray(value) || value.length % 3 !== 0) fail('not a list of what is held');
  if (value.length > 3 * LIMITS.digestItemsMax) fail('too long');
  const held: Held[] = [];
  for (let i = 0; i < value.length; i += 3) {
    const lid: unknown = value[i + 1];
    const have: unknown = value[i + 2];
    if (typeof lid !== 'string' || !/^[A-Za-z0-9_-]{8}$/.test(lid)) fail('not a lineage');
    if (typeof have !== 'number' || !Number.isSafeInteger(have) || have < -1) fail('not a count');
    held.push({ slot: slot(value[i]), lid: lid as LineageId, have });
  }
  return held;
}

function slots(value: unknown): Slot[] {
  if (!Array.isArray(value) || value.length > LIMITS.digestItemsMax) fail('not a list of slots');
  return value.map(slot);
}

function slot(value: unknown): Slot {
  const n = uint(value);
  if (n > 65_535) fail('not a slot');
  return n;
}

function uint(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) fail('not an unsigned integer');
  return value;
}

function fail(what: string): never {
  throw new Error(`malformed replication message: ${what}`);
}
