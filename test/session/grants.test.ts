import test from 'ava';
import { ALL_GRANTS, checkChannel, mayPublish, maySubscribe } from '../../lib/core/session/grants.js';
import type { Grants } from '../../lib/core/session/types.js';

const grants = (subscribe: string[], publish: string[] = []): Grants => ({ subscribe, publish, expiresAt: Infinity });

test('a user may always read the own channel and no other user’s', (t) => {
  t.true(maySubscribe(grants([]), 'alice', '@alice'));
  t.false(maySubscribe(grants([]), 'alice', '@bob'));
  t.false(maySubscribe(grants([]), '', '@'));
  t.false(maySubscribe(grants(['*']), 'alice', '@bob'), 'not even where all channels are allowed');
  t.true(maySubscribe(grants(['@*']), 'support', '@bob'), 'unless the token names own channels');
});

test('without tokens everything is allowed', (t) => {
  t.true(maySubscribe(ALL_GRANTS, '', 'anything'));
  t.true(mayPublish(ALL_GRANTS, 'anything'));
});

for (const [pattern, channel, expected] of [
  ['room:1', 'room:1', true],
  ['room:1', 'room:12', false],
  ['room:*', 'room:', true],
  ['room:*', 'rooms', false],
  ['*', 'x', true],
  ['a*b*c', 'a-b-c', true],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'acb', false],
  ['a*a', 'a', false],
  ['*:private', 'team:private', true],
  ['a**c', 'abc', true],
] as const) {
  test(`the pattern ${pattern} ${expected ? 'allows' : 'refuses'} ${channel}`, (t) => {
    t.is(maySubscribe(grants([pattern]), '', channel), expected);
  });
}

test('a pattern of many stars takes linear time', (t) => {
  t.false(maySubscribe(grants([`${'*a'.repeat(120)}b*`]), '', 'a'.repeat(255)));
});

for (const bad of ['', 'a\nb', 'a\u0000b', 'x'.repeat(256), 'ü'.repeat(128), '@', 42, undefined, null, {}]) {
  test(`refuses ${JSON.stringify(bad) ?? 'undefined'} as a channel`, (t) => {
    t.throws(() => checkChannel(bad), { message: /channel|user name/ });
  });
}

for (const good of ['a', 'x'.repeat(255), 'ü'.repeat(127), '__proto__', 'room 1', '@alice', '日本語']) {
  test(`accepts ${good.slice(0, 20)} as a channel`, (t) => {
    t.notThrows(() => checkChannel(good));
  });
}
