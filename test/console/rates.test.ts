import test from 'ava';
import { counter } from '../../lib/console/assets/rates.js';

const METRICS = `# HELP halod_published_total messages
# TYPE halod_published_total counter
halod_published_total{way="http"} 40
halod_published_total{way="ws"} 2
halod_published_totality 7
halod_delivered_total 1.5e3
`;

test('a counter is the sum over its labels', (t) => {
  t.is(counter(METRICS, 'halod_published_total'), 42);
  t.is(counter(METRICS, 'halod_delivered_total'), 1_500);
});

test('a counter that is absent is not zero', (t) => {
  t.is(counter(METRICS, 'halod_other_total'), Number.NaN);
});
