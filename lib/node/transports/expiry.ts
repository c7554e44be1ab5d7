/** When tokens run out: connections by the second of their end, so that none needs a timer of its own. */

export interface Expiring {
  /** First as a warning, then, unless a new token came, for good. */
  expired(warning: boolean): void;
}

/** After the end of the token, for clocks that differ; and then for the client to bring a new one. */
const SKEW_MS = 5_000;
const GRACE_MS = 15_000;

interface Due {
  at: number;
  warned: boolean;
}

export class Expiry {
  readonly #due = new Map<Expiring, Due>();
  #timer: NodeJS.Timeout | null = null;

  /** `expiresAt` in ms since 1970; Infinity: never. */
  add(connection: Expiring, expiresAt: number): void {
    if (expiresAt === Number.POSITIVE_INFINITY) return;
    this.#due.set(connection, { at: expiresAt + SKEW_MS, warned: false });
    this.#timer ??= setInterval(() => this.turn(Date.now()), 1_000).unref();
  }

  delete(connection: Expiring): void {
    if (this.#timer !== null) this.#due.delete(connection);
  }

  turn(now: number): void {
    for (const [connection, due] of this.#due) {
      if (due.at > now) continue;
      if (due.warned) {
        this.#due.delete(connection);
        connection.expired(false);
      } else {
        due.at = now + GRACE_MS;
        due.warned = true;
        connection.expired(true);
      }
    }
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
