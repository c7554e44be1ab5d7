/**
 * Messages by which nodes learn who is in the cluster, family numbers 1–39 (append only, never reused). On the wire each
 * is a positional array [number, …fields] inside a frame; the frame's header carries the sender's view digest. A decoder
 * checks every field before anything else sees it: a peer is trusted to be honest, not to be free of bugs.
 */
import type { Boot, NodeId } from './ids.js';
import { LIMITS } from './limits.js';

/** What a node says of itself. Everything else (suspect, failed, forgotten) is what others say of it. */
export type SignedState = 'joining' | 'alive' | 'draining' | 'left';

/** A node's own description of itself, signed by its key; (boot, incarnation) names its content for ever. */
export interface MemberRecord {
  readonly id: NodeId;
  /** Ed25519 public key; `id` is derived from it. */
  readonly key: Uint8Array;
  readonly boot: Boot;
  /** Raised by the subject alone: to change a field, or to answer an accusation. */
  readonly incarnation: number;
  readonly state: SignedState;
  /** Where clients and peers reach it. */
  readonly url: string;
  readonly weight: number;
  readonly zone: string;
  readonly version: string;
  readonly signature: Uint8Array;
}

export type ClaimKind = 'suspect' | 'refused' | 'failed' | 'forgotten';

/**
 * What others say of a member at (boot, incarnation). `suspect`: it did not answer. `refused`: its address refuses
 * connections. `failed`: it was given the time to answer the accusation and did not. `forgotten`: failed or left for so
 * long that its slots are given away. A member answers any of them by a higher incarnation.
 */
export interface Claim {
  readonly kind: ClaimKind;
  readonly id: NodeId;
  readonly boot: Boot;
  readonly incarnation: number;
  /** Who says so by its own probes, first one first: 1 to 4. */
  readonly accusers: readonly NodeId[];
}

/** Digests of the 16 parts into which the ids that begin with the `bits` top bits of `prefix` fall. */
export interface SyncPart {
  readonly bits: number;
  readonly prefix: number;
  readonly digests: readonly number[];
}

/** All that a node holds in one part: id and 32 bits of its state's hash. */
export interface SyncList {
  readonly bits: number;
  readonly prefix: number;
  readonly entries: readonly (readonly [id: NodeId, hash: number])[];
}

export type MembershipMessage =
  | { readonly type: 'ping'; readonly seq: number }
  | { readonly type: 'ack'; readonly seq: number }
  /** Asks the receiver to ping `target` and to answer with `indirect-ack` or, in time to be useful, with `nack`. */
  | { readonly type: 'ping-request'; readonly seq: number; readonly target: NodeId }
  | { readonly type: 'indirect-ack'; readonly seq: number }
  | { readonly type: 'nack'; readonly seq: number }
  | { readonly type: 'news'; readonly records: readonly MemberRecord[]; readonly claims: readonly Claim[] }
  /** Opens or continues a comparison of views; `count` is the number of members that the sender holds. */
  | {
      readonly type: 'sync';
      readonly count: number;
      readonly parts: readonly SyncPart[];
      readonly lists: readonly SyncList[];
    }
  | { readonly type: 'want'; readonly ids: readonly NodeId[] };

const STATES: readonly SignedState[] = ['joining', 'alive', 'draining', 'left'];
const KINDS: readonly ClaimKind[] = ['suspect', 'refused', 'failed', 'forgotten'];
const ID = /^[a-z2-7]{20}$/;

type Element = readonly unknown[];

export function encodeMembership(m: MembershipMessage): Element {
  switch (m.type) {
    case 'ping':
      return [1, m.seq];
    case 'ack':
      return [2, m.seq];
    case 'ping-request':
      return [3, m.seq, m.target];
    case 'indirect-ack':
      return [4, m.seq];
    case 'nack':
      return [5, m.seq];
    case 'news':
      return [6, m.records.map(packRecord), m.claims.map(packClaim)];
    case 'sync':
      return [
        7,
        m.count,
        m.parts.map((p) => [p.bits, p.prefix, packWords(p.digests)]),
        m.lists.map((l) => [
          l.bits,
          l.prefix,
          l.entries.map((e) => e[0]).join(''),
          packWords(l.entries.map((e) => e[1])),
        ]),
      ];
    case 'want':
      return [8, m.ids];
  }
}

/** @throws Error where the element is malformed: the link is then closed. */
export function decodeMembership(e: Element): MembershipMessage {
  switch (e[0]) {
    case 1:
      return { type: 'ping', seq: uint32(e[1]) };
    case 2:
      return { type: 'ack', seq: uint32(e[1]) };
    case 3:
      return { type: 'ping-request', seq: uint32(e[1]), target: nodeId(e[2]) };
    case 4:
      return { type: 'indirect-ack', seq: uint32(e[1]) };
    case 5:
      return { type: 'nack', seq: uint32(e[1]) };
    case 6:
      return {
        type: 'news',
        records: list(e[1], LIMITS.newsRecordsMax).map(unpackRecord),
        claims: list(e[2], LIMITS.newsClaimsMax).map(unpackClaim),
      };
    case 7:
      return {
        type: 'sync',
        count: uint32(e[1]),
        parts: list(e[2], LIMITS.syncPartsMax).map(unpackPart),
        lists: list(e[3], LIMITS.syncListsMax).map(unpackList),
      };
    case 8:
      return { type: 'want', ids: list(e[1], LIMITS.syncEntriesMax).map(nodeId) };
    default:
      throw new Error(`unknown membership message ${String(e[0])}`);
  }
}

export function packRecord(r: MemberRecord): Element {
  const state = STATES.indexOf(r.state);
  return [r.id, r.key, r.boot, r.incarnation, state, r.url, r.weight, r.zone, r.version, r.signature];
}

/** @throws Error where a field is malformed. Says nothing of the signature. */
export function unpackRecord(value: unknown): MemberRecord {
  const e = list(value, 10);
  const weight = uint32(e[6]);
  if (weight < 1 || weight > LIMITS.weightMax) throw new Error('weight out of range');
  return {
    id: nodeId(e[0]),
    key: bytes(e[1], 32),
    boot: safeInteger(e[2]),
    incarnation: uint32(e[3]),
    state: oneOf(STATES, e[4]),
    url: text(e[5], LIMITS.urlBytesMax),
    weight,
    zone: text(e[7], LIMITS.zoneBytesMax),
    version: text(e[8], LIMITS.versionBytesMax),
    signature: bytes(e[9], 64),
  };
}

function packClaim(c: Claim): Element {
  return [KINDS.indexOf(c.kind), c.id, c.boot, c.incarnation, ...c.accusers];
}

function unpackClaim(value: unknown): Claim {
  const e = list(value, 4 + LIMITS.accusersMax);
  if (e.length < 5) throw new Error('a claim without accuser');
  return {
    kind: oneOf(KINDS, e[0]),
    id: nodeId(e[1]),
    boot: safeInteger(e[2]),
    incarnation: uint32(e[3]),
    accusers: e.slice(4).map(nodeId),
  };
}

function unpackPart(value: unknown): SyncPart {
  const e = list(value, 3);
  const digests = unpackWords(e[2]);
  if (digests.length !== 16) throw new Error('a part has 16 digests');
  return { bits: partBits(e[0]), prefix: uint32(e[1]), digests };
}

function unpackList(value: unknown): SyncList {
  const e = list(value, 4);
  const hashes = unpackWords(e[3]);
  const ids = text(e[2], LIMITS.syncEntriesMax * 20);
  if (ids.length !== hashes.length * 20) throw new Error('ids and hashes differ in number');
  return {
    bits: partBits(e[0]),
    prefix: uint32(e[1]),
    entries: hashes.map((hash, i) => [nodeId(ids.slice(i * 20, i * 20 + 20)), hash] as const),
  };
}

/** Unsigned 32-bit numbers, big-endian. */
function packWords(words: readonly number[]): Uint8Array {
  const out = new Uint8Array(words.length * 4);
  const view = new DataView(out.buffer);
  words.forEach((word, i) => {
    view.setUint32(i * 4, word);
  });
  return out;
}

function unpackWords(value: unknown): number[] {
  if (!(value instanceof Uint8Array) || value.length % 4 !== 0 || value.length > LIMITS.syncEntriesMax * 4)
    throw new Error('not a list of words');
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: value.length / 4 }, (_, i) => view.getUint32(i * 4));
}

function partBits(value: unknown): number {
  const bits = uint32(value);
  if (bits > 32 || bits % 4 !== 0) throw new Error('no such part');
  return bits;
}

function list(value: unknown, max: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > max) throw new Error('not a list, or too long');
  return value;
}

function nodeId(value: unknown): NodeId {
  if (typeof value !== 'string' || !ID.test(value)) throw new Error('not a node id');
  return value as NodeId;
}

function uint32(value: unknown): number {
  if (typeof value !== 'number' || value >>> 0 !== value) throw new Error('not a 32-bit number');
  return value;
}

function safeInteger(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new Error('not an integer');
  return value;
}

function text(value: unknown, bytesMax: number): string {
  if (typeof value !== 'string' || value.length > bytesMax) throw new Error('not a text, or too long');
  return value;
}

/** A copy, so that the frame it came in can be freed. */
function bytes(value: unknown, length: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== length) throw new Error(`not ${length} bytes`);
  return Uint8Array.from(value);
}

function oneOf<T>(values: readonly T[], index: unknown): T {
  const value = typeof index === 'number' ? values[index] : undefined;
  if (value === undefined) throw new Error('no such value');
  return value;
}
