/**
 * Turns a part of the options into all of them: the one place where options are checked, for the command line and for
 * `createNode` alike. In `createNode` sizes are bytes and times are milliseconds, as the names of the fields say.
 */

import { suggestion } from './nearest.js';
import { nodeUrlOf } from './node-url.js';
import { DEFAULTS, type NodeOptions, OPTIONS, OptionError, type OptionSpec } from './options.js';
import { describeKind, readValue } from './values.js';

/** @throws OptionError for an unknown name, a value that cannot be used, or values that do not go together */
export function completeOptions(given: Partial<NodeOptions>): NodeOptions {
  const complete: Record<string, unknown> = { ...DEFAULTS };
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const spec = OPTIONS.find((candidate) => candidate.key === key);
    if (!spec)
      throw new OptionError(
        key,
        `unknown option ${key}${suggestion(
          key,
          OPTIONS.map((known) => known.key),
        )}`,
      );
    complete[key] = checkTyped(spec, value);
  }
  // Who asks for fewer copies than the default of `acks` means that many acknowledgements.
  if (given.acks === undefined) complete['acks'] = Math.min(DEFAULTS.acks, complete['copies'] as number);
  const options = complete as unknown as NodeOptions;
  checkTogether(options);
  return options;
}

export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host === '::1' ||
    host === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(host) ||
    /^::ffff:127\./i.test(host)
  );
}

/** What a node that listens beyond loopback lacks; empty where it may be reached from outside. */
export function missingSecurity(options: NodeOptions): string[] {
  const missing: string[] = [];
  if (options.clusterSecret === '') missing.push('--cluster-secret');
  if (options.apiKey === '') missing.push('--api-key');
  if (options.tokenSecret === '' && options.tokenJwks === '') missing.push('--token-secret or --token-jwks');
  return missing;
}

function checkTyped(spec: OptionSpec, value: unknown): unknown {
  const { kind, key } = spec;
  if (kind.type !== 'duration') return readValue(spec, value, key);
  // Here a duration is already in milliseconds, while readValue takes a bare number for seconds.
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= kind.minMs && value <= kind.maxMs)
    return value;
  throw new OptionError(key, `${key}: ${JSON.stringify(value)} is not ${describeKind(kind)}, in milliseconds`);
}

function checkTogether(options: NodeOptions): void {
  if (options.acks > options.copies) {
    throw new OptionError(
      'acks',
      `acks: ${options.acks} copies cannot be confirmed where a slot has ${options.copies} (copies)`,
    );
  }
  if (options.cluster === '') throw new OptionError('cluster', 'cluster: the name must not be empty');
  if (options.host === '') throw new OptionError('host', 'host: the address must not be empty');
  if (options.advertise !== '') checkUrl('advertise', options.advertise);
  for (const seed of options.seeds) checkSeed(seed);
  const missing = missingSecurity(options);
  if (!isLoopback(options.host) && !options.insecure && missing.length > 0) {
    throw new OptionError(
      'host',
      `host: ${options.host} can be reached from other machines, so ${missing.join(', ')} must be set; --insecure starts without`,
    );
  }
}

function checkSeed(text: string): void {
  try {
    nodeUrlOf(text);
  } catch (error) {
    throw new OptionError('seeds', `seed: ${(error as Error).message}, such as 10.0.0.5:7400`);
  }
}

function checkUrl(name: string, text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.search !== '' || url.hash !== '') {
    throw new OptionError(name, `${name}: "${text}" is not a URL such as http://10.0.0.5:7400`);
  }
}
