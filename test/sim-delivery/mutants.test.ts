import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { hunt, MUTANTS } from '../../lib/sim/delivery/mutants.js';

for (const mutant of MUTANTS.filter(({ quick }) => quick === true)) {
  test.serial(`the planted bug is seen: ${mutant.name}`, async (t) => {
    await turn();
    const caught = hunt(mutant).by;
    t.truthy(caught, `not seen within ${mutant.budget} seeds of ${mutant.tempers.join(', ')}`);
  });
}

test('no planted bug has the name of another', (t) => {
  const names = MUTANTS.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
});
