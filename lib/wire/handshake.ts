/**
 * How two nodes meet on /v1/peer: what each message holds, and what must agree. Four binary WebSocket messages:
 *
 *   1. dialer → listener   hello          magic, nonce, X25519 key
 *   2. listener → dialer   hello          the same of its own
 *   3. dialer → listener   introduction   sealed: signature over the transcript, who I am, what I am set to
 *   4. listener → dialer   introduction   sealed likewise; its transcript includes message 3
 *   5. dialer → listener   go             sealed and empty: this link is the one I use
 *
 * The sealing keys come from both X25519 keys and the cluster secret, so whoever lacks the secret can neither read nor
 * write message 3; nonces of both sides make a recorded handshake worthless. Nothing is said of a node before that.
 */
import type { Boot } from './ids.js';
import { LIMITS } from './limits.js';

export const PEER_PATH = '/v1/peer';
export const PEER_SUBPROTOCOL = 'halod.v1.peer';

const MAGIC = new TextEncoder().encode('halod peer 1\n');
const NONCE_BYTES = 32;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const HELLO_BYTES = MAGIC.length + NONCE_BYTES + KEY_BYTES;

/** Why a node does not want a link; the close reason is `code: text`. */
export type RefusalCode =
  | 'protocol'
  | 'secret'
  | 'differs'
  | 'self'
  | 'superseded'
  | 'duplicate'
  | 'busy'
  | 'quarantined'
  | 'timeout'
  | 'unneeded'
  | 'stopping';

export interface Refusal {
  readonly code: RefusalCode;
  readonly text: string;
  /** What the other side is told, where `here` and `there` would be the wrong way round for it. */
  readonly told?: string;
}

/** Thrown while a handshake message is read. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly refusal: Refusal;

  constructor(code: RefusalCode, text: string, told?: string) {
    super(`${code}: ${text}`);
    this.refusal = { code, text, ...(told === undefined ? {} : { told }) };
  }
}

export interface Hello {
  readonly nonce: Uint8Array;
  /** Raw X25519 public key, made for this handshake. */
  readonly ephemeral: Uint8Array;
}

/** What a cluster must agree on. */
export interface ClusterTerms {
  readonly cluster: string;
  readonly slots: number;
  readonly copies: number;
  readonly acks: number;
  /** Version of the table's algorithm: two versions would compute two tables. */
  readonly table: number;
}

export interface Introduction extends ClusterTerms {
  /** Raw Ed25519 public key. */
  readonly key: Uint8Array;
  readonly boot: Boot;
  /** Where the node says that it can be reached. */
  readonly url: string;
}

export type Role = 'dialer' | 'listener';

export function encodeHello(hello: Hello): Uint8Array {
  const bytes = new Uint8Array(HELLO_BYTES);
  bytes.set(MAGIC);
  bytes.set(hello.nonce, MAGIC.length);
  bytes.set(hello.ephemeral, MAGIC.length + NONCE_BYTES);
  return bytes;
}

/** @throws HandshakeError `protocol` */
export function decodeHello(bytes: Uint8Array): Hello {
  if (bytes.length !== HELLO_BYTES || !MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw new HandshakeError('protocol', 'this port speaks halod peer 1, and what came is something else');
  }
  return {
    nonce: bytes.slice(MAGIC.length, MAGIC.length + NONCE_BYTES),
    ephemeral: bytes.slice(MAGIC.length + NONCE_BYTES),
  };
}

/** The part of an introduction that is signed, as it stands in the message. */
export function encodeIntroduction(introduction: Introduction): Uint8Array {
  const { cluster, slots, copies, acks, table, key, boot, url } = introduction;
  return new TextEncoder().encode(JSON.stringify([cluster, slots, copies, acks, table, [...key], boot, url]));
}

/** What the signature covers: the role keeps one side's message from being shown as the other's. */
export function signedBytes(role: Role, transcript: Uint8Array, introduction: Uint8Array): Uint8Array {
  return joinBytes(new TextEncoder().encode(`halod peer 1 ${role}\n`), transcript, introduction);
}

export function joinSignature(signature: Uint8Array, introduction: Uint8Array): Uint8Array {
  return joinBytes(signature, introduction);
}

/** @throws HandshakeError `protocol` */
export function splitSignature(bytes: Uint8Array): { signature: Uint8Array; introduction: Uint8Array } {
  if (bytes.length <= SIGNATURE_BYTES) throw new HandshakeError('protocol', 'the introduction is too short');
  return { signature: bytes.slice(0, SIGNATURE_BYTES), introduction: bytes.slice(SIGNATURE_BYTES) };
}

/** @throws HandshakeError `protocol` */
export function decodeIntroduction(bytes: Uint8Array): Introduction {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw malformed();
  }
  if (!Array.isArray(value) || value.length !== 8) throw malformed();
  const [cluster, slots, copies, acks, table, key, boot, url] = value as unknown[];
  if (typeof cluster !== 'string' || cluster.length > LIMITS.clusterNameBytesMax) throw malformed();
  if (typeof url !== 'string' || url.length > LIMITS.urlBytesMax) throw malformed();
  if (!Array.isArray(key) || key.length !== KEY_BYTES || !key.every((b) => isUint(b) && b < 256)) throw malformed();
  if (!isUint(slots) || !isUint(copies) || !isUint(acks) || !isUint(table) || !isUint(boot)) throw malformed();
  return { cluster, slots, copies, acks, table, key: Uint8Array.from(key as number[]), boot, url };
}

/** What of the terms differs, said so that an operator knows what to change; null where all agree. */
export function compareTerms(own: ClusterTerms, theirs: ClusterTerms): Refusal | null {
  for (const name of ['cluster', 'slots', 'copies', 'acks', 'table'] as const) {
    if (own[name] !== theirs[name]) {
      const what = name === 'table' ? 'version of the table' : `--${name}`;
      const [ours, others] = [show(own[name]), show(theirs[name])];
      const say = (here: string, there: string): string => `${what} is ${here} here and ${there} there`;
      return { code: 'differs', text: say(ours, others), told: say(others, ours) };
    }
  }
  return null;
}

/** As a WebSocket close reason: at most 123 bytes, cut at a character. */
export function refusalReason(refusal: Refusal): string {
  let reason = `${refusal.code}: ${refusal.told ?? refusal.text}`;
  while (new TextEncoder().encode(reason).length > 123) reason = reason.slice(0, -1);
  return reason;
}

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function show(value: string | number): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function isUint(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function malformed(): HandshakeError {
  return new HandshakeError('protocol', 'the introduction is malformed');
}
