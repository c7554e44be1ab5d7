/**
 * Notices connections that died without a word, and tokens that ran out. One timer for all: connections are spread over
 * as many buckets as a ping round has seconds, so the work is even and a connection needs no timer of its own.
 */
import { LIMITS } from '../../wire/limits.js';

export interface Pinged {
  /** Set by whatever arrives; cleared when a ping is sent. */
  alive: boolean;
  bucket: number;
  ping(): void;
  /** It did not answer in time. */
  silent(): void;
  /** The node stops. */
  shutDown(): void;
  /** Cut at once; nothing more that came from it counts. */
  abandon(): void;
}

const TURN_MS = 1_000;
const BUCKETS = Math.round(LIMITS.clientPingMs / TURN_MS);
const PATIENCE = Math.round(LIMITS.clientPongMs / TURN_MS);

export class Pinger {
  readonly #buckets = Array.from({ length: BUCKETS }, () => new Set<Pinged>());
  readonly #timer: NodeJS.Timeout;
  #turn = 0;
  #next = 0;

  constructor() {
    this.#timer = setInterval(() => this.turn(), TURN_MS);
    this.#timer.unref();
  }

  add(connection: Pinged): void {
    connection.bucket = this.#next;
    this.#next = (this.#next + 1) % BUCKETS;
    this.#buckets[connection.bucket]!.add(connection);
  }

  delete(connection: Pinged): void {
    this.#buckets[connection.bucket]?.delete(connection);
  }

  turn(): void {
    this.#turn = (this.#turn + 1) % BUCKETS;
    for (const connection of this.#buckets[this.#turn]!) {
      connection.alive = false;
      connection.ping();
    }
    for (const connection of this.#buckets[(this.#turn + BUCKETS - PATIENCE) % BUCKETS]!) {
      if (!connection.alive) connection.silent();
    }
  }

  /** Every connection that stays open, told that the node stops. */
  shutDown(): void {
    for (const bucket of this.#buckets) for (const connection of bucket) connection.shutDown();
  }

  abandon(): void {
    for (const bucket of this.#buckets) for (const connection of bucket) connection.abandon();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
