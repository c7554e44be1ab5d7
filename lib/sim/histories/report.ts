/** The times without an owner of many histories, by cause, beside what each was allowed. */
import type { Judged } from './spans.js';

interface Row {
  readonly ms: number[];
  worst: Judged | undefined;
}

export class SpanReport {
  readonly #rows = new Map<string, Row>();

  add(judged: Judged): void {
    const { cause, returned, clean } = judged.span;
    const name = clean ? `${cause}${returned ? ', returned' : ''}` : 'in other trouble';
    const row = this.#rows.get(name) ?? { ms: [], worst: undefined };
    this.#rows.set(name, row);
    row.ms.push(judged.ms);
    if (row.worst === undefined || share(judged) > share(row.worst)) row.worst = judged;
  }

  rows(): string[] {
    return [...this.#rows]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { ms, worst }]) => {
        ms.sort((a, b) => a - b);
        const at = (part: number) => ms[Math.min(ms.length - 1, Math.floor(ms.length * part))]!.toFixed(0);
        const most = `most of its bound: ${worst!.ms.toFixed(0)} of ${worst!.boundMs.toFixed(0)}`;
        return `  ${name}: ${ms.length} spans, ms p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)}; ${most}`;
      });
  }
}

function share({ ms, boundMs }: Judged): number {
  return ms / boundMs;
}
