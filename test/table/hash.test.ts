import test from 'ava';
import fc from 'fast-check';
import { digest64, hash32, slotOf } from '../../lib/core/table/hash.js';
import { seeded } from './memberships.js';

/** Published vectors of MurmurHash3_x86_32, and ours for text beyond ASCII. */
const VECTORS: readonly (readonly [text: string, seed: number, hash: number])[] = [
  ['', 0, 0x00000000],
  ['', 1, 0x514e28b7],
  ['', 0xffffffff, 0x81f16f39],
  ['a', 0, 0x3c2569b2],
  ['aaaa', 0x9747b28c, 0x5a97808a],
  ['aaa', 0x9747b28c, 0x283e0130],
  ['aa', 0x9747b28c, 0x5d211726],
  ['a', 0x9747b28c, 0x7fa09ea6],
  ['abcd', 0x9747b28c, 0xf0478627],
  ['abc', 0x9747b28c, 0xc84a62dd],
  ['ab', 0x9747b28c, 0x74875592],
  ['Hello, world!', 0x9747b28c, 0x24884cba],
  ['ππππππππ', 0x9747b28c, 0xd58063c1],
  ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
];

/** The same hash from its description, over bytes. */
function hashOfBytes(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
  const scramble = (x: number): number => Math.imul(rotate(Math.imul(x, 0xcc9e2d51), 15), 0x1b873593);
  let hash = seed;
  const whole = bytes.length - (bytes.length % 4);
  for (let i = 0; i < whole; i += 4) {
    hash = (Math.imul(rotate(hash ^ scramble(view.getUint32(i, true)), 13), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let i = bytes.length - 1; i >= whole; i--) rest = (rest << 8) | bytes[i]!;
  if (whole < bytes.length) hash ^= scramble(rest);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

test('gives the published values of MurmurHash3_x86_32', (t) => {
  for (const [text, seed, hash] of VECTORS) t.is(hash32(text, seed), hash, `${JSON.stringify(text)} with seed ${seed}`);
});

test('hashes the UTF-8 bytes of any string, lone surrogates as U+FFFD', (t) => {
  const encoder = new TextEncoder();
  const units = fc.array(
    fc.oneof(fc.nat(0x7f), fc.nat(0x7ff), fc.nat(0xffff), fc.integer({ min: 0xd800, max: 0xdfff })),
  );
  const property = fc.property(units, fc.integer(), (codes, seed) => {
    const text = String.fromCharCode(...codes);
    t.is(hash32(text, seed), hashOfBytes(encoder.encode(text), seed));
  });
  fc.assert(property, { ...seeded(t.log), numRuns: 2_000 });
});

test('keeps the slots of channels for ever', (t) => {
  const slots = ['room:1', '@alice', 'news', 'a', 'Zürich', '日本', '🚀 launch'].map((channel) => [
    slotOf(channel, 1_024),
    slotOf(channel, 16_384),
  ]);
  t.deepEqual(slots, [
    [101, 3173],
    [383, 10623],
    [336, 2384],
    [434, 10674],
    [337, 6481],
    [322, 14658],
    [349, 3421],
  ]);
});

test('spreads numbered channels evenly over the slots', (t) => {
  const counts = new Int32Array(1_024);
  for (let i = 0; i < 1_024 * 100; i++) counts[slotOf(`room:${i}`, 1_024)]!++;
  // 100 expected with a deviation of 10; six deviations are one in 10^6 for all slots together.
  t.true(Math.min(...counts) > 40 && Math.max(...counts) < 160);
});

test('tells texts apart by a digest of 16 hex digits', (t) => {
  t.regex(digest64('a'), /^[0-9a-f]{16}$/);
  t.not(digest64('a'), digest64('b'));
});
