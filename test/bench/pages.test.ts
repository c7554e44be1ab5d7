import test from 'ava';
import { between } from '../../bench/harness/pages.js';

test('a page keeps what stands before and after its results', (t) => {
  const page = 'before\n<!-- results -->\nold\n<!-- /results -->\nafter';
  const once = between(page, 'new');
  t.is(once, 'before\n<!-- results -->\n\nnew\n\n<!-- /results -->\nafter');
  t.is(between(once, 'new'), once);
});

test('a page without a place for results is left alone', (t) => {
  t.throws(() => between('nothing here', 'new'), { message: /lacks/ });
});
