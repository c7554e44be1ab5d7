import test from 'ava';
import { Ledger, MISSING_AFTER_MS } from '../../examples/demo/ledger.js';

function ledgerOf(...users: string[]): Ledger {
  const ledger = new Ledger();
  for (const user of users) ledger.join(user, 'tea');
  return ledger;
}

test('a message that everybody in the room got is neither missing nor repeated', (t) => {
  const ledger = ledgerOf('ada', 'bo');
  ledger.publishing('tea', 1, 0);
  ledger.delivered('ada', 'tea', 1, 3);
  ledger.acknowledged('tea', 1, 4);
  ledger.delivered('bo', 'tea', 1, 5);
  t.like(ledger.totals(100_000), { published: 1, delivered: 2, missing: 0, repeated: 0, p50Ms: 5 });
});

test('an acknowledged message that somebody still waits for is missing after a while, and no longer once it comes', (t) => {
  const ledger = ledgerOf('ada', 'bo');
  ledger.publishing('tea', 1, 0);
  ledger.acknowledged('tea', 1, 10);
  ledger.delivered('ada', 'tea', 1, 11);
  t.is(ledger.missing(10 + MISSING_AFTER_MS), 0);
  t.is(ledger.missing(11 + MISSING_AFTER_MS), 1);
  ledger.delivered('bo', 'tea', 1, 20_000);
  t.is(ledger.missing(99_999), 0);
});

test('what is not acknowledged is owed to nobody yet', (t) => {
  const ledger = ledgerOf('ada');
  ledger.publishing('tea', 1, 0);
  t.is(ledger.missing(99_999), 0);
});

test('a second delivery of a message to one user is repeated, to another it is not', (t) => {
  const ledger = ledgerOf('ada', 'bo');
  ledger.publishing('tea', 1, 0);
  for (const user of ['ada', 'bo', 'ada']) ledger.delivered(user, 'tea', 1, 1);
  t.like(ledger.totals(1), { delivered: 2, repeated: 1 });
});

test('who enters later is owed only what is published later, and who leaves is owed nothing more', (t) => {
  const ledger = ledgerOf('ada');
  ledger.publishing('tea', 1, 0);
  ledger.join('bo', 'tea');
  ledger.acknowledged('tea', 1, 1);
  ledger.delivered('ada', 'tea', 1, 2);
  t.is(ledger.missing(99_999), 0);
  ledger.publishing('tea', 2, 3);
  ledger.acknowledged('tea', 2, 4);
  ledger.delivered('ada', 'tea', 2, 5);
  t.is(ledger.missing(99_999), 1);
  ledger.leave('bo');
  t.is(ledger.missing(99_999), 0);
});
