/**
 * Where to connect next, and after how long: first where the node said its users should go, then the addresses given by
 * the user, in turn; with full jitter, so that those who fail together do not come back together.
 */
import { CLIENT_LIMITS } from './limits.js';
import type { ClientRandom } from './ports.js';

export interface RouteOptions {
  readonly urls: readonly string[];
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
}

export class Route {
  readonly #options: RouteOptions;
  readonly #random: ClientRandom;
  /** The given addresses, from a random one on: clients of one list spread over it. */
  readonly #given: readonly string[];
  #next: readonly string[] = [];
  #round: readonly string[];
  #at = 0;
  #tries = 0;
  readonly #badUntil = new Map<string, number>();

  constructor(options: RouteOptions, random: ClientRandom) {
    this.#options = options;
    this.#random = random;
    const start = Math.floor(random.next() * options.urls.length);
    this.#given = [...options.urls.slice(start), ...options.urls.slice(0, start)];
    this.#round = this.#given;
  }

  /** What the node says of where to go should it die. */
  learn(next: readonly string[]): void {
    this.#next = next.slice(0, 16);
  }

  /** The address to try now. */
  pick(now: number): string {
    const size = this.#round.length;
    for (let i = 0; i < size; i++) {
      const url = this.#round[(this.#at + i) % size]!;
      if (this.isBad(url, now)) continue;
      this.#at = (this.#at + i) % size;
      return url;
    }
    return this.#round[this.#at % size]!;
  }

  isBad(url: string, now: number): boolean {
    return (this.#badUntil.get(url) ?? 0) > now;
  }

  /** A connection that stood was lost. `spreadMs`: over how long the node's users should spread. Returns the wait. */
  lost(livedMs: number, spreadMs: number): number {
    if (livedMs >= CLIENT_LIMITS.settledMs) this.#tries = 0;
    this.#startRound();
    const spread = this.#next.length > 0 ? this.#random.next() * spreadMs : 0;
    return Math.max(spread, livedMs >= CLIENT_LIMITS.settledMs && this.#next.length > 0 ? 0 : this.#backoff());
  }

  /** A try failed: the next address, after a wait. */
  failed(): number {
    this.#at = (this.#at + 1) % this.#round.length;
    return this.#backoff();
  }

  avoid(url: string, now: number): void {
    for (const [bad, until] of this.#badUntil) if (until <= now) this.#badUntil.delete(bad);
    this.#badUntil.set(url, now + CLIENT_LIMITS.badNodeMs);
  }

  trust(url: string): void {
    this.#badUntil.delete(url);
  }

  #startRound(): void {
    this.#round = [...new Set([...this.#next, ...this.#given])];
    this.#at = 0;
  }

  #backoff(): number {
    const { backoffBaseMs, backoffCapMs } = this.#options;
    return this.#random.next() * Math.min(backoffCapMs, backoffBaseMs * 2 ** Math.min(this.#tries++, 16));
  }
}
