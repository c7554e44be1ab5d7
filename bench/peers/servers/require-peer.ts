/** Packages of the peers are found in bench/peers/node_modules, not in halod's own. */
import { createRequire } from 'node:module';
import { join } from 'node:path';

export function requirePeer(): NodeJS.Require {
  const root = process.env['BENCH_ROOT'];
  if (root === undefined) throw new Error('BENCH_ROOT is not set');
  return createRequire(join(root, 'bench/peers/package.json'));
}
