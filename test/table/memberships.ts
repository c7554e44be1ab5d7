/** Memberships for the table's tests: some spelled out, some drawn by fast-check, all from small numbers. */
import fc from 'fast-check';
import type { TableMember, TableParameters } from '../../lib/core/table/types.js';
import type { NodeId } from '../../lib/wire/ids.js';

export interface Shape {
  /** Numbers that become ids; any order. */
  readonly ids: readonly number[];
  readonly weights?: readonly number[];
  readonly zones?: readonly string[];
  /** Positions in `ids` of those who do not live. */
  readonly dead?: readonly number[];
}

/** Ids as different from each other as real ones, from small numbers: 20 characters of base32. */
export function idOf(number: number): NodeId {
  let state = BigInt(number) * 0x9e3779b97f4a7c15f39cc0605cedc835n + 0x7f4a7c15n;
  let text = '';
  for (let i = 0; i < 20; i++) {
    state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 128n) - 1n);
    text += 'abcdefghijklmnopqrstuvwxyz234567'[Number(state >> 123n)];
  }
  return text as NodeId;
}

export function membersOf({ ids, weights = [1], zones = [''], dead = [] }: Shape): TableMember[] {
  return ids.map((number, index) => ({
    id: idOf(number),
    weight: weights[index % weights.length]!,
    zone: zones[index % zones.length]!,
    live: !dead.includes(index),
  }));
}

export function countTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

export const parametersDrawn: fc.Arbitrary<TableParameters> = fc.record({
  slots: fc.integer({ min: 4, max: 10 }).map((bits) => 2 ** bits),
  copies: fc.integer({ min: 1, max: 4 }),
  tolerance: fc.constantFrom(0, 0, 0, 0.05, 0.25),
});

const memberDrawn = fc.record({
  number: fc.integer({ min: 1, max: 100_000 }),
  weight: fc.oneof(fc.constant(1), fc.constantFrom(1, 2, 4), fc.integer({ min: 1, max: 1_000 })),
  zone: fc.constantFrom('', 'a', 'b', 'c'),
});

/** Up to 40 members, all alive. */
export const membersDrawn: fc.Arbitrary<TableMember[]> = fc
  .uniqueArray(memberDrawn, { minLength: 1, maxLength: 40, selector: (member) => member.number })
  .map((drawn) => drawn.map(({ number, weight, zone }) => ({ id: idOf(number), weight, zone, live: true })));

/** One zone, one weight: what most clusters are. */
export const plainMembersDrawn: fc.Arbitrary<TableMember[]> = membersDrawn.map((members) =>
  members.map((member) => ({ ...member, weight: 1, zone: '' })),
);

/** Seeds every random test from the environment or the clock, and says with which seed it ran. */
export function seeded(log: (line: string) => void): { seed: number; numRuns: number } {
  const seed = Number(process.env['HALOD_TEST_SEED'] ?? Date.now() % 2 ** 31);
  log(`HALOD_TEST_SEED=${seed}`);
  return { seed, numRuns: Number(process.env['HALOD_TEST_RUNS'] ?? 60) };
}
