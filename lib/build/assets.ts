/**
 * The last step of `npm run build`: copies what the compiler does not write (pages, styles, pictures) beside the
 * compiled modules, and makes the command executable. Run from the root of the repository.
 */
import { chmod, cp, mkdir } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** Sources and their places below the output directory. */
const PAGES = ['lib/console/assets', 'examples/demo/page'];
const COPIED = new Set(['', '.html', '.css', '.svg', '.ico', '.png', '.webmanifest']);

const out = process.argv[2] ?? 'dist';
for (const page of PAGES) {
  const target = join(out, page);
  await mkdir(target, { recursive: true });
  await cp(page, target, { recursive: true, filter: (source) => COPIED.has(extname(source)) });
}
await chmod(join(out, 'lib/cli/main.js'), 0o755);
