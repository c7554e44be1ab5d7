import test from 'ava';
import { CASES, fingerprint } from './golden.js';

/** By name: iteration, digest of the owners, digest of the holders. */
const GOLDEN: Readonly<Record<string, readonly [string, string, string]>> = {
  '16 slots, 1 nodes': ['1a9dfab900931b32', '66687aadf862bd77', 'f8a15d23c28fd7f0'],
  '16 slots, 2 nodes': ['708f1dc923039053', 'd468ad1e4f752387', 'd1d62994d71d87e7'],
  '16 slots, 5 nodes': ['ef3189811e1d9584', '48a0d774f7dd2ba3', 'b3bf4e43373056b4'],
  '64 slots, 100 nodes': ['30cd62039fc5f053', 'a3db2a8e7eaa1ad1', 'fb5cb2f395fd75ff'],
  '1024 slots, 2 nodes': ['a23ba4662fd7bf2c', '69b69152e100e33a', '924d117d13337cb5'],
  '1024 slots, 3 nodes': ['46c908b9431efe1f', 'd458341bdc6b5010', 'ae647a68778cce22'],
  '1024 slots, 10 nodes': ['456de696f548a99b', '308709fc3e0c8f46', 'e18cb74d5671c353'],
  '1024 slots, 17 nodes': ['86fbb61c13ad4c2a', '1f8a04c8e356a480', 'ff1f63ac3871d161'],
  '1024 slots, 100 nodes': ['0eb223214cea9a9e', 'e54ff6c98ed397b2', '518675d6830442bc'],
  '4096 slots, 8 nodes': ['5460e76efd9edc4a', '5b31e4bf555cc19b', '4ff1060c99eecc93'],
  '4096 slots, 33 nodes': ['6161b2e864927771', '8ed01001adb66bee', '3ca7764430bb1ac7'],
  '16384 slots, 3 nodes': ['e729c929b31db3f1', '8bf3cb52e2e2dd83', '61c05afc1ac4500b'],
  '16384 slots, 32 nodes': ['d51b21a26f4d4114', 'c3c779969e18c1dc', 'fc453a3e29a8bf75'],
  '16384 slots, 250 nodes': ['873588dfafbaa8be', '787b564da3738e69', 'a274b9b41e07de14'],
  '65536 slots, 12 nodes': ['c05ac36fdbad0efc', '1a9cc4d6227af5c9', '4d6d48a134ce8fab'],
  'one copy': ['c7ff7af80a976ecb', '608b527df88203e0', '608b527df88203e0'],
  'eight copies': ['bb591455652cc512', '34ed417b88b818b3', '1dddd01f1a9333c3'],
  'weights 1, 2, 4': ['1a6b73b2d1cdaa03', '3fb07b7d3af10712', '84aab517f7b564c2'],
  'weights from 1 to 1,000': ['814541134f2e5b11', '782c29264a1d4832', '58d3229c185c8208'],
  'three zones': ['40f6c888ba7cf3c5', '34ed417b88b818b3', 'fbacf12c70dc5abc'],
  'one node apart from the rest': ['d574d6be8c102c51', '2b943c6fc1f73cb1', 'b19685c0b2092248'],
  'tolerance of 5 %': ['b0f19003165f7e2e', '79853b4dbc469b2a', '53bd10f3572b4277'],
  'three of ten dead': ['a0bdedc38432d81d', 'f5b93aa9b71fd406', 'cf3b9e8a3ef49fd3'],
  'zones, weights and half of them dead': ['a1cf07890e0b9610', '46a2f5ea73b23af3', '5e2443ecac09ec13'],
};

test('covers each membership with one golden table', (t) => {
  t.deepEqual(
    CASES.map(({ name }) => name),
    Object.keys(GOLDEN),
  );
});

for (const golden of CASES) {
  test(`keeps the table of ${golden.name}`, (t) => {
    const { iteration, owners, holders } = fingerprint(golden);
    t.deepEqual([iteration, owners, holders], GOLDEN[golden.name] as string[] | undefined);
  });
}
