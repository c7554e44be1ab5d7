import test from 'ava';
import type { Mutation } from '../../lib/core/channel/mutations.js';
import { type StormOptions, storm } from './storm.js';

const ENDLESS = { history: { messages: 1e6, bytes: 1e9, ageMs: 1e9 }, unknownMs: 1e6 };
const SHORT = { history: { messages: 20, bytes: 1e6, ageMs: 3e5 }, unknownMs: 1e6 };

type Kind = Omit<StormOptions, 'seed' | 'stormMs'>;
const KINDS: Record<string, Kind> = {
  'kills, pauses and partitions of three nodes': { kind: 'noisy', nodes: 3, channels: ENDLESS },
  'the same of five nodes': { kind: 'noisy', nodes: 5, channels: ENDLESS },
  'the same without a spare copy': { kind: 'noisy', nodes: 3, channels: { ...ENDLESS, copies: 2, acks: 2 } },
  'kills alone, without a spare copy': { kind: 'quiet', nodes: 3, channels: { ...ENDLESS, copies: 2, acks: 2 } },
  'kills right after an acknowledgement or an append': {
    kind: 'triggered',
    nodes: 3,
    channels: { ...ENDLESS, copies: 2, acks: 2 },
  },
  'a history too short for who is away': { kind: 'noisy', nodes: 3, channels: SHORT, shortHistory: true },
};

for (const [name, options] of Object.entries(KINDS)) {
  test(`nothing acknowledged is lost, repeated or out of order under ${name}`, (t) => {
    for (const seed of [1, 2, 3]) {
      const { violations, acked, faults } = storm({ ...options, seed, stormMs: 15_000 });
      t.deepEqual(violations.slice(0, 5), [], `seed ${seed}`);
      t.true(acked > 100 && faults > 0, `seed ${seed}: ${acked} acknowledged, ${faults} faults`);
    }
  });
}

const PLANTED: [Mutation, Kind][] = [
  ['ackBeforeReplicate', KINDS['kills right after an acknowledgement or an append']!],
  ['noOwnerDedupe', KINDS['kills alone, without a spare copy']!],
  ['noForward', KINDS['kills alone, without a spare copy']!],
  ['readFromHead', KINDS['kills alone, without a spare copy']!],
  ['reuseLineage', KINDS['kills, pauses and partitions of three nodes']!],
];

for (const [mutation, options] of PLANTED) {
  test(`the same storms see the planted bug ${mutation}`, (t) => {
    for (let seed = 1; seed <= 20; seed++) {
      if (storm({ ...options, seed, stormMs: 20_000, mutations: [mutation] }).violations.length > 0) return t.pass();
    }
    return t.fail('20 seeds saw nothing');
  });
}
