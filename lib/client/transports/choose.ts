/**
 * Which transport to use: the first of the list that works here, WebSocket before SSE before long-poll. One that was
 * found not to work is left out for a while; one that has worked once is never doubted: then the node is the trouble.
 */
import type { ClientMessage } from '../../wire/client.js';
import { openPoll } from './poll.js';
import { openSse } from './sse.js';
import type {
  OpenTransport,
  TransportConnection,
  TransportContext,
  TransportEvents,
  TransportName,
} from './transport.js';
import { openWebSocket } from './websocket.js';

const OPENERS: Readonly<Record<TransportName, OpenTransport>> = {
  websocket: openWebSocket,
  sse: openSse,
  poll: openPoll,
};

export const TRANSPORTS: readonly TransportName[] = ['websocket', 'sse', 'poll'];

/** A transport that says nothing for this long is passed over; the core waits a little longer than that. */
const SILENT_MS = 3_000;
/** How long it stays passed over. */
const PASSED_OVER_MS = 300_000;

export class TransportChoice {
  readonly #names: readonly TransportName[];
  readonly #context: TransportContext;
  readonly #proven = new Set<TransportName>();
  readonly #failedUntil = new Map<TransportName, number>();

  constructor(names: readonly TransportName[], context: TransportContext) {
    this.#names = names;
    this.#context = context;
  }

  open(url: string, events: TransportEvents): TransportConnection {
    const now = performance.now();
    const usable = this.#names.filter((name) => (this.#failedUntil.get(name) ?? 0) <= now);
    // all of them failed: the network was down, or the node; nothing is known
    if (usable.length === 0) this.#failedUntil.clear();
    return new ChosenConnection(this, url, events, usable.length === 0 ? [...this.#names] : usable);
  }

  begin(name: TransportName, url: string, events: TransportEvents): TransportConnection {
    return OPENERS[name](url, events, this.#context);
  }

  isProven(name: TransportName): boolean {
    return this.#proven.has(name);
  }

  works(name: TransportName): void {
    this.#proven.add(name);
    this.#failedUntil.delete(name);
  }

  /** It did not work, while another did. */
  passOver(name: TransportName): void {
    if (!this.#proven.has(name)) this.#failedUntil.set(name, performance.now() + PASSED_OVER_MS);
  }
}

class ChosenConnection implements TransportConnection {
  readonly #choice: TransportChoice;
  readonly #url: string;
  readonly #events: TransportEvents;
  readonly #left: TransportName[];
  readonly #tried: TransportName[] = [];
  #name: TransportName;
  #inner: TransportConnection;
  #opened = false;
  #proven = false;
  #over = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(choice: TransportChoice, url: string, events: TransportEvents, names: TransportName[]) {
    this.#choice = choice;
    this.#url = url;
    this.#events = events;
    this.#left = names;
    this.#name = this.#left.shift()!;
    this.#inner = this.#begin();
  }

  send(message: ClientMessage): void {
    this.#inner.send(message);
  }

  close(code: number, reason: string): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#inner.close(code, reason);
  }

  #begin(): TransportConnection {
    const name = this.#name;
    const current = (): boolean => !this.#over && this.#name === name;
    if (this.#left.length > 0 && !this.#choice.isProven(name)) {
      this.#timer = setTimeout(() => {
        if (!current() || this.#proven || this.#opened) return;
        this.#inner.close(1000, 'passed over');
        this.#fallBack(1006, 'no answer');
      }, SILENT_MS);
    }
    return this.#choice.begin(name, this.#url, {
      opened: () => {
        if (!current()) return;
        this.#opened = true;
        this.#events.opened();
      },
      proven: () => {
        if (!current() || this.#proven) return;
        this.#proven = true;
        clearTimeout(this.#timer);
        this.#choice.works(name);
        for (const failed of this.#tried) this.#choice.passOver(failed);
      },
      message: (message) => {
        if (current()) this.#events.message(message);
      },
      closed: (code, reason) => {
        if (!current()) return;
        if (!this.#opened && !this.#choice.isProven(name)) return this.#fallBack(code, reason);
        // it opened, but nothing ever came of it
        if (!this.#proven && code === 1006) this.#choice.passOver(name);
        this.#end(code, reason);
      },
    });
  }

  #fallBack(code: number, reason: string): void {
    clearTimeout(this.#timer);
    const next = this.#left.shift();
    // a refusal is the node's word, whatever carries it
    if (next === undefined || code >= 4000) return this.#end(code, reason);
    this.#tried.push(this.#name);
    this.#name = next;
    this.#inner = this.#begin();
  }

  #end(code: number, reason: string): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#events.closed(code, reason);
  }
}
