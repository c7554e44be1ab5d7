/**
 * WebSocket: the browser's own, or in Node the `ws` package, which can send the API key with the upgrade. What one turn
 * has to say leaves in one frame.
 */
import type { ClientMessage } from '../../wire/client.js';
import { HalodError } from '../../wire/errors.js';
import { decodeFrame, encodeMessage, withAllBytes } from './json.js';
import type { TransportConnection, TransportContext, TransportEvents } from './transport.js';

/** What both kinds of socket have in common, as far as it is used here. */
interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
  send(data: string): void;
  close(code: number, reason: string): void;
  terminate?(): void;
}

const SUBPROTOCOL = 'halod.v1.json';
/** Characters of one frame; a node takes 1 MiB, and a character is three bytes at most. */
const FRAME_CHARS_MAX = 300_000;
/** From a close that is not answered to the end of the socket. */
const LINGER_MS = 1_000;
/** Named in a variable so that a bundle for browsers never contains it. */
const NODE_PACKAGE: string = 'ws';

type NodeSocket = new (url: string, protocols: string[], options: object) => Socket;

let nodeSocket: Promise<NodeSocket | undefined> | undefined;

function isNode(): boolean {
  return typeof process !== 'undefined' && typeof process.versions?.node === 'string';
}

/** `ws` where this is Node and it is installed; undefined means the global WebSocket. */
function loadNodeSocket(): Promise<NodeSocket | undefined> {
  nodeSocket ??= (
    import(/* @vite-ignore */ /* webpackIgnore: true */ NODE_PACKAGE) as Promise<{ default: NodeSocket }>
  ).then(
    (module) => module.default,
    () => undefined,
  );
  return nodeSocket;
}

/** ws://host/v1/ws from the address of a node. */
function socketUrl(url: string): string {
  return `${url.replace(/^http/i, 'ws').replace(/\/+$/, '')}/v1/ws`;
}

export function openWebSocket(url: string, events: TransportEvents, context: TransportContext): TransportConnection {
  const connection = new WebSocketTransport(events);
  if (isNode()) {
    const headers = context.apiKey === undefined ? {} : { authorization: `Bearer ${context.apiKey}` };
    void loadNodeSocket().then((NodeWebSocket) => {
      const options = { headers, perMessageDeflate: false, maxPayload: 16 * 1_024 * 1_024 };
      connection.start(() =>
        NodeWebSocket === undefined ? browserSocket(url) : new NodeWebSocket(socketUrl(url), [SUBPROTOCOL], options),
      );
    });
  } else queueMicrotask(() => connection.start(() => browserSocket(url)));
  return connection;
}

function browserSocket(url: string): Socket {
  return new WebSocket(socketUrl(url), SUBPROTOCOL) as unknown as Socket;
}

class WebSocketTransport implements TransportConnection {
  readonly #events: TransportEvents;
  #socket: Socket | null = null;
  #over = false;
  #draft: string[] = [];
  #draftChars = 0;

  constructor(events: TransportEvents) {
    this.#events = events;
  }

  start(make: () => Socket): void {
    if (this.#over) return;
    let socket: Socket;
    try {
      socket = make();
    } catch (error) {
      return this.#end(1006, (error as Error).message);
    }
    this.#socket = socket;
    socket.onopen = () => {
      this.#events.proven();
      this.#events.opened();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#end(event.code, event.reason);
    // a close follows, and says more
    socket.onerror = () => {};
  }

  send(message: ClientMessage): void {
    if (this.#over) return;
    const text = encodeMessage(message);
    if (this.#draft.length > 0 && this.#draftChars + text.length > FRAME_CHARS_MAX) this.#flush();
    if (this.#draft.push(text) === 1) queueMicrotask(() => this.#flush());
    this.#draftChars += text.length;
  }

  close(code: number, reason: string): void {
    if (this.#over) return;
    this.#flush();
    this.#over = true;
    const socket = this.#socket;
    if (socket === null) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    try {
      socket.close(code, reason.slice(0, 100));
    } catch {
      // not open yet: `ws` says so by an error event, which nobody listens to any more
    }
    if (socket.terminate === undefined) return;
    const timer = setTimeout(() => socket.terminate?.(), LINGER_MS);
    socket.onclose = () => clearTimeout(timer);
  }

  #flush(): void {
    const { length } = this.#draft;
    if (length === 0) return;
    const text = length === 1 ? this.#draft[0]! : `[${this.#draft.join(',')}]`;
    this.#draft = [];
    this.#draftChars = 0;
    if (this.#over) return;
    try {
      this.#socket?.send(text);
    } catch {
      // closing already: the close event will say so
    }
  }

  #receive(data: unknown): void {
    if (this.#over) return;
    try {
      if (typeof data !== 'string') throw new HalodError('bad-request', 'the node sent binary data');
      const frame = decodeFrame(data);
      if (!Array.isArray(frame)) return this.#events.message(withAllBytes(frame));
      for (const message of frame) if (!this.#over) this.#events.message(withAllBytes(message));
    } catch (error) {
      if (!(error instanceof HalodError)) throw error;
      this.close(4400, error.message);
      this.#events.closed(1006, error.message);
    }
  }

  #end(code: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.closed(code, reason);
  }
}
