/** The peers' own npm packages, kept out of halod's: bench/peers/package.json, installed only when somebody asks. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Availability } from './peer.js';

export const INSTALL_PACKAGES = 'npm install --prefix bench/peers';

export function packageVersion(root: string, name: string): string | undefined {
  const file = join(root, 'bench/peers/node_modules', name, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : undefined;
}

export function checkPackages(root: string, names: readonly string[]): Availability {
  const versions: Record<string, string> = {};
  for (const name of names) {
    const version = packageVersion(root, name);
    if (version === undefined)
      return { isAvailable: false, why: `npm package ${name} is not installed`, install: INSTALL_PACKAGES };
    versions[name] = version;
  }
  return { isAvailable: true, versions };
}

export function bothOf(first: Availability, second: Availability): Availability {
  if (!first.isAvailable) return first;
  if (!second.isAvailable) return second;
  return { isAvailable: true, versions: { ...first.versions, ...second.versions } };
}
