/**
 * One side of a handshake, without a socket: messages in, messages out. See wire/handshake.ts for what they hold.
 * Ends with the other node's proven introduction and the seal of the link, or throws a HandshakeError that says why not.
 */
import { randomBytes } from 'node:crypto';
import {
  type ClusterTerms,
  compareTerms,
  decodeHello,
  decodeIntroduction,
  encodeHello,
  encodeIntroduction,
  HandshakeError,
  type Introduction,
  joinSignature,
  type Role,
  signedBytes,
  splitSignature,
} from '../../wire/handshake.js';
import type { NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import type { Identity } from '../identity.js';
import { idOfKey, verifySignature } from '../identity.js';
import { hashTranscript, makeEphemeral, Seal } from './seal.js';

/** What a node says of itself in every handshake. */
export interface Self {
  readonly identity: Identity;
  readonly terms: ClusterTerms;
  readonly url: string;
  /** Stretched; 32 zero bytes where no secret is set. */
  readonly secret: Uint8Array;
  /** With a secret, frames stay sealed after the handshake. */
  readonly sealed: boolean;
}

export interface Peer extends Introduction {
  readonly id: NodeId;
}

export type Step =
  | { readonly type: 'reply'; readonly bytes: Uint8Array }
  /** The dialer knows the listener; it answers with `go()`, or closes. */
  | { readonly type: 'known'; readonly peer: Peer }
  /** The listener knows the dialer; it answers with `bytes`, or closes. */
  | { readonly type: 'met'; readonly peer: Peer; readonly bytes: Uint8Array }
  | { readonly type: 'go'; readonly peer: Peer };

type State =
  | { readonly at: 'hello' }
  | { readonly at: 'introduction'; readonly seal: Seal; readonly transcript: Uint8Array }
  | { readonly at: 'go'; readonly seal: Seal; readonly peer: Peer }
  | { readonly at: 'done'; readonly seal: Seal };

export class Handshake {
  readonly #role: Role;
  readonly #self: Self;
  readonly #ephemeral = makeEphemeral();
  readonly #hello: Uint8Array;
  #state: State = { at: 'hello' };

  constructor(role: Role, self: Self) {
    this.#role = role;
    this.#self = self;
    this.#hello = encodeHello({ nonce: randomBytes(32), ephemeral: this.#ephemeral.publicKey });
  }

  /** The dialer's first message. */
  get hello(): Uint8Array {
    return this.#hello;
  }

  /** Only after the last step. */
  get seal(): Seal {
    if (this.#state.at !== 'done') throw new Error('the handshake is not over');
    return this.#state.seal;
  }

  /** @throws HandshakeError */
  receive(bytes: Uint8Array): Step {
    if (bytes.length > LIMITS.handshakeBytesMax)
      throw new HandshakeError('protocol', 'a handshake message is too large');
    const state = this.#state;
    switch (state.at) {
      case 'hello':
        return { type: 'reply', bytes: this.#onHello(bytes) };
      case 'introduction':
        return this.#onIntroduction(bytes, state.seal, state.transcript);
      case 'go':
        if (this.#role === 'dialer' || open(state.seal, bytes).length !== 0) {
          throw new HandshakeError('protocol', 'a frame came before the handshake was over');
        }
        this.#state = { at: 'done', seal: state.seal };
        return { type: 'go', peer: state.peer };
      case 'done':
        throw new Error('the handshake is over');
    }
  }

  /** The dialer's last message: it has looked at the peer and takes this link. */
  go(): Uint8Array {
    const state = this.#state;
    if (state.at !== 'go') throw new Error('the peer is not known yet');
    this.#state = { at: 'done', seal: state.seal };
    return state.seal.seal(new Uint8Array(0));
  }

  #onHello(bytes: Uint8Array): Uint8Array {
    const theirs = decodeHello(bytes);
    const transcript =
      this.#role === 'dialer' ? hashTranscript(this.#hello, bytes) : hashTranscript(bytes, this.#hello);
    const seal = new Seal(this.#role, this.#ephemeral, theirs.ephemeral, transcript, this.#self.secret);
    if (this.#role === 'listener') {
      this.#state = { at: 'introduction', seal, transcript };
      return this.#hello;
    }
    const introduction = this.#introduce(seal, transcript);
    // what the listener signs covers the dialer's introduction too
    this.#state = { at: 'introduction', seal, transcript: hashTranscript(transcript, introduction) };
    return introduction;
  }

  #onIntroduction(bytes: Uint8Array, seal: Seal, transcript: Uint8Array): Step {
    const { signature, introduction } = splitSignature(open(seal, bytes));
    const peer = decodeIntroduction(introduction);
    const theirRole: Role = this.#role === 'dialer' ? 'listener' : 'dialer';
    if (!verifySignature(peer.key, signedBytes(theirRole, transcript, introduction), signature)) {
      throw new HandshakeError('protocol', 'the signature does not fit the key');
    }
    const refusal = compareTerms(this.#self.terms, peer);
    if (refusal !== null) throw new HandshakeError(refusal.code, refusal.text, refusal.told);
    const known: Peer = { ...peer, id: idOfKey(peer.key) };
    this.#state = { at: 'go', seal, peer: known };
    if (this.#role === 'dialer') return { type: 'known', peer: known };
    return { type: 'met', peer: known, bytes: this.#introduce(seal, hashTranscript(transcript, bytes)) };
  }

  #introduce(seal: Seal, transcript: Uint8Array): Uint8Array {
    const { identity, terms, url } = this.#self;
    const introduction = encodeIntroduction({ ...terms, key: identity.publicKey, boot: identity.boot, url });
    const signature = identity.sign(signedBytes(this.#role, transcript, introduction));
    return seal.seal(joinSignature(signature, introduction));
  }
}

function open(seal: Seal, bytes: Uint8Array): Uint8Array {
  const opened = seal.open(bytes);
  if (opened === null) throw new HandshakeError('secret', 'the cluster secret is missing or another one');
  return opened;
}
