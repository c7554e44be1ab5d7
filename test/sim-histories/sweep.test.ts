import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { TIMINGS } from '../../lib/core/membership/options.js';
import { Core } from '../../lib/core/node.js';
import { ownerlessBoundMs } from '../../lib/sim/histories/bounds.js';
import { runHistory } from '../../lib/sim/histories/run.js';
import { HISTORY_TEMPERS, makeHistory, STUCK_JOINER } from '../../lib/sim/histories/scenario.js';
import { REGRESSIONS } from './seeds.js';

/** Of each temper, of the 10,000 that `npm run sim -- histories --seeds 10000` runs. */
const SEEDS = 25;

for (const temper of HISTORY_TEMPERS) {
  test.serial(`${SEEDS} ${temper} histories end with one table, and no slot lacks an owner for too long`, async (t) => {
    await turn();
    let spans = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const outcome = runHistory(makeHistory(seed, temper), Core);
      t.deepEqual(outcome.violations.slice(0, 3), [], `npm run sim -- histories --seed ${seed} --temper ${temper}`);
      t.not(outcome.convergedMs, undefined);
      spans += outcome.spans.length;
    }
    t.true(spans > SEEDS, `only ${spans} times a slot had no owner: these histories show nothing`);
  });
}

test.serial('histories that once failed hold', async (t) => {
  await turn();
  for (const [seed, temper, why] of REGRESSIONS) {
    const { violations } = runHistory(makeHistory(seed, temper), Core);
    t.deepEqual(violations.slice(0, 3), [], `seed ${seed} ${temper}: ${why}`);
  }
});

test('a joiner that stands still while it joins, and is found failed, owns nothing', (t) => {
  const { violations, counts } = runHistory(STUCK_JOINER, Core);
  t.deepEqual(violations, []);
  t.true((counts.get('joining→suspect') ?? 0) > 0 && (counts.get('suspect→failed') ?? 0) > 0, 'it was not suspected');
});

test('the same seed gives the same history', (t) => {
  for (const temper of HISTORY_TEMPERS) {
    const [one, two] = [1, 2].map(() => runHistory(makeHistory(11, temper), Core));
    t.is(one!.hash, two!.hash, temper);
    t.deepEqual(one!.counts, two!.counts, temper);
  }
});

test('the bounds order as the causes do: a kill before a silent death before a side that doubts itself', (t) => {
  const about = { returned: false, nodes: 5, health: 0, patience: 0, afterSilence: false };
  const of = (cause: 'killed' | 'silent' | 'cut off', side: number) =>
    ownerlessBoundMs(TIMINGS.local, { ...about, cause, side });
  t.true(of('killed', 4) < 1_000);
  t.true(of('silent', 4) > of('killed', 4) + TIMINGS.local.suspicionMinMs);
  t.true(of('cut off', 3) > of('silent', 4));
  t.true(of('cut off', 1) > TIMINGS.local.suspicionMinMs * TIMINGS.local.deafMaxFactor);
});
