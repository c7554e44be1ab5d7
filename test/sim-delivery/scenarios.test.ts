import test from 'ava';
import { judge, SCENARIOS } from '../../lib/sim/delivery/scenarios/all.js';

for (const scripted of SCENARIOS) {
  test(`${scripted.name}: what is promised holds`, (t) => {
    t.deepEqual(judge(scripted), []);
  });
}
