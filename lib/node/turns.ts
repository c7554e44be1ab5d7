/**
 * Turns of the event loop, as the core knows them: one timer for the moment it asked for, one flush after everything
 * that a turn brought. Also notices how long the loop was stopped.
 */

const WATCH_MS = 1_000;
/** Longest stall after which what waits in sockets is still acted on: an old publish must not come back to life. */
const STALL_MAX_MS = 30_000;

export class Turns {
  /** Sends what the turn left behind; returns when the core wants to be woken. */
  readonly #flush: () => number;
  readonly #tick: (now: number) => void;
  readonly #onStall: (stalledMs: number) => void;
  #timer: NodeJS.Timeout | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #watch: NodeJS.Timeout | null = null;
  #seenAt = 0;
  #touched = false;
  #running = false;

  /** Monotonic ms; goes on while the process is stopped. */
  readonly now: () => number;

  constructor(
    flush: () => number,
    tick: (now: number) => void,
    onStall: (stalledMs: number) => void,
    now: () => number = () => performance.now(),
  ) {
    this.now = now;
    this.#flush = flush;
    this.#tick = tick;
    this.#onStall = onStall;
  }

  start(): void {
    this.#running = true;
    this.#seenAt = this.now();
    this.#watch = setInterval(() => this.#watchTurn(), WATCH_MS);
    this.#watch.unref();
    this.touch();
  }

  /** Something happened: flush once this turn is over. */
  touch(): void {
    if (this.#touched || !this.#running) return;
    this.#touched = true;
    setImmediate(this.#onImmediate);
  }

  /** Until the next start. */
  pause(): void {
    this.stop();
  }

  stop(): void {
    this.#running = false;
    this.#touched = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#timer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  readonly #onImmediate = (): void => {
    if (!this.#running) return;
    this.#touched = false;
    const wakeAt = this.#flush();
    if (this.#running) this.#arm(wakeAt);
  };

  readonly #onTimer = (): void => {
    this.#timer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (!this.#running) return;
    this.#watchTurn();
    this.#tick(this.now());
    this.touch();
  };

  /** A timer that fires too early is as good: it is only ever brought forward. */
  #arm(wakeAt: number): void {
    if (wakeAt >= this.#timerAt || wakeAt === Number.POSITIVE_INFINITY) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerAt = wakeAt;
    this.#timer = setTimeout(this.#onTimer, Math.max(1, Math.ceil(wakeAt - this.now())));
  }

  /**
   * Also called before anything from outside is acted on: a process that was stopped while it waited for sockets goes on
   * with these, before any timer. True where the loop had been stopped for too long.
   */
  look(): boolean {
    const now = this.now();
    const stalledMs = now - this.#seenAt - WATCH_MS;
    if (!this.#running || stalledMs <= STALL_MAX_MS) return false;
    this.#seenAt = now;
    this.#onStall(stalledMs);
    return true;
  }

  #watchTurn(): void {
    this.look();
    this.#seenAt = this.now();
  }
}
