/** Scripted deaths and pauses: owners and copies killed at the worst moments, restarted empty, stopped and woken. */
import type { Fault } from '../../world-faults.js';
import type { ClientPlan } from '../client-program.js';
import {
  acksBetween,
  acksOf,
  CLIENTS,
  lineOf,
  longestSilence,
  ROOM,
  type Scripted,
  START,
  setup,
  tablesAfter,
} from './standard.js';

const LINE = lineOf(ROOM);
const OWNER = LINE[0]!;
const COPY = LINE[1]!;
const AT = START + 1_500;

const kill = (at: number, host: number): Fault => ({ at, kind: 'kill', host });
const restart = (at: number, host: number): Fault => ({ at, kind: 'restart', host, memory: true });
const stall = (at: number, host: number, forMs: number): Fault => ({ at, kind: 'stall', host, forMs });

const PAIR = lineOf(ROOM, 3, 2);

/** Early, while few requests have been counted. */
const EARLY = 1_200;
const HTTP: ClientPlan = { user: '', reads: [], writes: [ROOM], everyMs: 30, window: 100, bare: 'redirected' };

export const CRASHES: readonly Scripted[] = [
  {
    name: 'the owner is killed',
    scenario: setup('owner-killed', { faults: [kill(AT, OWNER)] }),
    holds: ({ counts }, history) => {
      const silent = longestSilence(history, AT, AT + 5_000);
      if (silent >= 3_000) return `nothing was acknowledged for ${silent.toFixed(0)} ms`;
      return counts.unknown === 0 ? undefined : `${counts.unknown} publishes ended unknown`;
    },
  },
  {
    name: 'the owner is killed right after an acknowledgement left',
    scenario: setup('killed-on-ack', { copies: 2, triggers: [{ on: 'published', nth: 20, after: START, do: 'kill' }] }),
  },
  {
    name: 'the owner is killed after an append, before any copy has confirmed',
    scenario: setup('killed-on-append', { copies: 2, triggers: [{ on: 'push', nth: 25, after: START, do: 'kill' }] }),
  },
  {
    name: 'the first copy is killed while messages are on their way to it',
    scenario: setup('copy-killed', { faults: [kill(AT, COPY)] }),
    holds: (_, history) => {
      const silent = longestSilence(history, AT, AT + 3_000);
      return silent < 1_000 ? undefined : `acknowledgements stopped for ${silent.toFixed(0)} ms`;
    },
  },
  {
    name: 'a copy restarts empty before anyone notices, and the owner is killed five seconds later',
    scenario: setup('stale-copy', {
      nodes: 3,
      copies: 2,
      faults: [restart(AT, PAIR[1]!), kill(AT + 5_000, PAIR[0]!)],
      chaosMs: 10_000,
    }),
  },
  {
    name: 'one node is killed and restarted again and again',
    scenario: setup('same-node', {
      faults: [0, 1, 2, 3].flatMap((i) => [kill(AT + i * 4_500, OWNER), restart(AT + i * 4_500 + 300, OWNER)]),
      chaosMs: AT + 18_000,
    }),
  },
  {
    name: 'a node that passed publishes on starts anew before they are answered, and counts its own from one',
    scenario: setup('asked-anew', {
      nodes: 3,
      copies: 2,
      // nobody stands in for the copy that confirms nothing meanwhile
      channels: { hedgeMs: 5_000 },
      clients: [
        HTTP,
        HTTP,
        HTTP,
        ...CLIENTS.slice(3),
        { ...HTTP, reads: [ROOM], writes: [] },
        { ...HTTP, reads: [ROOM], writes: [], bare: 'relayed' },
      ],
      faults: [stall(EARLY, PAIR[1]!, 1_800), restart(EARLY + 150, PAIR[2]!)],
      chaosMs: 5_000,
    }),
    holds: (_, history) => {
      const acks = acksBetween(history, EARLY + 1_800, EARLY + 2_300);
      return acks > 50 ? undefined : `${acks} acknowledgements when the copy woke: nothing had waited`;
    },
  },
  {
    name: 'two nodes are killed at once where three must hold a message',
    scenario: setup('two-at-once', { acks: 3, faults: [kill(AT, OWNER), kill(AT, COPY)] }),
  },
  {
    name: 'two nodes are killed at once where two hold a message: more than is promised, and seen',
    scenario: setup('two-of-two', { nodes: 3, copies: 2, faults: [kill(AT, PAIR[0]!), kill(AT, PAIR[1]!)] }),
    mustFail: ['lost', 'unjustified-gap'],
  },
  {
    name: 'the owner stands still for eight seconds and wakes as the owner that it was',
    scenario: setup('owner-asleep', { faults: [stall(AT, OWNER, 8_000)], chaosMs: 13_000 }),
    holds: (_, history) =>
      acksBetween(history, AT + 3_500, AT + 7_500) > 10 ? undefined : 'nobody took over while the owner slept',
  },
  {
    name: 'the owner stands still for 400 ms again and again, too short to be suspected for good',
    scenario: setup('naps', {
      faults: [0, 1, 2, 3, 4, 5].map((i) => stall(AT + i * 1_000, OWNER, 400)),
      chaosMs: 10_000,
    }),
    holds: (_, history) => {
      const tables = tablesAfter(history, AT);
      return tables === 0 ? undefined : `${tables} tables were adopted`;
    },
  },
  {
    name: 'a copy stands still for a long time and wakes',
    scenario: setup('copy-asleep', { faults: [stall(AT, COPY, 12_000)], chaosMs: 16_000 }),
    holds: (_, history) => {
      const silent = longestSilence(history, AT, AT + 12_000);
      return silent < 1_500 ? undefined : `acknowledgements stopped for ${silent.toFixed(0)} ms`;
    },
  },
  {
    name: 'all nodes are restarted one after the other, each with nothing it held',
    scenario: setup('rolling', {
      faults: [0, 1, 2, 3, 4].flatMap((host): Fault[] => [
        { at: AT + host * 4_000, kind: 'command', host, command: 'drain' },
        restart(AT + host * 4_000 + 2_500, host),
      ]),
      chaosMs: AT + 20_000,
    }),
    holds: ({ counts }) => (counts.unknown === 0 ? undefined : `${counts.unknown} publishes ended unknown`),
  },
  {
    name: 'a publisher loses its connection in the middle of its publishes again and again',
    scenario: setup('acks-lost', {
      faults: Array.from({ length: 20 }, (_, i): Fault => ({ at: AT + i * 137, kind: 'break', a: i % 5, b: 5 })),
    }),
    holds: (_, history) =>
      acksOf(history, 0, 5, AT, AT + 6_000) > 5 ? undefined : 'the publisher did not get through',
  },
  {
    name: 'a publisher stands still for longer than its session is remembered, and goes on',
    scenario: setup('forgotten', {
      channels: { publisherTtlMs: 1_500 },
      faults: [{ at: AT, kind: 'stall', host: 5, forMs: 6_000 }],
      chaosMs: 11_000,
    }),
  },
  {
    name: 'clocks of dates jump by hours on three nodes',
    scenario: setup('clocks', {
      faults: [
        { at: AT, kind: 'skew', host: OWNER, ms: 7_200_000 },
        { at: AT, kind: 'skew', host: COPY, ms: -7_200_000 },
        { at: AT + 1_000, kind: 'skew', host: LINE[2]!, ms: 600_000 },
        { at: AT + 3_000, kind: 'skew', host: LINE[2]!, ms: -600_000 },
        kill(AT + 2_000, OWNER),
      ],
    }),
  },
];
