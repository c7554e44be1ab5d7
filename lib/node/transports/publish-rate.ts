/** How much one client may publish: a bucket that holds two seconds' worth. An app with its key is not held to it. */
import { LIMITS } from '../../wire/limits.js';

const BURST = 2 * LIMITS.clientPublishesPerSecond;

export class PublishRate {
  #left = BURST;
  #at: number;

  constructor(now: number) {
    this.#at = now;
  }

  /** False where it is too much; then nothing is taken. */
  take(count: number, now: number): boolean {
    this.#left = Math.min(BURST, this.#left + ((now - this.#at) / 1_000) * LIMITS.clientPublishesPerSecond);
    this.#at = now;
    if (count > this.#left) return false;
    this.#left -= count;
    return true;
  }
}

/** Clients that publish over HTTP have no connection to count on: they are told apart by their user. */
export class PublishRates {
  static readonly #usersMax = 10_000;
  readonly #rates = new Map<string, PublishRate>();

  take(user: string, count: number, now: number): boolean {
    const rate = this.#rates.get(user) ?? new PublishRate(now);
    // most recently used last
    this.#rates.delete(user);
    this.#rates.set(user, rate);
    if (this.#rates.size > PublishRates.#usersMax) this.#rates.delete(this.#rates.keys().next().value!);
    return rate.take(count, now);
  }
}
