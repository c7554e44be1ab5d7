/**
 * A reader that speaks the WebSocket protocol by itself, in JSON or MessagePack: follows redirects, resumes from the last
 * position it saw, and answers a request to move by going there at once.
 */
import { Packr } from 'msgpackr';
import { WebSocket } from 'ws';
import type { ClientMessage, ServerMessage } from '../../../lib/wire/client.js';
import { Addresses } from './addresses.js';
import type { Reader, ReaderLog } from './log.js';

const packr = new Packr({ useRecords: false, mapsAsObjects: true });
const DIAL_MS = 3_000;
/** Longer than the server's interval between pings. */
const SILENT_MS = 40_000;

export class WebSocketReader implements Reader {
  readonly log: ReaderLog;
  readonly #addresses: Addresses;
  readonly #subprotocol: string;
  /** Where each channel goes on. */
  readonly #positions = new Map<string, string>();
  #socket: WebSocket | undefined;
  /** Who served it last. */
  #home = '';
  #wanted = true;

  constructor(log: ReaderLog, urls: readonly string[], first: number) {
    this.log = log;
    this.#addresses = new Addresses(urls, first);
    this.#subprotocol = log.plan.transport === 'ws-msgpack' ? 'halod.v1.msgpack' : 'halod.v1.json';
  }

  start(): void {
    this.log.subscribing();
    this.#dial(this.#addresses.url);
  }

  away(): void {
    this.#wanted = false;
    this.#socket?.terminate();
  }

  back(): void {
    this.#wanted = true;
    this.#dial(this.#home || this.#addresses.url);
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    this.#socket?.terminate();
  }

  #dial(url: string): void {
    const { relay } = this.log.plan;
    const target = `${url.replace(/^http/, 'ws')}/v1/ws${relay ? '?relay=1' : ''}`;
    const socket = new WebSocket(target, this.#subprotocol, { handshakeTimeout: DIAL_MS });
    this.#socket = socket;
    let leadTo = '';
    let silence: NodeJS.Timeout | undefined;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => socket.terminate(), SILENT_MS);
    };
    socket.on('open', () => {
      heard();
      this.#send(socket, { type: 'connect', ...(relay ? { relay } : {}) });
      for (const channel of this.log.channels)
        this.#send(socket, { type: 'subscribe', channel, after: this.#positions.get(channel) ?? 'now' });
    });
    socket.on('message', (data: Buffer, isBinary) => {
      heard();
      const frame = isBinary ? packr.unpack(data) : JSON.parse(data.toString('utf8'));
      for (const message of (Array.isArray(frame) ? frame : [frame]) as ServerMessage[]) {
        if (socket !== this.#socket) return;
        if (message.type === 'redirect' || message.type === 'move') {
          leadTo = message.url;
          socket.close();
        } else this.#handle(message);
      }
    });
    socket.on('ping', heard);
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      clearTimeout(silence);
      if (socket !== this.#socket || !this.#wanted) return;
      this.log.state('connecting', `${code} ${reason}`);
      if (leadTo !== '') this.#dial(leadTo);
      else
        void this.#addresses
          .pause()
          .then(() => this.#wanted && socket === this.#socket && this.#dial(this.#addresses.url));
    });
  }

  #send(socket: WebSocket, message: ClientMessage): void {
    if (this.#subprotocol === 'halod.v1.json') socket.send(JSON.stringify(message));
    else socket.send(packr.pack(message));
  }

  #handle(message: ServerMessage): void {
    switch (message.type) {
      case 'connected':
        this.#addresses.worked();
        this.#home = message.url;
        return this.log.state('connected', message.node);
      case 'subscribed':
        if (!this.#positions.has(message.channel)) this.#positions.set(message.channel, message.position);
        return this.log.subscribed(message.channel, message.recovered, message.position);
      case 'message':
        this.#positions.set(message.channel, message.position);
        return this.log.message(message);
      case 'gap':
        this.#positions.set(message.channel, message.position);
        return this.log.gap(message.channel, message.reason, message.position);
      case 'position':
        this.#positions.set(message.channel, message.position);
        return;
      case 'error':
        this.log.state('error', JSON.stringify(message.error));
        // a subscription that was refused for now is asked for again on a new connection
        if (message.error.retry) this.#socket?.close();
        return;
      default:
        return;
    }
  }
}
