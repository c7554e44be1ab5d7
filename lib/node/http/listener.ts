/**
 * The one port for clients, apps and peers: HTTP with limits on what a stranger may hold open, and the upgrade to
 * WebSocket on two paths. Whatever is wrong with a request is answered before it costs anything.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { SUBPROTOCOLS, type Subprotocol } from '../../wire/client.js';
import { HalodError } from '../../wire/errors.js';
import { PEER_PATH, PEER_SUBPROTOCOL } from '../../wire/handshake.js';
import { LIMITS } from '../../wire/limits.js';
import type { Driver } from '../driver.js';
import type { Links } from '../links/links.js';
import { ClientSocket, type Opening, WebSocketConnection } from '../transports/websocket.js';
import { channelsFrom, credentialsFrom, isSet, readTarget, type Target } from './request.js';
import { rawError } from './respond.js';
import { Router } from './router.js';

/** How long a stranger may take. */
export interface HttpTimes {
  readonly headersMs: number;
  readonly requestMs: number;
  /** Between looks at who took too long. */
  readonly checkMs: number;
}

const HTTP_TIMES: HttpTimes = { headersMs: 10_000, requestMs: 30_000, checkMs: 30_000 };
const KEEP_ALIVE_MS = 15_000;
const HEADERS_MAX = 100;
const HEADER_BYTES_MAX = 16 * 1024;
/** A fragment or a chunk costs memory of its own, however small it is. */
const FRAGMENTS_MAX = 256;
const CHUNKS_MAX = 4_096;
const CLOSE_TIMEOUT_MS = 5_000;

interface Parts {
  readonly driver: Driver;
  readonly links: Pick<Links, 'accept'>;
  readonly router: Router;
}

export class Listener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #clients: WebSocketServer;
  readonly #peers: WebSocketServer;
  /** Absent until the node knows its address. */
  #parts: Parts | null = null;
  /** Whoever came before the node could answer; null once it can. */
  #early: (() => void)[] | null = [];

  constructor(times: HttpTimes = HTTP_TIMES) {
    this.#server = createServer({
      headersTimeout: times.headersMs,
      requestTimeout: times.requestMs,
      connectionsCheckingInterval: times.checkMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
      noDelay: true,
    });
    this.#server.maxHeadersCount = HEADERS_MAX;
    this.#server.maxConnections = LIMITS.connectionsMax;
    const common = { noServer: true, clientTracking: false, perMessageDeflate: false } as const;
    const bounds = { maxFragments: FRAGMENTS_MAX, maxBufferedChunks: CHUNKS_MAX, closeTimeout: CLOSE_TIMEOUT_MS };
    this.#clients = new WebSocketServer({
      ...common,
      ...bounds,
      maxPayload: LIMITS.clientFrameBytesMax,
      WebSocket: ClientSocket,
      autoPong: false,
      handleProtocols: (offered) => chooseSubprotocol(offered) ?? false,
    });
    this.#peers = new WebSocketServer({
      ...common,
      ...bounds,
      maxPayload: LIMITS.handshakeBytesMax,
      handleProtocols: (offered) => (offered.has(PEER_SUBPROTOCOL) ? PEER_SUBPROTOCOL : false),
    });
    for (const server of [this.#clients, this.#peers]) server.on('wsClientError', onBadHandshake);
    const sockets = this.#sockets;
    // one function for all, told by `this`: each of ten thousand idle connections would keep one of its own
    function forget(this: Socket): void {
      sockets.delete(this);
    }
    this.#server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', forget);
    });
    this.#server.on('clientError', onClientError);
    this.#server.on('request', (request, response) =>
      this.#inTime(() => this.#parts!.router.handle(request, response)),
    );
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', destroy);
      this.#inTime(() => this.#upgradeOrRefuse(request, socket, head));
    });
  }

  /** Resolves with the port. Rejects where it is taken. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      // exclusive: a worker of a group has this port for itself
      this.#server.listen({ port, host: bare(host), exclusive: true, backlog: LIMITS.listenBacklog }, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Takes its part of the connections to a port that a group of workers shares. Rejects where the port is taken. */
  share(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const shared = createNetServer({ noDelay: true }, (socket) => this.#server.emit('connection', socket));
      shared.once('error', reject);
      shared.listen({ port, host: bare(host), backlog: LIMITS.listenBacklog }, () => {
        shared.off('error', reject);
        this.#server.once('close', () => shared.close());
        resolve();
      });
    });
  }

  /** @throws Error where files that are to be served cannot be read */
  async prepare(driver: Driver, links: Pick<Links, 'accept'>): Promise<void> {
    this.#parts = { driver, links, router: new Router(driver) };
    await this.#parts.router.files.check();
  }

  /** From here on requests are answered, those first that came before. */
  serve(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const answer of early) answer();
  }

  #inTime(answer: () => void): void {
    if (this.#early === null) answer();
    else this.#early.push(answer);
  }

  /** Ends everything that is still open. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
      // what was written last should still arrive
      setTimeout(() => this.cut(), 100).unref();
    });
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #upgradeOrRefuse(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    try {
      this.#upgrade(request, socket, head);
    } catch (error) {
      if (!(error instanceof HalodError)) throw error;
      this.#parts!.driver.stats.httpErrors++;
      socket.end(rawError(error));
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { driver, links } = this.#parts!;
    const target = readTarget(request.url ?? '/');
    if (target.path === PEER_PATH) {
      // a browser always says where a page comes from, and no page is a node
      if (request.headers.origin !== undefined) throw new HalodError('forbidden', 'this path is for other nodes');
      this.#peers.handleUpgrade(request, socket, head, (ws) => {
        socket.off('error', destroy);
        links.accept(ws, request);
      });
      return;
    }
    if (target.path !== '/v1/ws') throw new HalodError('not-found', 'WebSockets are at /v1/ws');
    if (!driver.origins.allowsHost(request.headers.host) || !driver.origins.allowsOrigin(request)) {
      driver.stats.refusedOrigins++;
      throw new HalodError('forbidden', 'pages of this origin may not use this node without tokens');
    }
    const { state } = driver.core;
    if (state === 'starting') throw new HalodError('starting');
    if (state === 'left') throw new HalodError('draining');
    if (driver.stats.connections >= LIMITS.connectionsMax) throw new HalodError('too-many');
    const opening = readOpening(request, target, driver.gate.wantsTokens);
    this.#clients.handleUpgrade(request, socket, head, (ws) => {
      socket.off('error', destroy);
      new WebSocketConnection(ws as ClientSocket, opening, driver);
    });
  }
}

/** @throws HalodError */
function readOpening(request: IncomingMessage, { query }: Target, wantsTokens: boolean): Opening {
  const offered = request.headers['sec-websocket-protocol'];
  const subprotocol = offered === undefined ? SUBPROTOCOLS[0] : chooseSubprotocol(new Set(offered.split(/\s*,\s*/)));
  if (subprotocol === undefined) throw new HalodError('bad-request', `subprotocols are ${SUBPROTOCOLS.join(', ')}`);
  const { bearer, token, user } = credentialsFrom(request, query);
  const channels = channelsFrom(query);
  const complete = token !== '' || bearer !== '' || (!wantsTokens && (query.has('user') || channels.length > 0));
  const after = query.get('after') ?? undefined;
  return { subprotocol, bearer, complete, user, token, relay: isSet(query, 'relay'), after, channels };
}

/** An address as sockets want it: IPv6 without its brackets. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

/** The first that both know, in the client's order; the name as it is here, since ws keeps it with the connection. */
function chooseSubprotocol(offered: ReadonlySet<string>): Subprotocol | undefined {
  for (const name of offered) {
    const known = SUBPROTOCOLS.find((subprotocol) => subprotocol === name);
    if (known !== undefined) return known;
  }
  return undefined;
}

/** From the request for an upgrade until ws listens for errors itself. */
function destroy(this: Duplex): void {
  this.destroy();
}

/** ws itself would answer with a page of HTML. */
function onBadHandshake(error: Error, socket: Duplex): void {
  socket.end(rawError(new HalodError('bad-request', `this is no WebSocket handshake: ${error.message}`)));
}

/** Node's own name for the answer that a connection owes; its own handler of such errors looks at it as well. */
interface Owing extends Duplex {
  readonly _httpMessage?: { readonly req?: IncomingMessage };
}

/** Noise, a header that is too large, a request that takes too long. */
function onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  // after a request that has come in whole, and may be carried out, this would be taken for its answer
  const isOwed = (socket as Owing)._httpMessage?.req?.complete === true;
  if (error.code === 'ECONNRESET' || !socket.writable || isOwed) return void socket.destroy();
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    // the request, or this node, was too slow: nothing is wrong with what was asked
    return void socket.end(rawError(new HalodError('timeout', 'the request did not arrive in time; send it again')));
  }
  const code = error.code === 'HPE_HEADER_OVERFLOW' ? 'too-large' : 'bad-request';
  socket.end(rawError(new HalodError(code, `this is no valid HTTP request: ${error.code ?? error.message}`)));
}
