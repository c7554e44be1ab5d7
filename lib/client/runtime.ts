/** Drives a client core with the clock, chance, timers and transports of this process. */
import type { ClientMessage, ServerMessage } from '../wire/client.js';
import type { ClientRandom, ConnectionId } from './core/ports.js';
import type { TransportChoice } from './transports/choose.js';
import type { TransportConnection } from './transports/transport.js';

/** What both the client's and the publisher's core take in. */
export interface DrivenCore {
  opened(conn: ConnectionId, now: number): void;
  message(conn: ConnectionId, message: ServerMessage, now: number): void;
  closed(conn: ConnectionId, code: number, reason: string, now: number): void;
  tick(now: number): void;
  flush(now: number): void;
  nextWakeAt(): number;
}

/** Longer timers overflow in browsers and in Node. */
const TIMER_MS_MAX = 3_600_000;

/** Runs after this turn of the event loop has done what it had to do. */
const afterTurn: (task: () => void) => void = typeof setImmediate === 'function' ? setImmediate : queueMicrotask;

export class Runtime {
  readonly random: ClientRandom = { next: Math.random, name: randomName };
  readonly #choice: TransportChoice;
  readonly #connections = new Map<ConnectionId, TransportConnection>();
  #core: DrivenCore | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(choice: TransportChoice) {
    this.#choice = choice;
  }

  now(): number {
    return performance.now();
  }

  drive(core: DrivenCore): void {
    this.#core = core;
  }

  open(conn: ConnectionId, url: string): void {
    const current = (): DrivenCore | undefined => (this.#connections.has(conn) ? this.#core : undefined);
    const connection = this.#choice.open(url, {
      opened: () => {
        current()?.opened(conn, this.now());
        this.touch();
      },
      proven: () => {},
      message: (message) => {
        current()?.message(conn, message, this.now());
        this.touch();
      },
      closed: (code, reason) => {
        const core = current();
        this.#connections.delete(conn);
        core?.closed(conn, code, reason, this.now());
        this.touch();
      },
    });
    this.#connections.set(conn, connection);
  }

  send(conn: ConnectionId, message: ClientMessage): void {
    this.#connections.get(conn)?.send(message);
  }

  close(conn: ConnectionId, code: number, reason: string): void {
    const connection = this.#connections.get(conn);
    this.#connections.delete(conn);
    connection?.close(code, reason);
  }

  flushSoon(): void {
    afterTurn(() => {
      this.#core?.flush(this.now());
      this.touch();
    });
  }

  /** After every step: the core may want to wake up earlier than before. */
  touch(): void {
    const at = this.#core?.nextWakeAt() ?? Number.POSITIVE_INFINITY;
    // a timer that fires too early finds out; setting one for each message would cost more
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#wake(), Math.min(TIMER_MS_MAX, Math.max(0, Math.ceil(at - this.now()))));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#core = undefined;
  }

  #wake(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#core?.tick(this.now());
    this.touch();
  }
}

function randomName(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return btoa(String.fromCharCode(...random))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}
