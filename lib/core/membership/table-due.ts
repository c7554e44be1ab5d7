/**
 * When the slot table is to be rebuilt: at once when a member that has slots died or came back, since everyone waits for
 * its heirs; else after a short quiet time, so that ten joins cost one rebuild. The view itself is never held back.
 */
export class TableDue {
  readonly #quietMs: number;
  readonly #maxMs: number;
  #firstAt = Number.POSITIVE_INFINITY;
  dueAt = Number.POSITIVE_INFINITY;

  constructor(quietMs: number, maxMs: number) {
    this.#quietMs = quietMs;
    this.#maxMs = maxMs;
  }

  changed(now: number, atOnce: boolean): void {
    this.#firstAt = Math.min(this.#firstAt, now);
    const at = atOnce ? now : Math.min(now + this.#quietMs, this.#firstAt + this.#maxMs);
    this.dueAt = this.dueAt <= now ? this.dueAt : at;
  }

  taken(): void {
    this.#firstAt = Number.POSITIVE_INFINITY;
    this.dueAt = Number.POSITIVE_INFINITY;
  }
}
