/** Rates of this node, from the counters of its `/metrics` at two moments. */
import { apiHeaders } from './key.js';

export interface Rates {
  readonly published: number;
  readonly delivered: number;
}

const COUNTERS = { published: 'halod_published_total', delivered: 'halod_delivered_total' } as const;

interface Reading extends Rates {
  readonly at: number;
}

let last: Reading | undefined;

/** undefined at the first call, and where the metrics cannot be read. */
export async function readRates(): Promise<Rates | undefined> {
  try {
    const answer = await fetch('/metrics', { headers: apiHeaders(), signal: AbortSignal.timeout(5_000) });
    if (!answer.ok) return undefined;
    const text = await answer.text();
    const now: Reading = {
      at: performance.now(),
      published: counter(text, COUNTERS.published),
      delivered: counter(text, COUNTERS.delivered),
    };
    const before = last;
    last = now;
    return before && rate(before, now);
  } catch {
    return undefined;
  }
}

/** Sum of a counter over all its labels, in Prometheus text; NaN where it is absent. */
export function counter(metrics: string, name: string): number {
  let sum = Number.NaN;
  for (const line of metrics.split('\n')) {
    if (!line.startsWith(name)) continue;
    const match = /^(?:\{[^}]*\})? (\S+)/.exec(line.slice(name.length));
    if (match) sum = (Number.isNaN(sum) ? 0 : sum) + Number(match[1]);
  }
  return sum;
}

/** A counter that fell was reset by a restart: nothing is known for that moment. */
function rate(before: Reading, now: Reading): Rates | undefined {
  const seconds = (now.at - before.at) / 1_000;
  const published = (now.published - before.published) / seconds;
  const delivered = (now.delivered - before.delivered) / seconds;
  return published >= 0 && delivered >= 0 ? { published, delivered } : undefined;
}
