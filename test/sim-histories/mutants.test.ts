import test from 'ava';
import { HISTORY_MUTANTS, runHistoryMutants } from '../../lib/sim/histories/mutants.js';

for (const { name } of HISTORY_MUTANTS)
  test.serial(`the rule that is there for it sees: ${name}`, async (t) => {
    const lines: string[] = [];
    t.true(await runHistoryMutants((line) => lines.push(line), name), lines.join('\n'));
  });

test('no wrong variant has the name of another', (t) => {
  const names = HISTORY_MUTANTS.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
});
