/** The version of this package, as its package.json says. */
import { readFileSync } from 'node:fs';

export const VERSION = readVersion();

function readVersion(): string {
  // from dist/lib/node in a checkout and in the published package alike
  try {
    const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(text) as { version?: unknown };
    return typeof version === 'string' ? version : '0.0.0';
  } catch {
    return '0.0.0';
  }
}
