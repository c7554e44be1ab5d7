/**
 * Clients over WebSocket: one object a connection, no closures, since ten thousand of them idle cost memory only.
 * Frames that are already encoded go to the socket past ws, which saves two fifths of the cost of a send; where ws does
 * not look as expected inside, they go through it.
 */
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { SessionSink } from '../../core/session/types.js';
import type { After, ClientMessage, ServerMessage, Subprotocol } from '../../wire/client.js';
import { type FrameReader, readJsonFrame } from '../../wire/codec-client.js';
import { readMsgpackFrame } from '../../wire/codec-client-msgpack.js';
import type { Entry } from '../../wire/entry.js';
import { CLOSE, type ErrorBody, type ErrorCode, HalodError } from '../../wire/errors.js';
import { readPublishFrame } from '../../wire/json-publish.js';
import { LIMITS } from '../../wire/limits.js';
import type { Access } from '../auth/gate.js';
import type { Driver } from '../driver.js';
import { Connection } from './connection.js';
import {
  type Frame,
  frameOf,
  isPong,
  PING_FRAME,
  payloadOf,
  pongFrame,
  serverFrame,
  socketOf,
  writesPastWs,
} from './frames.js';
import { PublishRate } from './publish-rate.js';
import { startsOf } from './starts.js';

/** What the URL of the upgrade said. */
export interface Opening {
  readonly subprotocol: Subprotocol;
  readonly bearer: string;
  /** The query names a user, a token or channels: no `connect` message is waited for. */
  readonly complete: boolean;
  readonly user: string;
  readonly token: string;
  readonly relay: boolean;
  readonly after: string | undefined;
  readonly channels: readonly string[];
}

/**
 * Hands what ws emits to its connection. Listeners would cost each idle connection a table of them, and each message a
 * look into it.
 */
export class ClientSocket extends WebSocket {
  connection: WebSocketConnection | null = null;

  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    const { connection } = this;
    if (connection === null) return false;
    if (event === 'message') connection.receive(first as Buffer, second as boolean);
    else if (event === 'pong') connection.alive = true;
    else if (event === 'ping') connection.pinged(first as Buffer);
    else if (event === 'error') connection.broken();
    else if (event === 'close') connection.ended();
    else return false;
    return true;
  }
}

/** Messages that may come while a token is being checked. */
const HELD_MAX = 256;

type State =
  /** Nothing is known of the client yet; `opening` has what the URL said. */
  | { readonly at: 'new'; readonly opening: Opening; readonly timer: NodeJS.Timeout | null }
  /** A token is being checked. */
  | { readonly at: 'checking'; readonly held: ClientMessage[] };

export class WebSocketConnection extends Connection implements SessionSink, FrameReader {
  readonly #ws: ClientSocket;
  readonly #framing: 'ws-json' | 'ws-msgpack';
  /** null while the session is open, and after the end. */
  #state: State | null;
  #closed = false;
  #isApp = false;
  /** Made with the first publish of a client: most only read. */
  #rate: PublishRate | null = null;

  constructor(ws: ClientSocket, opening: Opening, driver: Driver) {
    super(driver);
    this.#ws = ws;
    this.#framing = opening.subprotocol === 'halod.v1.msgpack' ? 'ws-msgpack' : 'ws-json';
    const timer = driver.gate.wantsTokens ? setTimeout(() => this.#neverAuthenticated(), LIMITS.handshakeMs) : null;
    this.#state = { at: 'new', opening, timer };
    driver.stats.webSockets++;
    ws.connection = this;
    if (opening.complete) this.#begin(opening, {});
  }

  // the session's sink

  entry(entry: Entry): void {
    if (this.#closed) return;
    this.driver.stats.deliveries++;
    this.push(frameOf(entry, this.#framing));
  }

  send(message: ServerMessage): void {
    if (!this.#closed) this.push(serverFrame(message, this.#framing));
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    if (code === CLOSE.redirect) this.driver.stats.redirected++;
    this.#ws.close(code, reason.slice(0, 100));
  }

  // what arrives

  receive(data: Buffer, isBinary: boolean): void {
    this.alive = true;
    if (this.#closed || this.driver.wasStalled()) return;
    try {
      if (this.#framing === 'ws-json') {
        if (isBinary) throw new HalodError('bad-request', 'this connection speaks JSON in text messages');
        const publish = readPublishFrame(data);
        if (publish === null) readJsonFrame(data.toString(), this);
        else this.message(publish);
      } else {
        if (!isBinary) throw new HalodError('bad-request', 'this connection speaks MessagePack in binary messages');
        readMsgpackFrame(data, this);
      }
    } catch (error) {
      if (!(error instanceof HalodError)) throw error;
      this.driver.stats.badFrames++;
      this.#fail(error);
    }
  }

  /** Answered here and not by ws, which would keep a closure for it with each connection. */
  pinged(data: Buffer): void {
    if (!this.#closed) this.push(pongFrame(data));
  }

  message(message: ClientMessage): void {
    if (this.#closed) return;
    const state = this.#state;
    if (state === null) return this.#handle(message);
    if (state.at === 'checking') {
      if (state.held.length >= HELD_MAX) return this.#fail(new HalodError('too-many'));
      state.held.push(message);
      return;
    }
    if (message.type === 'connect') return this.#begin(state.opening, message);
    // without a connect message, it is an anonymous reader
    this.#begin(state.opening, {});
    if (!this.#closed) this.message(message);
  }

  refused(error: ErrorBody, ref: number | undefined, channel: string | undefined): void {
    this.driver.stats.badFrames++;
    this.send({
      type: 'error',
      ...(ref === undefined ? {} : { ref }),
      ...(channel === undefined ? {} : { channel }),
      error,
    });
  }

  /** ws found a frame that breaks the WebSocket protocol or is too large, and closes with 1002, 1007 or 1009. */
  broken(): void {
    this.driver.stats.badFrames++;
  }

  ended(): void {
    this.#closed = true;
    this.driver.stats.webSockets--;
    if (this.#state?.at === 'new' && this.#state.timer !== null) clearTimeout(this.#state.timer);
    this.#state = null;
    this.driver.expiry.delete(this);
    this.endSession();
  }

  // life

  ping(): void {
    if (this.#closed) return;
    const { socket } = this;
    if (socket !== null) this.write(socket, PING_FRAME);
  }

  silent(): void {
    this.driver.stats.silent++;
    this.#ws.terminate();
  }

  abandon(): void {
    this.#closed = true;
    this.#ws.terminate();
  }

  shutDown(): void {
    this.#end(CLOSE.draining, 'draining: this node stops');
  }

  /** The token has run out: asked for a new one first, cut off if none comes. */
  expired(warning: boolean): void {
    if (this.#closed) return;
    const error = new HalodError('unauthorized', 'the token has expired');
    if (warning) this.send({ type: 'error', error: error.toBody() });
    else this.#fail(error);
  }

  protected get socket(): Socket | null {
    return socketOf(this.#ws);
  }

  protected override write(socket: Socket, frame: Frame): void {
    if (writesPastWs) super.write(socket, frame);
    else if (frame === PING_FRAME) this.#ws.ping();
    else if (isPong(frame)) this.#ws.pong(payloadOf(frame));
    else this.#ws.send(payloadOf(frame), { binary: this.#framing === 'ws-msgpack', compress: false });
  }

  protected override get joins(): boolean {
    return writesPastWs;
  }

  protected cutOff(): void {
    // should it not even read the close, ws cuts it off after a while
    this.#end(CLOSE.slow, 'slow: too much is waiting to be read');
  }

  #begin(opening: Opening, connect: Partial<Extract<ClientMessage, { type: 'connect' }>>): void {
    if (this.#state?.at === 'new' && this.#state.timer !== null) clearTimeout(this.#state.timer);
    const relay = opening.relay || connect.relay === true;
    const start = (access: Access): void => this.#open(access, relay, connect.after, opening);
    try {
      const { bearer } = opening;
      const credentials = { bearer, token: connect.token ?? opening.token, user: connect.user ?? opening.user };
      const access = this.driver.gate.admit(credentials);
      if (!(access instanceof Promise)) return start(access);
      const held: ClientMessage[] = [];
      this.#state = { at: 'checking', held };
      access.then(
        (granted) => {
          if (this.#closed) return;
          start(granted);
          for (const message of held) this.message(message);
        },
        (error: unknown) => this.#fail(asHalodError(error)),
      );
    } catch (error) {
      this.#fail(asHalodError(error));
    }
  }

  /** `after` is what the connect message said of the own channel. */
  #open(access: Access, relay: boolean, after: After | undefined, opening: Opening): void {
    this.#state = null;
    const { driver } = this;
    const { user, grants } = access;
    this.#isApp = access.app;
    const own = user !== '' && after === undefined ? [`@${user}`] : [];
    let startOf: (channel: string) => After;
    try {
      startOf = startsOf(opening.after ?? 'now', [...opening.channels, ...own]);
      const start = user === '' ? {} : { after: after ?? startOf(`@${user}`) };
      const request = { user, grants, relay, movable: true, ...start };
      this.session = driver.core.openSession(this, request, driver.now());
    } catch (error) {
      return this.#fail(asHalodError(error));
    }
    driver.expiry.add(this, grants.expiresAt);
    driver.touch();
    for (const channel of opening.channels) this.#handle({ type: 'subscribe', channel, after: startOf(channel) });
  }

  #handle(message: ClientMessage): void {
    if (message.type === 'refresh') return this.#refresh(message.token);
    if (message.type === 'publish' && !this.#mayPublish(message.messages.length)) {
      return this.refused(new HalodError('too-many', 'too many messages a second').toBody(), message.ref, undefined);
    }
    this.session?.onMessage(message, this.driver.now());
    this.driver.touch();
  }

  #mayPublish(count: number): boolean {
    this.driver.stats.publishesWs += count;
    if (this.#isApp) return true;
    this.#rate ??= new PublishRate(this.driver.now());
    return this.#rate.take(count, this.driver.now());
  }

  #refresh(token: string): void {
    const { gate, expiry } = this.driver;
    if (!gate.wantsTokens) return;
    Promise.resolve(gate.admit({ bearer: '', token, user: '' })).then(
      (access) => {
        if (this.session === null) return;
        if (access.user !== this.session.user)
          return this.#fail(new HalodError('forbidden', 'the token is for another user'));
        this.session.grants = access.grants;
        expiry.add(this, access.grants.expiresAt);
      },
      (error: unknown) => this.send({ type: 'error', error: asHalodError(error).toBody() }),
    );
  }

  #neverAuthenticated(): void {
    this.#fail(new HalodError('unauthorized', `no token within ${LIMITS.handshakeMs} ms`));
  }

  /** Says why, then closes with the code that fits. */
  #fail(error: HalodError): void {
    if (this.#closed) return;
    this.send({ type: 'error', error: error.toBody() });
    this.#end(CLOSE_CODES[error.code] ?? CLOSE.badFrame, `${error.code}: ${error.message}`);
  }

  #end(code: number, reason: string): void {
    if (this.#closed) return;
    this.close(code, reason);
    // not at once: this may be a step of the core
    setImmediate(() => this.endSession());
  }
}

const CLOSE_CODES: Partial<Record<ErrorCode, number>> = {
  unauthorized: CLOSE.unauthorized,
  forbidden: CLOSE.forbidden,
  'too-large': CLOSE.tooLarge,
  'too-many': CLOSE.tooMany,
  draining: CLOSE.draining,
  starting: CLOSE.draining,
  timeout: CLOSE.timeout,
  internal: CLOSE.internal,
};

function asHalodError(error: unknown): HalodError {
  if (error instanceof HalodError) return error;
  throw error;
}
