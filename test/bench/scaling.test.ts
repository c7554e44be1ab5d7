import test from 'ava';
import { ASSUMPTIONS, type Costs, LOADS, planFor, scalingTables } from '../../bench/harness/scaling.js';

const costs: Costs = { kBEach: 8, connectCpuS: 3, microsPaced: 50, idleCoresMean: 0.01 };
const load = { name: 'a message a second', perUser: 1, sessionS: 600 };

test('a plan keeps every bound and wastes less than one worker', (t) => {
  for (const each of LOADS) {
    for (const users of [1_000, 1e6, 1e7]) {
      const plan = planFor(users, each, costs);
      t.true(plan.coresEach <= ASSUMPTIONS.busyShareMax + 1e-9);
      t.true(plan.memoryGBEach <= ASSUMPTIONS.memoryGBMax + 1e-9);
      t.true(plan.usersEach <= ASSUMPTIONS.connectionsMax);
      t.true(Math.abs(plan.usersEach * plan.workers - users) < 1);
    }
  }
});

test('what limits a plan is named', (t) => {
  t.is(planFor(1e6, load, costs).limit, 'CPU');
  t.is(planFor(1e6, { ...load, perUser: 0 }, costs).limit, 'connections');
  t.is(planFor(1e6, { ...load, perUser: 0 }, { ...costs, kBEach: 80 }).limit, 'memory');
});

test('the table has a row for each load and size, at each end of what a delivery costs', (t) => {
  t.is(scalingTables(costs).split('\n').length, 2 + 2 * LOADS.length);
  const measured = { ...costs, microsGrowth: { three: 100, eight: 200 } };
  const rows = scalingTables(measured).split('\n').slice(2);
  t.is(rows.length, 4 * LOADS.length);
  for (const row of rows) t.regex(row, /\| (?:50|200) \|/);
});

test('history lasts until the bytes of a worker are full, copies included', (t) => {
  const plan = planFor(1e6, load, costs);
  const perSecond = plan.usersEach * load.perUser * ASSUMPTIONS.copies;
  t.true(Math.abs(plan.historyS * perSecond * (ASSUMPTIONS.entryBytes + ASSUMPTIONS.dataBytes) - 2 ** 28) < 1);
  t.true(planFor(1e6, load, costs, 4 * costs.microsPaced).historyS > 3 * plan.historyS, 'more workers keep more');
});
