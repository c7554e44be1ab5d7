/** A time as people write it on the command line, in milliseconds. */
import { OPTIONS } from '../config/options.js';
import { readValue } from '../config/values.js';

const ANY = OPTIONS.find((spec) => spec.key === 'historyAgeMs')!;

/** @throws OptionError */
export function readDurationMs(flag: string, text: string, minMs = 1): number {
  return readValue({ ...ANY, kind: { type: 'duration', minMs, maxMs: 3_650 * 86_400_000 } }, text, flag) as number;
}
