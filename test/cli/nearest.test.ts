import test from 'ava';
import { editDistance, nearestName } from '../../lib/config/nearest.js';

test('the distance counts insertions, deletions, substitutions and swaps', (t) => {
  t.is(editDistance('port', 'port'), 0);
  t.is(editDistance('prot', 'port'), 1);
  t.is(editDistance('por', 'port'), 1);
  t.is(editDistance('ports', 'port'), 1);
  t.is(editDistance('sort', 'port'), 1);
  t.is(editDistance('', 'port'), 4);
  t.is(editDistance('kitten', 'sitting'), 3);
});

test('a slip finds the name that was meant', (t) => {
  const names = ['start', 'cluster', 'publish', 'subscribe', 'status'];
  t.is(nearestName('strat', names), 'start');
  t.is(nearestName('clutser', names), 'cluster');
  t.is(nearestName('STATUS', names), 'status');
});

test('a word unlike any name finds nothing', (t) => {
  t.is(nearestName('kubernetes', ['start', 'status']), undefined);
  t.is(nearestName('x', []), undefined);
});
