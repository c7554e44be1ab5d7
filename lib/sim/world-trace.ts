/**
 * What happened, one line an event, and a 64-bit hash over the same fields. The hash is always kept, the lines only for
 * who listens: same seed, same hash, on every machine.
 */
export const TRACE_KINDS = [
  'send',
  'deliver',
  'drop',
  'up',
  'down',
  'start',
  'stop',
  'fault',
  'stall',
  'note',
] as const;
export type TraceKind = (typeof TRACE_KINDS)[number];

const CODES = new Map(TRACE_KINDS.map((kind, i) => [kind, i + 1]));

export class Trace {
  #high = 0x2545f491;
  #low = 0x9e3779b9;
  events = 0;
  readonly #line: ((line: string) => void) | undefined;

  constructor(line?: (line: string) => void) {
    this.#line = line;
  }

  /** `value` is what the hash sees of the event besides who and when; `text` of `about` is what a reader sees. */
  add<T>(
    time: number,
    kind: TraceKind,
    from: number,
    to: number,
    value: number,
    about?: T,
    text?: (about: T) => string,
  ): void {
    this.events += 1;
    const word = Math.imul((CODES.get(kind) as number) * 0x01000193 + from, 0x85ebca6b) ^ Math.imul(to + 1, 0xc2b2ae35);
    const micros = Math.round(time * 1_000);
    this.#low = Math.imul(this.#low ^ word ^ micros, 0x01000193) ^ (this.#high >>> 15);
    this.#high = Math.imul(this.#high ^ value ^ (this.#low >>> 13), 0x5bd1e995) ^ (micros / 0x1_0000_0000);
    if (this.#line)
      this.#line(`${time.toFixed(3)} ${kind} ${from} ${to} ${text ? text(about as T) : (about ?? value)}`);
  }

  get hash(): string {
    return (this.#high >>> 0).toString(16).padStart(8, '0') + (this.#low >>> 0).toString(16).padStart(8, '0');
  }
}
