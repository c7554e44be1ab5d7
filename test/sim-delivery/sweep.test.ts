import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { runDelivery } from '../../lib/sim/delivery/run.js';
import { DELIVERY_TEMPERS, makeDeliveryScenario } from '../../lib/sim/delivery/scenario.js';
import { REGRESSIONS } from './seeds.js';

/** Of each temper; the rest by `npm run sim -- delivery`. */
const SEEDS = 4;

for (const temper of DELIVERY_TEMPERS) {
  test.serial(`nothing is lost, repeated or out of order in ${SEEDS} ${temper} runs`, async (t) => {
    await turn();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violations, counts } = runDelivery(makeDeliveryScenario(seed, temper));
      t.deepEqual(violations.slice(0, 3), [], `npm run sim -- delivery --seed ${seed} --temper ${temper}`);
      t.true(counts.acknowledged > 0, `seed ${seed} acknowledged nothing`);
    }
  });
}

test.serial('seeds that once failed hold', async (t) => {
  await turn();
  for (const [seed, temper, why] of REGRESSIONS) {
    const { violations } = runDelivery(makeDeliveryScenario(seed, temper));
    t.deepEqual(violations.slice(0, 3), [], `seed ${seed} ${temper}: ${why}`);
  }
});

test.serial('the same seed gives the same run', async (t) => {
  await turn();
  for (const temper of DELIVERY_TEMPERS.slice(0, 4)) {
    const scenario = makeDeliveryScenario(7, temper);
    const first = runDelivery(scenario);
    const second = runDelivery(scenario);
    t.is(first.hash, second.hash, temper);
    t.deepEqual(first.counts, second.counts, temper);
  }
});
