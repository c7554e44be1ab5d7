import test from 'ava';
import { MUTANTS, runMutants } from '../../lib/sim/membership/mutants.js';

test('there are at least a dozen wrong variants, each with a name of its own', (t) => {
  t.true(MUTANTS.length >= 12);
  t.is(new Set(MUTANTS.map((mutant) => mutant.name)).size, MUTANTS.length);
});

for (const name of ['no stall guard', 'nobody dials the dead', 'no tombstones'])
  test(`the simulator catches the variant "${name}"`, async (t) => {
    const lines: string[] = [];
    t.true(await runMutants((line) => lines.push(line), name), lines.join('\n'));
  });
