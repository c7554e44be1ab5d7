import test from 'ava';
import fc from 'fast-check';
import { Scores, scoreKeys } from '../../lib/core/table/scores.js';
import { buildTable } from '../../lib/core/table/table.js';
import type { TableMember } from '../../lib/core/table/types.js';
import { countTo, membersDrawn, membersOf, parametersDrawn, plainMembersDrawn, seeded } from './memberships.js';
import { denseCosts, optimalOwners } from './oracle.js';

function differingSlots(members: readonly TableMember[], slots: number, tolerance: number): number[] {
  const table = buildTable({ slots, copies: 1, tolerance }, members);
  const expected = optimalOwners(slots, table.members, tolerance);
  return expected.flatMap((owner, slot) => (table.owners[slot] === owner ? [] : [slot]));
}

test('scores as the specification words them', (t) => {
  const nodes = membersOf({ ids: [1, 2, 3], weights: [1, 7, 1_000] });
  for (const slots of [16, 32, 1_024]) {
    const scores = new Scores(slots);
    const costs = denseCosts(slots, nodes);
    for (const [index, { id, weight }] of nodes.entries()) {
      const keys = scoreKeys(id, weight);
      for (let slot = 0; slot < slots; slot++) t.is(scores.cost(keys, slot), costs[slot]?.[index] ?? Number.NaN);
    }
  }
});

test('gives every node each stratum exactly once', (t) => {
  for (const slots of [16, 2_048, 65_536]) {
    const scores = new Scores(slots);
    const keys = scoreKeys('any', 1);
    const strata = new Set(Array.from({ length: slots }, (_, slot) => scores.stratum(keys, slot)));
    t.is(strata.size, slots);
  }
});

for (const [slots, count] of [
  [1_024, 3],
  [1_024, 10],
  [1_024, 37],
  [512, 100],
  [64, 60],
  [4_096, 6],
] as const) {
  test(`agrees with the oracle slot for slot: ${slots} slots, ${count} nodes`, (t) => {
    t.deepEqual(differingSlots(membersOf({ ids: countTo(count) }), slots, 0), []);
    t.deepEqual(differingSlots(membersOf({ ids: countTo(count), weights: [1, 2, 4] }), slots, 0), []);
  });
}

test('agrees with the oracle where the first candidates do not suffice', (t) => {
  const members = membersOf({ ids: countTo(200), weights: [1_000, 1, 1, 1, 1, 1, 1] });
  t.deepEqual(differingSlots(members, 64, 0), []);
});

test('agrees with the oracle on random memberships of equal weight', (t) => {
  const property = fc.property(parametersDrawn, plainMembersDrawn, ({ slots, tolerance }, members) => {
    t.deepEqual(differingSlots(members, slots, tolerance), []);
  });
  fc.assert(property, seeded(t.log));
});

test('agrees with the oracle on random memberships of any weight', (t) => {
  const property = fc.property(parametersDrawn, membersDrawn, ({ slots, tolerance }, members) => {
    t.deepEqual(differingSlots(members, slots, tolerance), []);
  });
  fc.assert(property, seeded(t.log));
});
