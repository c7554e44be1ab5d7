/**
 * Authenticated encryption of what goes over a link: one AES-256-GCM key for each direction, a counter as nonce, so a
 * frame that is repeated, reordered, left out or changed does not open. Keys mix a fresh X25519 exchange with the
 * cluster secret; without a secret they still tie the handshake together, but prove nothing.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  scryptSync,
} from 'node:crypto';
import { HandshakeError, type Role } from '../../wire/handshake.js';

const TAG_BYTES = 16;
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

export interface Ephemeral {
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

/** The secret as key material. Slow on purpose (50 ms, once a start): a recorded handshake is no cheap guessing game. */
export function stretchSecret(secret: string, cluster: string): Uint8Array {
  if (secret === '') return new Uint8Array(32);
  return scryptSync(secret, `halod cluster ${cluster}`, 32, { N: 16_384, r: 8, p: 1 });
}

export function makeEphemeral(): Ephemeral {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return { publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32), privateKey };
}

export function hashTranscript(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export class Seal {
  readonly #sendKey: Buffer;
  readonly #openKey: Buffer;
  readonly #sendNonce = Buffer.alloc(12);
  readonly #openNonce = Buffer.alloc(12);
  #sent = 0;
  #opened = 0;

  /** @throws HandshakeError `protocol` for a public key that gives no secret */
  constructor(role: Role, own: Ephemeral, theirs: Uint8Array, transcript: Uint8Array, secret: Uint8Array) {
    let shared: Buffer;
    try {
      const publicKey = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, theirs]), format: 'der', type: 'spki' });
      shared = diffieHellman({ privateKey: own.privateKey, publicKey });
    } catch {
      throw new HandshakeError('protocol', 'the key in the hello is no X25519 key');
    }
    const keys = Buffer.from(hkdfSync('sha256', Buffer.concat([shared, secret]), transcript, 'halod peer 1 keys', 64));
    const [fromDialer, fromListener] = [keys.subarray(0, 32), keys.subarray(32)];
    this.#sendKey = role === 'dialer' ? fromDialer : fromListener;
    this.#openKey = role === 'dialer' ? fromListener : fromDialer;
  }

  seal(bytes: Uint8Array): Uint8Array {
    writeCounter(this.#sendNonce, this.#sent++);
    const cipher = createCipheriv('aes-256-gcm', this.#sendKey, this.#sendNonce, { authTagLength: TAG_BYTES });
    const sealed = cipher.update(bytes);
    cipher.final();
    return Buffer.concat([sealed, cipher.getAuthTag()]);
  }

  /** null where the bytes are not the next ones that the other side has sealed. */
  open(bytes: Uint8Array): Uint8Array | null {
    if (bytes.length < TAG_BYTES) return null;
    writeCounter(this.#openNonce, this.#opened++);
    const decipher = createDecipheriv('aes-256-gcm', this.#openKey, this.#openNonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    try {
      const opened = decipher.update(bytes.subarray(0, bytes.length - TAG_BYTES));
      decipher.final();
      return opened;
    } catch {
      return null;
    }
  }
}

/** A link would need a thousand years at a million frames a second to run out of exact counters. */
function writeCounter(nonce: Buffer, counter: number): void {
  nonce.writeUIntBE(counter, 6, 6);
}
