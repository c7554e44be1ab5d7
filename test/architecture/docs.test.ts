/** The tables of the README say what the code says, both ways. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { OPTIONS, type OptionSpec } from '../../lib/config/options.js';
import { formatBytes, formatDuration } from '../../lib/config/values.js';
import { TIMINGS } from '../../lib/core/membership/options.js';
import { METRIC_NAMES } from '../../lib/node/http/metrics.js';
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

test('the page on operations names every metric, and no other', async (t) => {
  const page = await readFile(join(ROOT, 'lib/node/OPERATIONS.md'), 'utf8');
  const named = new Set(Array.from(page.matchAll(/\bhalod_\w+/g), ([name]) => name));
  t.deepEqual([...named].sort(), [...METRIC_NAMES].sort());
  const inReadme = Array.from(readme.matchAll(/\bhalod_\w+/g), ([name]) => name);
  t.deepEqual(
    inReadme.filter((name) => !METRIC_NAMES.includes(name)),
    [],
  );
});

test('the README says how long a failed member keeps its place', (t) => {
  for (const { forgetAfterMs } of Object.values(TIMINGS)) {
    t.true(readme.includes(`keeps its place in the table for ${forgetAfterMs / 60_000} minutes`));
  }
});

test('no page links to a file that is not there, or has a place that was not filled in', async (t) => {
  const wrong: string[] = [];
  for (const file of await pages()) {
    const text = await readFile(join(ROOT, file), 'utf8');
    if (text.includes('@@')) wrong.push(`${file}: @@`);
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
      if (!existsSync(join(ROOT, dirname(file), target!))) wrong.push(`${file}: ${target}`);
    }
  }
  t.deepEqual(wrong, []);
});

async function pages(): Promise<string[]> {
  const found = ['README.md'];
  for (const folder of ['lib', 'test', 'bench', 'examples']) {
    for (const name of await readdir(join(ROOT, folder), { recursive: true })) {
      if (name.endsWith('.md') && !name.includes('node_modules')) found.push(join(folder, name));
    }
  }
  return found;
}

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
