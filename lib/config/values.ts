/**
 * Reads the values of options: from text, as flags and the environment give them, or from JSON and `createNode`.
 * A value that cannot be used is an error that says what would do; nothing is rounded or guessed.
 */
import type { OptionKind, OptionSpec } from './options.js';
import { OptionError } from './options.js';

const BYTE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1_024,
  kb: 1_000,
  kib: 1_024,
  m: 1_024 ** 2,
  mb: 1_000_000,
  mib: 1_024 ** 2,
  g: 1_024 ** 3,
  gb: 1_000_000_000,
  gib: 1_024 ** 3,
};

const TIME_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  '': 1_000,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const CONTROL = /\p{Cc}/u;

/**
 * The value of an option as `NodeOptions` keeps it. `raw` may be text (flag, environment) or what JSON holds.
 * @throws OptionError that begins with `source`, the option as the user wrote it
 */
export function readValue(spec: OptionSpec, raw: unknown, source: string): unknown {
  const fail = (wants: string): never => {
    const shown = spec.secret ? 'its value' : typeof raw === 'string' ? `"${raw}"` : JSON.stringify(raw);
    throw new OptionError(source, `${source}: ${shown} is not ${wants}`);
  };
  const { kind } = spec;
  switch (kind.type) {
    case 'flag':
      return readFlag(raw) ?? fail('true or false');
    case 'integer': {
      const n = readNumber(raw);
      if (n === undefined || !Number.isSafeInteger(n) || n < kind.min || n > kind.max) return fail(describeKind(kind));
      if (kind.powerOfTwo && (n & (n - 1)) !== 0) return fail(describeKind(kind));
      return n;
    }
    case 'bytes': {
      const n = readUnits(raw, BYTE_UNITS);
      return n !== undefined && n >= kind.min && n <= kind.max ? n : fail(describeKind(kind));
    }
    case 'duration': {
      const ms = readUnits(raw, TIME_UNITS_MS);
      return ms !== undefined && ms >= kind.minMs && ms <= kind.maxMs ? ms : fail(describeKind(kind));
    }
    case 'choice':
      return typeof raw === 'string' && kind.choices.includes(raw) ? raw : fail(describeKind(kind));
    case 'text':
      return typeof raw === 'string' && Buffer.byteLength(raw) <= kind.bytesMax && !CONTROL.test(raw)
        ? raw
        : fail(describeKind(kind));
    case 'list': {
      const items = typeof raw === 'string' ? raw.split(',') : raw;
      if (!Array.isArray(items) || items.length > kind.itemsMax) return fail(describeKind(kind));
      const texts = items.map((item) => (typeof item === 'string' ? item.trim() : ''));
      return texts.every((item) => item !== '' && !CONTROL.test(item)) ? texts : fail(describeKind(kind));
    }
  }
}

/** "a whole number from 0 to 65535": for errors and the options table of the README. */
export function describeKind(kind: OptionKind): string {
  switch (kind.type) {
    case 'flag':
      return 'true or false';
    case 'integer':
      return `a ${kind.powerOfTwo ? 'power of two' : 'whole number'} from ${kind.min} to ${kind.max}`;
    case 'bytes':
      return `a size from ${formatBytes(kind.min)} to ${formatBytes(kind.max)}, such as 64MiB`;
    case 'duration':
      return `a time from ${formatDuration(kind.minMs)} to ${formatDuration(kind.maxMs)}, such as 30s or 5m`;
    case 'choice':
      return `one of ${kind.choices.join(', ')}`;
    case 'text':
      return `a text of at most ${kind.bytesMax} bytes without control characters`;
    case 'list':
      return `a list of at most ${kind.itemsMax} texts`;
  }
}

export function formatBytes(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 1_024 ** 3],
    ['MiB', 1_024 ** 2],
    ['KiB', 1_024],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

export function formatDuration(ms: number): string {
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return ms === 0 ? '0s' : `${ms}ms`;
}

function readFlag(raw: unknown): boolean | undefined {
  if (typeof raw === 'boolean') return raw;
  if (raw === 'true' || raw === '1' || raw === 'yes' || raw === 'on') return true;
  if (raw === 'false' || raw === '0' || raw === 'no' || raw === 'off') return false;
  return undefined;
}

function readNumber(raw: unknown): number | undefined {
  if (typeof raw === 'number') return raw;
  return typeof raw === 'string' && /^\d{1,15}$/.test(raw) ? Number(raw) : undefined;
}

/** A number is in the unit of '' ; text may end with a unit. */
function readUnits(raw: unknown, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,3})?) ?([a-z]*)$/i.exec(String(raw));
  if (!match || (typeof raw !== 'number' && typeof raw !== 'string')) return undefined;
  const size = units[match[2]!.toLowerCase()];
  const value = size === undefined ? Number.NaN : Number(match[1]) * size;
  return Number.isSafeInteger(value) ? value : undefined;
}
