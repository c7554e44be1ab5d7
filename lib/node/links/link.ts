/**
 * One WebSocket to another node: first the handshake, then frames both ways. It keeps its states and its time limit;
 * what a link means for the cluster, and which of two links stays, is the business of links.ts.
 */
import type { RawData, WebSocket } from 'ws';
import { CLOSE } from '../../wire/errors.js';
import { HandshakeError, type Refusal, type RefusalCode, type Role, refusalReason } from '../../wire/handshake.js';
import { LIMITS } from '../../wire/limits.js';
import { binaryFrame, maskedFrame, socketOf, writesPastWs } from '../transports/frames.js';
import { Handshake, type Peer, type Self, type Step } from './handshake.js';
import type { Seal } from './seal.js';

/** How a link came to its end. `refused`: nobody listens there. `rejected`: one side did not want the other. */
export interface LinkEnd {
  readonly kind: 'closed' | 'refused' | 'timeout' | 'rejected';
  readonly code: RefusalCode | '';
  readonly text: string;
  /** This side has ended it. */
  readonly own: boolean;
}

export interface LinkOwner {
  /** The other node has proved who it is. Not null: it is turned away. */
  met(link: Link, peer: Peer): Refusal | null;
  /** Both sides are done. Not null: this link is not taken after all. */
  ready(link: Link, peer: Peer): Refusal | null;
  frame(link: Link, bytes: Uint8Array): void;
  /** Exactly once. */
  ended(link: Link, end: LinkEnd): void;
}

const CLOSE_CODES: Readonly<Partial<Record<RefusalCode, number>>> = {
  protocol: CLOSE.badFrame,
  secret: CLOSE.unauthorized,
  busy: CLOSE.tooMany,
  timeout: CLOSE.timeout,
  unneeded: CLOSE.normal,
  stopping: CLOSE.goingAway,
};

export class Link {
  readonly role: Role;
  readonly remote: string;
  /** Monotonic ms. */
  upAt = 0;
  /** Looks of the keep-alive since anything was received. */
  quietChecks = 0;
  readonly #socket: WebSocket;
  readonly #owner: LinkOwner;
  readonly #sealed: boolean;
  #handshake: Handshake | null;
  #seal: Seal | null = null;
  #peer: Peer | null = null;
  #timer: NodeJS.Timeout;
  #end: LinkEnd | null = null;
  #ended = false;

  constructor(socket: WebSocket, role: Role, remote: string, self: Self, owner: LinkOwner) {
    this.#socket = socket;
    this.role = role;
    this.remote = remote;
    this.#owner = owner;
    this.#sealed = self.sealed;
    this.#handshake = new Handshake(role, self);
    this.#timer = setTimeout(() => this.#timeOut(), LIMITS.handshakeMs);
    socket.on('open', () => this.#send(this.#handshake!.hello));
    socket.on('message', (data: RawData, isBinary: boolean) => this.#onMessage(data as Buffer, isBinary));
    socket.on('pong', () => {
      this.quietChecks = 0;
    });
    socket.on('unexpected-response', (request, response) => {
      this.#setEnd('rejected', 'protocol', `it answered with HTTP ${response.statusCode}`);
      request.destroy();
      this.#finish();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') this.#setEnd('refused', '', 'nobody listens there');
      else this.#setEnd('timeout', '', error.message);
    });
    socket.on('close', (code: number, reason: Buffer) => this.#onClose(code, reason.toString()));
  }

  /** Known once the handshake has come so far. */
  get peer(): Peer | null {
    return this.#peer;
  }

  get isUp(): boolean {
    return this.#handshake === null && !this.#ended;
  }

  send(bytes: Uint8Array): void {
    if (!this.isUp) return;
    this.#send(this.#sealed ? this.#seal!.seal(bytes) : bytes);
    if (this.#socket.bufferedAmount > LIMITS.peerQueueBytesMax) {
      this.#setEnd('closed', '', `it takes no more: ${this.#socket.bufferedAmount} bytes are queued`);
      this.#socket.terminate();
    }
  }

  ping(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  refuse(refusal: Refusal): void {
    this.#setEnd('rejected', refusal.code, refusal.text);
    if (this.#socket.readyState === this.#socket.CONNECTING) return this.#socket.terminate();
    this.#socket.close(CLOSE_CODES[refusal.code] ?? CLOSE.forbidden, refusalReason(refusal));
    // the other side may never answer the close
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.terminate(), 1_000);
    this.#timer.unref();
  }

  terminate(): void {
    this.#setEnd('closed', '', 'cut');
    this.#socket.terminate();
  }

  /** Past ws, head and payload in one piece: its own way of writing costs a third more. */
  #send(bytes: Uint8Array): void {
    const socket = socketOf(this.#socket);
    if (socket === null) return;
    if (!writesPastWs) this.#socket.send(bytes, { binary: true, compress: false });
    else socket.write(this.role === 'dialer' ? maskedFrame(bytes) : binaryFrame(bytes));
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.quietChecks = 0;
    if (this.#end !== null) return;
    if (this.#handshake === null) return this.#onFrame(data, isBinary);
    try {
      if (!isBinary) throw new HandshakeError('protocol', 'nodes speak in binary messages');
      this.#onStep(this.#handshake.receive(data));
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      this.refuse(error.refusal);
    }
  }

  #onStep(step: Step): void {
    switch (step.type) {
      case 'reply':
        return this.#send(step.bytes);
      case 'met': {
        const refusal = this.#meet(step.peer);
        return refusal === null ? this.#send(step.bytes) : this.refuse(refusal);
      }
      case 'known': {
        const refusal = this.#meet(step.peer);
        if (refusal !== null) return this.refuse(refusal);
        this.#send(this.#handshake!.go());
        return this.#goUp(step.peer);
      }
      case 'go':
        return this.#goUp(step.peer);
    }
  }

  #meet(peer: Peer): Refusal | null {
    this.#peer = peer;
    return this.#owner.met(this, peer);
  }

  #goUp(peer: Peer): void {
    clearTimeout(this.#timer);
    this.#seal = this.#handshake!.seal;
    if (!raisePayloadLimit(this.#socket, LIMITS.peerFrameBytesMax)) {
      return this.refuse({ code: 'protocol', text: 'this version of ws cannot be used for links' });
    }
    this.#handshake = null;
    this.upAt = performance.now();
    const refusal = this.#owner.ready(this, peer);
    if (refusal !== null) this.refuse(refusal);
  }

  #onFrame(data: Buffer, isBinary: boolean): void {
    if (!isBinary) return this.refuse({ code: 'protocol', text: 'nodes speak in binary messages' });
    if (!this.#sealed) return this.#owner.frame(this, data);
    const opened = this.#seal!.open(data);
    if (opened === null) return this.refuse({ code: 'protocol', text: 'a frame does not open' });
    this.#owner.frame(this, opened);
  }

  #timeOut(): void {
    this.#setEnd('timeout', 'timeout', `no handshake within ${LIMITS.handshakeMs} ms`);
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.close(CLOSE.timeout, 'timeout: no handshake');
    setTimeout(() => this.#socket.terminate(), 100).unref();
  }

  /** What the first cause was: a socket that is torn down reports more. */
  #setEnd(kind: LinkEnd['kind'], code: RefusalCode | '', text: string, own = true): void {
    this.#end ??= { kind, code, text, own };
  }

  #onClose(code: number, reason: string): void {
    const colon = reason.indexOf(': ');
    // a reason is what the other side says; it is shown, and only the known codes count
    const said = (colon > 0 ? reason.slice(0, colon) : '') as RefusalCode;
    const text = reason.slice(colon > 0 ? colon + 2 : 0);
    if (code >= 4_000) this.#setEnd('rejected', said, text, false);
    else this.#setEnd('closed', said, text || `closed with ${code}`, false);
    this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#owner.ended(this, this.#end!);
  }
}

/**
 * Messages of strangers are held to the size of a handshake; a proven node may send large ones. ws has no way to ask
 * for this, so the receiver's own field is set; a test notices should it ever move.
 */
function raisePayloadLimit(socket: WebSocket, bytes: number): boolean {
  const receiver = (socket as unknown as { _receiver?: { _maxPayload?: unknown } })._receiver;
  if (typeof receiver?._maxPayload !== 'number') return false;
  receiver._maxPayload = bytes;
  return true;
}
