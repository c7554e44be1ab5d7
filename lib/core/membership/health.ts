/**
 * How far this node trusts itself. The score (Lifeguard's local health) rises when its own probes fail for want of its
 * own health and stretches its probes; the stall guard notices that the event loop stood still, in which case answers wait
 * unread in the sockets while the time-outs fire first.
 */
export class Health {
  readonly #max: number;
  #score = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get score(): number {
    return this.#score;
  }

  /** Probe intervals and time-outs take so many times as long. */
  get factor(): number {
    return this.#score + 1;
  }

  better(): void {
    if (this.#score > 0) this.#score -= 1;
  }

  worse(by = 1): void {
    this.#score = Math.min(this.#max, this.#score + by);
  }
}
