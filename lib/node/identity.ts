/**
 * Who a node is: an Ed25519 key, an id derived from it, and the boot number of this start. Kept in a directory or a
 * file where one is given, else fresh. A key file is the private key as libp2p writes it, so its tools read it too;
 * signing goes through node:crypto, whose prepared keys take 38 µs instead of 184.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OptionError } from '../config/options.js';
import type { Boot, NodeId } from '../wire/ids.js';

export interface Identity {
  readonly id: NodeId;
  readonly boot: Boot;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  sign(bytes: Uint8Array): Uint8Array;
  /** Remembers a boot above the one this node was started with. */
  raiseBoot(above: Boot): Promise<Identity>;
}

export interface IdentityPlace {
  /** Directory; '' where nothing is kept. */
  readonly data: string;
  readonly keyFile: string;
}

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_CHARACTERS = 20;

/** @throws OptionError where what is kept there cannot be read or written */
export async function loadIdentity(place: IdentityPlace): Promise<Identity> {
  try {
    return await loadFrom(place);
  } catch (error) {
    const option = place.keyFile ? '--key-file' : '--data';
    throw new OptionError(option, `${option}: ${(error as Error).message}`);
  }
}

async function loadFrom(place: IdentityPlace): Promise<Identity> {
  const keyFile = place.keyFile || (place.data && join(place.data, 'identity.key'));
  if (keyFile === '') return makeIdentity(generateKeyPairSync('ed25519').privateKey, Date.now(), undefined);
  const privateKey = await loadKey(keyFile);
  const bootFile = place.data ? join(place.data, 'boot') : `${keyFile}.boot`;
  const boot = Math.max((await readBoot(bootFile)) + 1, Date.now());
  await writeAtomically(bootFile, `${boot}\n`, 0o644);
  return makeIdentity(privateKey, boot, bootFile);
}

/** The first 100 bits of SHA-256 of the public key, in lower-case base32. */
export function idOfKey(publicKey: Uint8Array): NodeId {
  const hash = createHash('sha256').update(publicKey).digest();
  let id = '';
  let bits = 0;
  let held = 0;
  for (let i = 0; id.length < ID_CHARACTERS; i++) {
    held = ((held << 8) | hash[i]!) & 0xfff;
    bits += 8;
    while (bits >= 5 && id.length < ID_CHARACTERS) {
      bits -= 5;
      id += BASE32[(held >> bits) & 31];
    }
  }
  return id as NodeId;
}

/** False also for a key that is no point of the curve. */
export function verifySignature(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
    return verify(null, bytes, key, signature);
  } catch {
    return false;
  }
}

function makeIdentity(privateKey: KeyObject, boot: Boot, bootFile: string | undefined): Identity {
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32));
  return {
    id: idOfKey(publicKey),
    boot,
    publicKey,
    sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
    raiseBoot: async (above) => {
      const raised = Math.max(above + 1, Date.now());
      if (bootFile !== undefined) await writeAtomically(bootFile, `${raised}\n`, 0o644);
      return makeIdentity(privateKey, raised, bootFile);
    },
  };
}

async function loadKey(file: string): Promise<KeyObject> {
  // takes 120 ms to load: only nodes that keep their identity pay for it
  const { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } = await import('@libp2p/crypto/keys');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const key = await generateKeyPair('Ed25519');
    await writeAtomically(file, `${Buffer.from(privateKeyToProtobuf(key)).toString('base64')}\n`, 0o600);
    return fromSeed(key.raw.subarray(0, 32));
  }
  try {
    const key = privateKeyFromProtobuf(Buffer.from(text.trim(), 'base64'));
    if (key.type !== 'Ed25519') throw new Error(`a key of type ${key.type}`);
    return fromSeed(key.raw.subarray(0, 32));
  } catch (error) {
    throw new Error(`${file} holds no Ed25519 private key: ${(error as Error).message}`);
  }
}

function fromSeed(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

async function readBoot(file: string): Promise<Boot> {
  try {
    const boot = Number((await readFile(file, 'utf8')).trim());
    return Number.isSafeInteger(boot) && boot > 0 ? boot : 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** A crash leaves the old content or the new one. */
async function writeAtomically(file: string, content: string, mode: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}.new`;
  const handle = await open(fresh, 'w', mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, file);
}
