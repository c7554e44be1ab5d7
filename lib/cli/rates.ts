/** Rates of nodes, from the counters of their `/metrics` at two moments. */
import { nodeUrl } from './request.js';

export interface Rates {
  /** Messages a second that came in to be published. */
  readonly published: number;
  /** Messages a second that were written to connections. */
  readonly delivered: number;
}

interface Reading {
  readonly at: number;
  readonly published: number;
  readonly delivered: number;
}

const ANSWER_MS = 1_000;

export class RateReader {
  readonly #apiKey: string | undefined;
  #last = new Map<string, Reading>();

  constructor(apiKey: string | undefined) {
    this.#apiKey = apiKey;
  }

  /** By URL; a node is absent at its first reading, and where it does not answer. */
  async read(urls: readonly string[]): Promise<ReadonlyMap<string, Rates>> {
    const readings = await Promise.all(urls.map(async (url) => [url, await this.#reading(url)] as const));
    const rates = new Map<string, Rates>();
    const last = this.#last;
    this.#last = new Map();
    for (const [url, now] of readings) {
      if (!now) continue;
      this.#last.set(url, now);
      const before = last.get(url);
      if (!before) continue;
      const seconds = (now.at - before.at) / 1_000;
      // A counter that fell belongs to a node that was started anew.
      const rate = (a: number, b: number): number => Math.max(0, (b - a) / seconds);
      rates.set(url, {
        published: rate(before.published, now.published),
        delivered: rate(before.delivered, now.delivered),
      });
    }
    return rates;
  }

  async #reading(url: string): Promise<Reading | undefined> {
    try {
      const headers: Record<string, string> = this.#apiKey ? { authorization: `Bearer ${this.#apiKey}` } : {};
      const answer = await fetch(`${nodeUrl(url)}/metrics`, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
      if (!answer.ok) return undefined;
      const text = await answer.text();
      return {
        at: performance.now(),
        published: total(text, 'halod_published_total'),
        delivered: total(text, 'halod_delivered_total'),
      };
    } catch {
      return undefined;
    }
  }
}

/** Sum of a counter over its labels, in Prometheus text. */
export function total(metrics: string, name: string): number {
  let sum = 0;
  for (const [, value] of metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'gm'))) sum += Number(value);
  return sum;
}
