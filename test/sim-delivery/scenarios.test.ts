import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { judge, SCENARIOS } from '../../lib/sim/delivery/scenarios/all.js';

for (const scripted of SCENARIOS) {
  test.serial(`${scripted.name}: what is promised holds`, async (t) => {
    await turn();
    t.deepEqual(judge(scripted), []);
  });
}
