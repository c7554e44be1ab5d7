import test from 'ava';
import { Samples } from '../../bench/harness/samples.js';
import { percentile, printed, printedSpread, spreadOf } from '../../bench/harness/stats.js';

test('a spread is the median with its smallest and largest run', (t) => {
  t.deepEqual(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3, runs: 3 });
  t.deepEqual(spreadOf([4, 1]), { median: 2.5, min: 1, max: 4, runs: 2 });
  t.is(spreadOf([]), undefined);
});

test('a percentile is a sample, by nearest rank', (t) => {
  const sorted = Array.from({ length: 100 }, (_, index) => index + 1);
  t.is(percentile(sorted, 0.5), 50);
  t.is(percentile(sorted, 0.99), 99);
  t.is(percentile(sorted, 1), 100);
  t.true(Number.isNaN(percentile([], 0.5)));
});

test('samples beyond the first block are kept', (t) => {
  const samples = new Samples();
  for (let value = 1; value <= 200_000; value++) samples.add(value);
  const { count, p50Ms, maxMs } = samples.summary();
  t.deepEqual({ count, p50Ms, maxMs }, { count: 200_000, p50Ms: 100_000, maxMs: 200_000 });
  samples.clear();
  t.is(samples.summary().count, 0);
});

test('figures are printed with as many digits as they deserve', (t) => {
  t.deepEqual([0, 1.234, 12.34, 123.4, 12_345.6, Number.NaN].map(printed), ['0', '1.23', '12.3', '123', '12,346', '–']);
  t.is(printedSpread(spreadOf([1, 2, 3])), '2 (1..3)');
  t.is(printedSpread(undefined), '–');
});
