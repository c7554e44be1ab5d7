/**
 * Clients that only listen: server-sent events, or a JSON object a line. The answer has no length and no chunks and ends
 * with its connection, so that the bytes of a message are the same for every reader and are written straight to the
 * socket.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { StreamPositions } from '../../core/session/stream-positions.js';
import type { SessionSink } from '../../core/session/types.js';
import type { After, ServerMessage } from '../../wire/client.js';
import { serverJson } from '../../wire/codec-client.js';
import type { Entry } from '../../wire/entry.js';
import { CLOSE } from '../../wire/errors.js';
import type { Access } from '../auth/gate.js';
import type { Driver } from '../driver.js';
import { Connection } from './connection.js';
import { frameOf, frameOfText, jsonOf, sseBlock } from './frames.js';

export interface StreamRequest {
  readonly framing: 'sse' | 'ndjson';
  readonly access: Access;
  readonly positions: StreamPositions;
  /** `now`, `start`, or what `positions` was resumed with. */
  readonly after: After;
  /** `after` was for another list of channels, so something may be missing. */
  readonly mismatched: boolean;
  /** The client understands `move` events. */
  readonly movable: boolean;
}

const HEADERS = {
  sse: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  ndjson: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
} as const;

const HEARTBEAT = { sse: Buffer.from(':\n\n'), ndjson: Buffer.from('\n') } as const;
/** What was written before a reader was cut off may still arrive. */
const CUT_OFF_MS = 5_000;
const SSE_START = Buffer.from('retry: 1000\n\n');

/** EventSource has an `error` event of its own. */
const SSE_EVENTS: Partial<Record<ServerMessage['type'], string>> = { error: 'refused' };

export class StreamConnection extends Connection implements SessionSink {
  readonly #response: ServerResponse;
  readonly #framing: 'sse' | 'ndjson';
  readonly #positions: StreamPositions;
  /** One channel: its position is the entry's, and all its readers share the bytes. */
  readonly #shared: boolean;
  /** Of a shared stream, the last entry that `positions` has not seen yet: it is looked at only when another block comes. */
  #last: Entry | null = null;
  readonly #mismatched: boolean;
  #closed = false;

  constructor(response: ServerResponse, request: StreamRequest, driver: Driver) {
    super(driver);
    this.#response = response;
    this.#framing = request.framing;
    this.#positions = request.positions;
    this.#shared = request.positions.channels.length === 1;
    this.#mismatched = request.mismatched;
    driver.stats.streams++;
    response.useChunkedEncodingByDefault = false;
    response.writeHead(200, HEADERS[request.framing]);
    response.flushHeaders();
    response.socket?.setNoDelay(true);
    response.on('close', () => this.#ended());
    if (request.framing === 'sse') this.push(SSE_START);
    this.#open(request);
  }

  entry(entry: Entry): void {
    if (this.#closed) return;
    this.driver.stats.deliveries++;
    if (this.#shared) {
      this.#last = entry;
      return this.push(frameOf(entry, this.#framing));
    }
    this.#positions.read(entry);
    this.#pushJson('', jsonOf(entry));
  }

  send(message: ServerMessage): void {
    if (this.#closed) return;
    this.#catchUp();
    switch (message.type) {
      case 'subscribed':
        // what lies between a known position and this one is still to come
        if (this.#positions.of(message.channel) === undefined) this.#positions.set(message.channel, message.position);
        if (this.#mismatched) return this.#startAnew(message);
        break;
      case 'gap':
      case 'position':
        this.#positions.set(message.channel, message.position);
        break;
      case 'redirect':
      case 'next':
      case 'pong':
        // of no use to a bare reader: it was sent home before the stream began
        return;
    }
    this.#pushJson(message.type, serverJson(message));
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#catchUp();
    this.#pushJson('close', JSON.stringify({ type: 'close', code, reason }));
    this.flush();
    this.#closed = true;
    this.#response.socket?.end();
  }

  ping(): void {
    this.alive = true;
    const { socket } = this;
    if (socket !== null) this.write(socket, HEARTBEAT[this.#framing]);
  }

  silent(): void {
    this.#response.destroy();
  }

  abandon(): void {
    this.#closed = true;
    this.#response.destroy();
  }

  shutDown(): void {
    this.close(CLOSE.draining, 'this node stops');
    setImmediate(() => this.endSession());
  }

  expired(warning: boolean): void {
    if (warning || this.#closed) return;
    this.close(CLOSE.unauthorized, 'the token has expired');
    setImmediate(() => this.endSession());
  }

  protected get socket(): Socket | null {
    const { socket } = this.#response;
    return this.#closed || socket === null || socket.destroyed ? null : socket;
  }

  protected cutOff(): void {
    this.#closed = true;
    this.#response.socket?.end();
    setTimeout(() => this.#response.destroy(), CUT_OFF_MS).unref();
    setImmediate(() => this.endSession());
  }

  #open(request: StreamRequest): void {
    const { driver } = this;
    const { user, grants } = request.access;
    const start = (channel: string): After => {
      if (request.after === 'start' || request.after === 'now') return request.after;
      return this.#positions.of(channel) ?? 'now';
    };
    this.session = driver.core.openSession(
      this,
      { user, grants, relay: true, movable: request.movable, ...(user === '' ? {} : { after: start(`@${user}`) }) },
      driver.now(),
    );
    driver.expiry.add(this, grants.expiresAt);
    for (const channel of this.#positions.channels) {
      if (user !== '' && channel === `@${user}`) continue;
      this.session.onMessage({ type: 'subscribe', channel, after: start(channel) }, driver.now());
    }
    driver.touch();
  }

  /** Its position was for other channels: something may be missing, and nobody can say what. */
  #startAnew(message: Extract<ServerMessage, { type: 'subscribed' }>): void {
    const { channel, position } = message;
    this.#pushJson('subscribed', serverJson({ ...message, recovered: false }));
    this.#pushJson('gap', serverJson({ type: 'gap', channel, reason: 'unknown', position }));
  }

  /** A block that is no message must not take the reader's last id back behind the messages before it. */
  #catchUp(): void {
    if (this.#last === null) return;
    this.#positions.read(this.#last);
    this.#last = null;
  }

  #pushJson(event: string, json: string): void {
    if (this.#framing === 'ndjson') return this.push(frameOfText(`${this.#shared ? json : this.#placed(json)}\n`));
    this.push(
      frameOfText(sseBlock(SSE_EVENTS[event as ServerMessage['type']] ?? event, this.#positions.toString(), json)),
    );
  }

  /** A line has no id beside it: where the stream of several channels is stands in it. */
  #placed(json: string): string {
    const at = this.#positions.toString();
    return at === '' ? json : `${json.slice(0, -1)},"stream":"${at}"}`;
  }

  #ended(): void {
    this.#closed = true;
    this.driver.stats.streams--;
    this.driver.expiry.delete(this);
    this.endSession();
  }
}
