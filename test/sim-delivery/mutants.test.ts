import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { MUTATIONS } from '../../lib/core/channel/mutations.js';
import { hunt, MUTANTS } from '../../lib/sim/delivery/mutants.js';
import { SCENARIOS } from '../../lib/sim/delivery/scenarios/all.js';

for (const mutant of MUTANTS.filter(({ quick }) => quick === true)) {
  test.serial(`the planted bug is seen: ${mutant.name}`, async (t) => {
    await turn();
    const caught = hunt(mutant).by;
    t.truthy(caught, `not seen by its scenarios or within ${mutant.budget} seeds of ${mutant.tempers.join(', ')}`);
  });
}

test('no planted bug has the name of another', (t) => {
  const names = MUTANTS.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
});

test('every bug that can be planted in a node is hunted', (t) => {
  t.deepEqual([...new Set(MUTANTS.flatMap(({ node }) => node ?? []))].sort(), [...MUTATIONS].sort());
});

test('scripted scenarios that a planted bug names exist', (t) => {
  const scripts = new Set(SCENARIOS.map(({ scenario }) => scenario.temper));
  for (const { name, scripts: named } of MUTANTS) for (const script of named ?? []) t.true(scripts.has(script), name);
});
