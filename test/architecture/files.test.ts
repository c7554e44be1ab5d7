/** How files are kept: short, with a word on what they are, exporting by name. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import test from 'ava';
import { ROOT, sourcesBelow } from './sources.js';

const LINES_MAX = 400;

/** Longer files, each with its reason. */
const LONG_FOR_A_REASON: Readonly<Record<string, string>> = {
  'lib/core/node.ts': 'wires every part of the node to every other; taking it apart would only add ports',
  'test/membership/pitfalls.test.ts': 'a catalogue: one test for each pitfall that bit others',
  'test/channel/ring.ts': 'a whole small cluster of channel sides, with its faults and its checks',
};

/** Entries of the package: the only files that pass on what others export. */
const ENTRIES = ['lib/index.ts', 'lib/client/index.ts'];

const FOLDERS = ['lib', 'test', 'bench', 'examples'];

async function everySource(): Promise<{ file: string; text: string }[]> {
  const files = (await Promise.all(FOLDERS.map((folder) => sourcesBelow(folder)))).flat();
  return Promise.all(files.map(async (file) => ({ file, text: await readFile(join(ROOT, file), 'utf8') })));
}

test(`no file is longer than ${LINES_MAX} lines without a reason`, async (t) => {
  const long = (await everySource())
    .filter(({ text }) => text.split('\n').length - 1 > LINES_MAX)
    .map(({ file }) => file);
  t.deepEqual(
    long.filter((file) => !(file in LONG_FOR_A_REASON)),
    [],
  );
  t.deepEqual(
    Object.keys(LONG_FOR_A_REASON).filter((file) => !long.includes(file)),
    [],
    'a reason that is no longer needed',
  );
});

test('every file of lib opens with what it is', async (t) => {
  const bare = (await everySource()).filter(
    ({ file, text }) => file.startsWith('lib/') && !/^(?:#![^\n]*\n)?\/\*\*/.test(text),
  );
  t.deepEqual(
    bare.map(({ file }) => file),
    [],
  );
});

test('nothing is exported by default, and only the entries of the package pass on exports', async (t) => {
  const wrong: string[] = [];
  for (const { file, text } of await everySource()) {
    if (/^export default\b/m.test(text)) wrong.push(`${file}: default export`);
    if (/^export \* from/m.test(text) && !ENTRIES.includes(file)) wrong.push(`${file}: passes on exports`);
  }
  t.deepEqual(wrong, []);
});

test('no file is named after nothing in particular', async (t) => {
  const vague = (await everySource())
    .map(({ file }) => file)
    .filter((file) => /^(?:utils?|helpers?|common|misc)\.ts$/.test(basename(file)));
  t.deepEqual(vague, []);
});
