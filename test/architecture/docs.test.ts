/** The tables of the README say what the code says, both ways. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { OPTIONS, type OptionSpec } from '../../lib/config/options.js';
import { formatBytes, formatDuration } from '../../lib/config/values.js';
import { CLOSE, ERRORS } from '../../lib/wire/errors.js';
import { ROOT } from './sources.js';

const readme = await readFile(join(ROOT, 'README.md'), 'utf8');

/** Rows of the table below a heading, each as its cells. */
function tableBelow(heading: string): string[][] {
  const start = readme.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`README.md has no heading ${heading}`);
  const lines = readme.slice(start + heading.length + 2).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const rows: string[][] = [];
  for (const line of lines.slice(first)) {
    if (!line.startsWith('|')) break;
    rows.push(
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
  }
  return rows.slice(2);
}

test('the table of errors names every error with its status, whether to retry, and what it means', (t) => {
  const wanted = Object.entries(ERRORS).map(([code, { status, retry, means }]) => [
    `\`${code}\``,
    String(status),
    retry ? 'yes' : 'no',
    means,
  ]);
  t.deepEqual(tableBelow('### Errors'), wanted);
});

test('the table of close codes names every code', (t) => {
  const rows = tableBelow('### Close codes').map(([code, name]) => [code, name]);
  t.deepEqual(
    rows,
    Object.entries(CLOSE).map(([name, code]) => [String(code), `\`${name}\``]),
  );
});

test('the table of options names every option with its value, default and meaning', (t) => {
  const wanted = OPTIONS.map((spec) => [`\`${flagOf(spec)}\``, defaultOf(spec), meaningOf(spec)]);
  t.deepEqual(tableBelow('### Options'), wanted);
});

function flagOf(spec: OptionSpec): string {
  if (spec.kind.type === 'flag') return spec.default === true ? `--no-${spec.name}` : `--${spec.name}`;
  return `--${spec.name} ${spec.value}`;
}

function meaningOf(spec: OptionSpec): string {
  return spec.default === true ? `do not ${spec.help}` : spec.help;
}

function defaultOf(spec: OptionSpec): string {
  if (spec.kind.type === 'flag') return '';
  if (spec.kind.type === 'bytes') return formatBytes(spec.default as number);
  if (spec.kind.type === 'duration') return formatDuration(spec.default as number);
  return spec.kind.type === 'list' ? '' : String(spec.default);
}
