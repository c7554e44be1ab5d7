/** Imports point one way: wire ← core ← node, sim; wire ← client ← cli. The rules are read off the sources. */
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import test from 'ava';
import { ROOT, sourcesBelow } from './sources.js';

/** What each part of lib may import, besides itself. A part that is not named here may import nothing. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  config: ['wire'],
  core: ['wire'],
  client: ['wire'],
  sim: ['wire', 'core', 'client', 'config'],
  node: ['wire', 'core', 'config'],
  index: ['wire', 'core', 'config', 'node'],
  // The page of the console runs in a browser and names the types of the client that every node serves.
  console: ['client', 'wire'],
  cli: ['wire', 'config', 'client', 'core', 'index', 'node'],
  build: [],
};

/** Packages that only the named parts may use: they are slow to load, or have no place in a browser or in the core. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  ws: ['node', 'client'],
  jose: ['node', 'cli'],
  'prom-client': ['node'],
  '@libp2p/crypto': ['node'],
  commander: ['cli'],
  debug: ['node'],
  msgpackr: ['wire', 'client', 'node', 'core', 'sim'],
  valibot: ['wire', 'node'],
};

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g;

interface Import {
  readonly file: string;
  readonly target: string;
}

async function importsOf(file: string): Promise<Import[]> {
  const text = await readFile(join(ROOT, file), 'utf8');
  return [...text.matchAll(IMPORT)].map((match) => ({ file, target: (match[1] ?? match[2] ?? match[3])! }));
}

const partOf = (file: string): string => /^lib\/(?:([^/]+)\/|(index)\.ts$)/.exec(file)?.slice(1).find(Boolean) ?? '';

test('parts of lib import only what lies below them', async (t) => {
  const wrong: string[] = [];
  for (const file of await sourcesBelow('lib')) {
    const part = partOf(file);
    for (const { target } of await importsOf(file)) {
      if (!target.startsWith('.')) continue;
      const path = relative(ROOT, join(ROOT, dirname(file), target)).replace(/\.js$/, '.ts');
      const other = partOf(path);
      if (other !== part && !MAY_IMPORT[part]?.includes(other)) wrong.push(`${file} imports ${path}`);
    }
  }
  t.deepEqual(wrong, []);
});

test('the core and the wire import no package of Node, nor any other but those allowed', async (t) => {
  const wrong: string[] = [];
  for (const file of await sourcesBelow('lib')) {
    const part = partOf(file);
    for (const { target } of await importsOf(file)) {
      if (target.startsWith('.')) continue;
      if (target.startsWith('node:')) {
        if (part === 'core' || part === 'wire') wrong.push(`${file} imports ${target}`);
        continue;
      }
      const name = /^(?:@[^/]+\/)?[^/]+/.exec(target)![0];
      if (!PACKAGES[name]?.includes(part)) wrong.push(`${file} imports ${target}`);
    }
  }
  t.deepEqual(wrong, []);
});

test('nothing in lib imports tests, benchmarks or examples', async (t) => {
  const wrong: string[] = [];
  for (const file of await sourcesBelow('lib')) {
    for (const { target } of await importsOf(file))
      if (/(?:^|\/)(?:test|bench|examples)\//.test(target)) wrong.push(`${file} imports ${target}`);
  }
  t.deepEqual(wrong, []);
});

test('the core asks for time and chance instead of taking them', async (t) => {
  const taken =
    /\b(?:Date\.now|new Date|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|queueMicrotask|process\.|crypto\.)|\basync\b|\bawait (?=[\w(])|\bnew Promise\b|\bPromise[.<]/;
  const wrong: string[] = [];
  for (const file of [...(await sourcesBelow('lib/core')), ...(await sourcesBelow('lib/client/core'))]) {
    const text = withoutComments(await readFile(join(ROOT, file), 'utf8'));
    const match = taken.exec(text);
    if (match) wrong.push(`${file}: ${match[0]}`);
  }
  t.deepEqual(wrong, []);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/[^\n]*/g, '');
}
