import test from 'ava';
import { HalodError } from '../../lib/wire/errors.js';
import type { LineageId } from '../../lib/wire/ids.js';
import {
  EMPTY_POSITION,
  formatPosition,
  formatStreamPosition,
  formatStreamVectors,
  mergePositions,
  type Position,
  parsePosition,
  parseStreamPosition,
} from '../../lib/wire/position.js';

const A = 'AAAAAAAA' as LineageId;
const B = 'b_-45678' as LineageId;
const position = (items: [LineageId, number][]): Position => new Map(items);

test('a position is one word that is safe in URLs and headers, and reads back', (t) => {
  const both = position([
    [A, 1],
    [B, 1_000_000_000],
  ]);
  t.is(formatPosition(both), '1~AAAAAAAA.1~b_-45678.gjdgxs');
  t.deepEqual(parsePosition(formatPosition(both)), both);
  t.deepEqual(parsePosition('1~'), EMPTY_POSITION);
});

for (const bad of [
  '',
  '1',
  '2~AAAAAAAA.1',
  '1~AAAAAAAA',
  '1~AAAAAAA.1',
  '1~AAAAAAAA.',
  '1~AAAAAAAA.-1',
  '1~AAAAAAAA.Z',
  '1~AAAAAAAA.1~',
  '1~AAAAAAAA.1~AAAAAAAA.2',
  '1~AAAAAAAA.zzzzzzzzzzzz',
  '1~AAAAAAAA.1\n',
  '1!x!',
  `1~${Array.from({ length: 65 }, (_, i) => `AAAAAA${String(i).padStart(2, '0')}.1`).join('~')}`,
  `1~${'A'.repeat(5_000)}`,
]) {
  test(`${JSON.stringify(bad.slice(0, 40))} is no position`, (t) => {
    t.throws(() => parsePosition(bad), { instanceOf: HalodError, message: /./ });
  });
}

test('the position of a stream holds all its channels, in whatever order they are named', (t) => {
  const of = (channel: string) => position([[A, channel.length]]);
  const text = formatStreamPosition(['bb', 'a', 'ccc'], of);
  t.is(text, formatStreamVectors(['a', 'bb', 'ccc'], ['AAAAAAAA.1', 'AAAAAAAA.2', 'AAAAAAAA.3']));
  t.deepEqual(parseStreamPosition(text, ['ccc', 'bb', 'a'])!.get('bb'), of('bb'));
  t.is(parseStreamPosition(text, ['a', 'bb']), undefined, 'it was written for other channels');
  t.is(parseStreamPosition(text, ['a']), undefined);
  t.is(formatStreamPosition(['a'], of), '1~AAAAAAAA.1');
  t.deepEqual(parseStreamPosition('1~AAAAAAAA.1', ['a'])!.get('a'), of('a'));
});

test('the union of two positions has what either has', (t) => {
  const merged = mergePositions(
    position([[A, 5]]),
    position([
      [A, 3],
      [B, 2],
    ]),
  );
  t.deepEqual(
    merged,
    position([
      [A, 5],
      [B, 2],
    ]),
  );
  t.deepEqual(mergePositions(EMPTY_POSITION, merged), merged);
});
