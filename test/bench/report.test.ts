import test from 'ava';
import { charts } from '../../bench/harness/charts.js';
import { report, tables } from '../../bench/harness/report.js';
import { type Cell, isSameCell, type Results } from '../../bench/harness/results.js';
import { jobsOf } from '../../bench/harness/runner.js';
import { PEERS } from '../../bench/peers/registry.js';
import { WORKLOADS } from '../../bench/workloads/registry.js';
import { MACHINE } from './machine.js';

const NONE = { lost: 0, repeated: 0, reordered: 0, foreign: 0, unreadable: 0 };

function cell(peer: string, costs: readonly number[], lost = 0): Cell {
  return {
    workload: 'unicast',
    variant: '3 nodes',
    peer,
    startedAt: '2026-01-01T00:00:00.000Z',
    runs: costs.map((serverMicros) => ({
      figures: { serverMicros, perSecond: 1e6 / serverMicros },
      checks: { ...NONE, lost },
      faults: [],
    })),
    failures: [],
  };
}

function resultsOf(cells: Cell[]): Results {
  return {
    startedAt: '2026-01-01T00:00:00.000Z',
    command: 'npm run bench',
    machine: MACHINE,
    options: {},
    peers: {
      nats: {
        title: 'NATS core',
        guarantee: 'at most once',
        configuration: 'a mesh',
        versions: { 'nats-server': '2' },
      },
    },
    skipped: { cometd: 'the CometD server is not built' },
    cells,
  };
}

test('a table has the median with both ends, and says when nothing was wrong', (t) => {
  const text = tables(resultsOf([cell('nats', [12, 10, 11])]));
  t.regex(text, /\| NATS core \| 3 \| 90,909 \(83,333\.\.100,000\) \| 11 \(10\.\.12\) \|.*\| all 0 \|/);
});

test('a loss cannot hide in a table', (t) => {
  t.regex(tables(resultsOf([cell('nats', [12, 10], 3)])), /6 lost/);
});

test('a failed run is counted in its row', (t) => {
  const failed: Cell = { ...cell('nats', [12]), failures: ['it broke'] };
  t.regex(tables(resultsOf([failed])), /\| 1, 1 failed \|/);
});

test('the report names machine, versions and what was left out', (t) => {
  const text = report(resultsOf([cell('nats', [12])]));
  for (const part of ['a cpu', 'nats-server 2', 'cometd', 'npm run bench']) t.true(text.includes(part));
});

test('charts are drawn where there is something to compare', (t) => {
  const files = charts(resultsOf([cell('nats', [12, 10]), cell('faye', [100, 400])]), WORKLOADS);
  t.deepEqual([...files.keys()].sort(), ['unicast-3-nodes-persecond.svg', 'unicast-3-nodes-servermicros.svg']);
  for (const text of files.values()) t.true(text.startsWith('<svg'));
  t.is(charts(resultsOf([cell('nats', [12])]), WORKLOADS).size, 0);
});

test('cells are the same where workload, variant and peer are', (t) => {
  t.true(isSameCell(cell('nats', [1]), cell('nats', [2])));
  t.false(isSameCell(cell('nats', [1]), cell('faye', [1])));
});

test('every peer has work to do, and its name once', (t) => {
  t.is(new Set(PEERS.map((peer) => peer.name)).size, PEERS.length);
  for (const peer of PEERS) t.true(jobsOf(WORKLOADS, [peer], []).length > 0);
});

test('charts of a workload are columns of it', (t) => {
  for (const workload of WORKLOADS) {
    for (const key of workload.charts) t.true(workload.columns.some((column) => column.key === key));
  }
});

test('a report that was put together from parts says so', (t) => {
  const results = resultsOf([cell('nats', [1])]);
  t.notRegex(report(results), /first part/);
  t.regex(
    report({ ...results, command: 'npm run bench -- --workload fanout' }),
    /first part only.*2026-01-01 00:00 UTC\./,
  );
  t.notRegex(report({ ...results, command: 'npm run bench -- --workload fanout,unicast' }), /first part/);
  t.regex(
    report({ ...results, added: ['npm run bench -- --add'] }),
    /first part only[\s\S]*- `npm run bench -- --add`/,
  );
});
