/** Finds the sources of the repository, from compiled tests as well. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder above that holds the compiler's settings: the repository, wherever the compiled test lies. */
export const ROOT = process.env['HALOD_TEST_ROOT'] ?? rootAbove(dirname(fileURLToPath(import.meta.url)));

/** TypeScript files below a folder, by their paths from the root. */
export async function sourcesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.parentPath.includes('node_modules'))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath.slice(ROOT.length + 1), entry.name))
    .sort();
}

function rootAbove(folder: string): string {
  for (let here = folder; ; here = dirname(here)) {
    if (existsSync(join(here, 'tsconfig.json'))) return here;
    if (dirname(here) === here) throw new Error(`no tsconfig.json above ${folder}`);
  }
}
