/**
 * What commands print. People get short lines and aligned tables, coloured on a terminal only; with --json every line
 * on stdout is one JSON object. Text that came from elsewhere has its control characters shown, never sent to the terminal.
 */
import { describeFailure } from './failure.js';

const COLOURS = {
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
  blue: '34',
  magenta: '35',
  cyan: '36',
} as const;
export type Colour = keyof typeof COLOURS;

/** One hue per node, in the order of the node list; the console and the demo use the same order. */
export const NODE_COLOURS: readonly Colour[] = ['cyan', 'magenta', 'yellow', 'green', 'blue', 'red'];

export function colour(name: Colour, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  const wanted = process.env['NO_COLOR'] === undefined && (stream.isTTY || process.env['FORCE_COLOR'] !== undefined);
  return wanted ? `\u001b[${COLOURS[name]}m${text}\u001b[0m` : text;
}

export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** For people, while stdout carries the result. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Tells what went wrong and yields the exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  const { exitCode, code, message, retry, stack } = describeFailure(error);
  if (json) printJson({ error: { code, message, retry } });
  else note(`${colour('red', 'error', process.stderr)} ${message} ${colour('dim', `(${code})`, process.stderr)}`);
  if (stack && process.env['DEBUG']) note(stack);
  return exitCode;
}

/** Makes control characters visible, so that no message can move the cursor or rename the window. */
export function visible(text: string): string {
  return text.replace(
    /\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export interface Column {
  readonly title: string;
  readonly align?: 'right';
}

/** Rows in columns as wide as their widest cell; colour codes do not count. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...rows.map((row) => plain(row[i] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map((column, i) => {
        const cell = cells[i] ?? '';
        const padding = ' '.repeat(widths[i]! - plain(cell).length);
        return column.align === 'right' ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return [colour('dim', line(columns.map((column) => column.title))), ...rows.map(line)];
}

export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the colour codes written above
  return text.replace(/\u001b\[\d+m/g, '');
}

/** 12345 → 12,345 */
export function count(n: number): string {
  return n.toLocaleString('en-US');
}
