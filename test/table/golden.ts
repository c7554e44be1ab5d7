/**
 * Whole tables fixed for ever: memberships by shape, and what the table of each was when it was fixed. A change here
 * means that clusters of mixed versions disagree: then ALGORITHM_VERSION in table.ts must rise, and
 * `node dist/test/table/print-golden.js` prints the new lines.
 */
import { createHash } from 'node:crypto';
import { buildTable } from '../../lib/core/table/table.js';
import { countTo, membersOf, type Shape } from './memberships.js';

export interface GoldenCase {
  readonly name: string;
  readonly slots: number;
  readonly copies: number;
  readonly tolerance: number;
  readonly shape: Shape;
}

const ZONES = ['eu-1', 'eu-2', 'us-1'];

function plain(slots: number, count: number, extra: Partial<GoldenCase> = {}, shape: Partial<Shape> = {}): GoldenCase {
  const name = `${slots} slots, ${count} nodes`;
  return { name, slots, copies: 3, tolerance: 0, ...extra, shape: { ids: countTo(count), ...shape } };
}

export const CASES: readonly GoldenCase[] = [
  plain(16, 1),
  plain(16, 2),
  plain(16, 5),
  plain(64, 100),
  plain(1_024, 2),
  plain(1_024, 3),
  plain(1_024, 10),
  plain(1_024, 17),
  plain(1_024, 100),
  plain(4_096, 8),
  plain(4_096, 33),
  plain(16_384, 3),
  plain(16_384, 32),
  plain(16_384, 250),
  plain(65_536, 12),
  plain(1_024, 7, { name: 'one copy', copies: 1 }),
  plain(1_024, 9, { name: 'eight copies', copies: 8 }),
  plain(1_024, 10, { name: 'weights 1, 2, 4' }, { weights: [1, 2, 4] }),
  plain(1_024, 30, { name: 'weights from 1 to 1,000' }, { weights: [1, 10, 100, 1_000] }),
  plain(1_024, 9, { name: 'three zones' }, { zones: ZONES }),
  plain(1_024, 20, { name: 'one node apart from the rest' }, { zones: ['b', ...countTo(19).map(() => 'a')] }),
  plain(1_024, 10, { name: 'tolerance of 5 %', tolerance: 0.05 }),
  plain(1_024, 10, { name: 'three of ten dead' }, { dead: [0, 4, 9] }),
  plain(
    1_024,
    30,
    { name: 'zones, weights and half of them dead' },
    { zones: ZONES, weights: [1, 3], dead: countTo(15) },
  ),
];

export interface Fingerprint {
  readonly iteration: string;
  readonly owners: string;
  readonly holders: string;
}

export function fingerprint({ slots, copies, tolerance, shape }: GoldenCase): Fingerprint {
  const table = buildTable({ slots, copies, tolerance }, membersOf(shape));
  return { iteration: table.iteration, owners: digest(table.owners), holders: digest(table.holders) };
}

/** The first 16 hex digits of SHA-256 over the indices as 16-bit integers, low byte first. */
function digest(indices: Int16Array): string {
  const bytes = new DataView(new ArrayBuffer(indices.length * 2));
  for (const [at, index] of indices.entries()) bytes.setInt16(at * 2, index, true);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
