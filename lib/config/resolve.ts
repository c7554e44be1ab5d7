/**
 * Where each option's value comes from: a flag wins over the environment, the environment over the config file, the
 * file over the default. A name that is no option is an error wherever it stands, with the nearest name suggested.
 */
import { readFile } from 'node:fs/promises';
import { completeOptions } from './complete.js';
import { suggestion } from './nearest.js';
import { environmentName, type NodeOptions, OPTIONS, OptionError, type OptionSpec } from './options.js';
import { readValue } from './values.js';

/** Read by the command itself rather than by the node. */
const COMMAND_OPTIONS = ['json'] as const;
/** What other commands read from the environment. */
const OTHER_ENVIRONMENT = ['HALOD_CONFIG', 'HALOD_JSON', 'HALOD_LOG', 'HALOD_NODE', 'HALOD_TOKEN'];
/** Kubernetes puts these beside every pod of a namespace that has a service called `halod`. */
const SERVICE_ENVIRONMENT = /^HALOD_(?:SERVICE_(?:HOST|PORT.*)|PORT_\d+_(?:TCP|UDP).*)$/;

export interface OptionSources {
  /** By option name, as the command line gave them: only what was given. */
  readonly flags: ReadonlyMap<string, unknown>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly configFile?: string | undefined;
}

export interface ResolvedOptions {
  readonly options: NodeOptions;
  readonly json: boolean;
}

/** One place a value may come from, highest precedence first. */
interface Source {
  get(name: string): unknown;
  /** How the user wrote the name there. */
  label(name: string): string;
}

/** @throws OptionError */
export async function resolveOptions(sources: OptionSources): Promise<ResolvedOptions> {
  const { flags, environment } = sources;
  checkEnvironment(environment);
  const levels: Source[] = [
    { get: (name) => flags.get(name), label: (name) => `--${name}` },
    { get: (name) => environmentValue(environment, name), label: environmentName },
  ];
  const path = sources.configFile ?? environment['HALOD_CONFIG'];
  if (path) {
    const entries = await readConfigFile(path);
    levels.push({ get: (name) => entries.get(name), label: (name) => `${name} in ${path}` });
  }
  const given: Record<string, unknown> = {};
  for (const spec of OPTIONS) {
    const value = await firstValue(spec, levels);
    if (value !== undefined) given[spec.key] = value;
  }
  try {
    return { options: completeOptions(given as Partial<NodeOptions>), json: readJsonFlag(levels) };
  } catch (error) {
    throw error instanceof OptionError ? asFlag(error) : error;
  }
}

async function firstValue(spec: OptionSpec, levels: readonly Source[]): Promise<unknown> {
  for (const level of levels) {
    const value = level.get(spec.name);
    const file = spec.secret ? level.get(`${spec.name}-file`) : undefined;
    if (value !== undefined && file !== undefined) {
      const label = level.label(spec.name);
      throw new OptionError(label, `${label}: given twice, by value and by file`);
    }
    if (value !== undefined) return readValue(spec, value, level.label(spec.name));
    if (file !== undefined) return readSecretFile(spec, file, level.label(`${spec.name}-file`));
  }
  return undefined;
}

async function readSecretFile(spec: OptionSpec, file: unknown, label: string): Promise<unknown> {
  if (typeof file !== 'string' || file === '') throw new OptionError(label, `${label}: the name of a file is missing`);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new OptionError(label, `${label}: ${(error as Error).message}`);
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new OptionError(label, `${label}: ${file} is empty`);
  return readValue(spec, secret, label);
}

async function readConfigFile(path: string): Promise<Map<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new OptionError('--config', `--config: ${path}: ${(error as Error).message}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new OptionError('--config', `--config: ${path} must hold one JSON object`);
  }
  const known = knownNames();
  for (const name of Object.keys(parsed)) {
    if (!known.includes(name))
      throw new OptionError(name, `unknown option ${name} in ${path}${suggestion(name, known)}`);
  }
  return new Map(Object.entries(parsed));
}

function checkEnvironment(environment: Readonly<Record<string, string | undefined>>): void {
  const known = [...knownNames().map(environmentName), ...OTHER_ENVIRONMENT];
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('HALOD_') || known.includes(name) || SERVICE_ENVIRONMENT.test(name)) continue;
    throw new OptionError(name, `unknown option ${name} in the environment${suggestion(name, known)}`);
  }
}

function environmentValue(environment: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const value = environment[environmentName(name)];
  // An empty variable is how shells and compose files say "not set"; tcp://… is what Kubernetes says of a service.
  return value === '' || (name === 'port' && value?.startsWith('tcp://')) ? undefined : value;
}

function readJsonFlag(levels: readonly Source[]): boolean {
  for (const level of levels) {
    const value = level.get('json');
    if (value !== undefined) return value === true || value === 'true' || value === '1';
  }
  return false;
}

export function knownNames(): string[] {
  return [
    ...OPTIONS.flatMap((spec) => (spec.secret ? [spec.name, `${spec.name}-file`] : [spec.name])),
    ...COMMAND_OPTIONS,
  ];
}

/** Errors about values that do not go together name the field; on the command line it is a flag. */
function asFlag(error: OptionError): OptionError {
  const spec = OPTIONS.find((candidate) => candidate.key === error.option);
  return spec ? new OptionError(`--${spec.name}`, `--${error.message}`) : error;
}
