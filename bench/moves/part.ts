/** What each part of this bench gives: figures for the table, broken promises, plots. */

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What was to be reached, in words. */
  readonly goal?: string;
  readonly met?: boolean;
}

export interface Part {
  readonly name: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  readonly failures: readonly string[];
  /** By file name. */
  readonly plots: Readonly<Record<string, string>>;
}

export interface PartOptions {
  readonly users: number;
  readonly perSecond: number;
  readonly clients: number;
  readonly seed: number;
  say(line: string): void;
}

export function figure(name: string, value: number, unit: string, goal?: string, met?: boolean): Figure {
  return { name, value, unit, ...(goal === undefined ? {} : { goal }), ...(met === undefined ? {} : { met }) };
}

/** "At most": the usual goal. */
export function atMost(name: string, value: number, unit: string, limit: number): Figure {
  return figure(name, value, unit, `≤ ${limit} ${unit}`.trim(), value <= limit);
}
