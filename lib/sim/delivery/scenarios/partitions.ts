/** Scripted partitions: splits with clients on both sides, cuts one way, bridges, and nodes that die while cut off. */
import type { Fault } from '../../world-faults.js';
import {
  acksBetween,
  acksOf,
  CLIENTS,
  gapsOf,
  lineOf,
  longestSilence,
  READERS,
  ROOM,
  type Scripted,
  START,
  setup,
  tablesAfter,
} from './standard.js';

const LINE = lineOf(ROOM);
const [OWNER, COPY, THIRD, FOURTH, LAST] = LINE as [number, number, number, number, number];
const ALL = [0, 1, 2, 3, 4];
const AT = START + 1_500;
const others = (...of: number[]): number[] => ALL.filter((host) => !of.includes(host));
/** Host of a client of the standard load. */
const client = (i: number, nodes = 5): number => nodes + i;

const split = (at: number, forMs: number, ...groups: number[][]): Fault => ({ at, kind: 'partition', groups, forMs });
const cut = (at: number, forMs: number, from: number[], to: number[]): Fault => ({ at, kind: 'cut', from, to, forMs });

/** At most so many tables by all nodes together, in a run of this kind: no flapping. */
const calmTables =
  (most: number): NonNullable<Scripted['holds']> =>
  (_, history) => {
    const tables = tablesAfter(history, START);
    return tables <= most ? undefined : `${tables} tables were adopted`;
  };

const LONE = lineOf(ROOM, 3, 3)[0]!;
const TWO = [0, 1, 2].filter((host) => host !== LONE);
/** The small side of a split doubts itself before it gives the others up: for eighteen seconds at most. */
const SPLIT_MS = 20_000;
/** So does a node that reaches nobody. */
const ALONE_MS = 26_000;
const BOTH_WRITE = CLIENTS.map((plan, i) => (i < 2 ? { ...plan, writes: [ROOM] } : plan));

export const PARTITIONS: readonly Scripted[] = [
  {
    name: 'two nodes against three, clients on both sides: both go on, afterwards everyone has everything',
    scenario: setup('two-three', {
      clients: BOTH_WRITE,
      // the publisher on the small side goes on where its earlier messages are held
      faults: [
        split(
          AT,
          SPLIT_MS,
          [COPY, THIRD, client(1), client(4)],
          [OWNER, FOURTH, LAST, client(0), client(2), client(3)],
        ),
      ],
      chaosMs: AT + SPLIT_MS + 3_000,
    }),
    holds: (_, history) => {
      const small = acksOf(history, 1, 5, AT + 8_000, AT + SPLIT_MS);
      const large = acksOf(history, 0, 5, AT + 8_000, AT + SPLIT_MS);
      return small > 3 && large > 3 ? undefined : `acknowledged on the small side ${small}, on the large side ${large}`;
    },
  },
  {
    name: 'one node against two of three: alone it acknowledges nothing',
    scenario: setup('one-two', {
      nodes: 3,
      faults: [
        split(AT, SPLIT_MS, [LONE, client(0, 3), client(3, 3)], [...TWO, client(1, 3), client(2, 3), client(4, 3)]),
      ],
      chaosMs: AT + SPLIT_MS + 3_000,
    }),
    holds: (_, history) => {
      const alone = acksOf(history, 0, 3, AT + 50, AT + SPLIT_MS);
      const pair = acksOf(history, 1, 3, AT + 3_500, AT + SPLIT_MS);
      if (alone > 0) return `the single node acknowledged ${alone} messages`;
      return pair > 3 ? undefined : `the pair acknowledged ${pair} messages`;
    },
  },
  {
    name: 'one node of three is alone for so long that it gives the others up: still it acknowledges nothing',
    scenario: setup('alone', {
      nodes: 3,
      faults: [
        split(AT, ALONE_MS, [LONE, client(0, 3), client(3, 3)], [...TWO, client(1, 3), client(2, 3), client(4, 3)]),
      ],
      chaosMs: AT + ALONE_MS + 2_000,
    }),
    holds: (_, history) => {
      const alone = acksOf(history, 0, 3, AT + 50, AT + ALONE_MS);
      return alone === 0 ? undefined : `the single node acknowledged ${alone} messages`;
    },
  },
  {
    name: 'the owner can send to the others and not hear them',
    scenario: setup('deaf', { faults: [cut(AT, 6_000, others(OWNER), [OWNER])], chaosMs: 12_000 }),
  },
  {
    name: 'the owner hears the others and cannot send to them',
    scenario: setup('mute', { faults: [cut(AT, 6_000, [OWNER], others(OWNER))], chaosMs: 12_000 }),
  },
  {
    name: 'two halves see each other through one node only',
    scenario: setup('bridge', {
      faults: [cut(AT, 6_000, [OWNER, FOURTH], [COPY, LAST]), cut(AT, 6_000, [COPY, LAST], [OWNER, FOURTH])],
      chaosMs: 12_000,
    }),
    holds: calmTables(60),
  },
  {
    name: 'wires are cut one after the other and mended in another order',
    scenario: setup('swizzle', {
      faults: [
        cut(AT, 5_000, [OWNER], [COPY]),
        cut(AT + 400, 3_000, [COPY], [THIRD]),
        cut(AT + 800, 5_500, [THIRD], [OWNER]),
        cut(AT + 1_200, 1_500, [COPY], [OWNER]),
        cut(AT + 1_600, 4_000, [FOURTH], [OWNER]),
      ],
      chaosMs: 12_000,
    }),
    holds: calmTables(60),
  },
  {
    name: 'the owner is cut off from the nodes, not from its clients, and is killed in there',
    scenario: setup('killed-alone', {
      copies: 2,
      faults: [split(AT, 4_000, [OWNER], others(OWNER)), { at: AT + 1_500, kind: 'kill', host: OWNER }],
      chaosMs: 10_000,
    }),
  },
  {
    name: 'the two last in line are alone for a while with a publisher, and their messages reach the owner',
    scenario: setup('last-two', {
      faults: [
        // it publishes nothing before: what it had published would be held on the other side alone, and it would wait
        { at: 410, kind: 'kill', host: client(2) },
        split(AT, SPLIT_MS, [FOURTH, LAST, client(2)], [OWNER, COPY, THIRD]),
        { at: AT + 100, kind: 'restart', host: client(2), memory: true },
      ],
      chaosMs: AT + SPLIT_MS + 3_000,
    }),
    holds: (_, history) =>
      acksOf(history, 2, 5, AT + 3_500, AT + SPLIT_MS) > 3 ? undefined : 'the two did not acknowledge anything',
  },
  {
    name: 'a wire is cut in the middle of a drain',
    scenario: setup('cut-drain', {
      faults: [
        { at: AT, kind: 'command', host: OWNER, command: 'drain' },
        split(AT + 30, 3_000, [OWNER], others(OWNER)),
      ],
      chaosMs: 10_000,
    }),
    holds: (_, history) =>
      acksBetween(history, AT + 5_000, AT + 7_000) > 5 ? undefined : 'no owner two seconds after the wire was mended',
  },
  {
    name: 'a reader is away for longer than history: one gap before the next message',
    scenario: setup('away', {
      messages: 25,
      faults: [{ at: AT, kind: 'command', host: client(4), command: 'away 5000' }],
      chaosMs: 9_000,
    }),
    holds: (_, history) => {
      const gaps = gapsOf(history, READERS[1]!, 5, ROOM);
      return gaps === 1 ? undefined : `${gaps} gaps were told`;
    },
  },
  {
    name: 'both sides of a split remove what is too much, then meet',
    scenario: setup('both-trim', {
      messages: 25,
      faults: [split(AT, 6_000, [FOURTH, LAST, client(1), client(4)], [OWNER, COPY, THIRD, client(0), client(3)])],
      chaosMs: 12_000,
    }),
  },
  {
    name: 'publishers and readers change sides during a split',
    scenario: setup('crossing', {
      faults: [
        split(AT, SPLIT_MS, [FOURTH, LAST], [OWNER, COPY, THIRD]),
        ...[0, 1, 2, 3, 4, 5].flatMap((i): Fault[] => [
          cut(AT + 3_200 + i * 150, 2_500, [client(i)], i % 2 === 0 ? [OWNER, COPY, THIRD] : [FOURTH, LAST]),
          ...ALL.map((host): Fault => ({ at: AT + 3_210 + i * 150, kind: 'break', a: host, b: client(i) })),
        ]),
      ],
      chaosMs: AT + SPLIT_MS + 3_000,
    }),
  },
  {
    name: 'one node does not know of another for a while',
    scenario: setup('blind', { faults: [split(AT, 8_000, [COPY], [FOURTH])], chaosMs: AT + SPLIT_MS + 3_000 }),
    holds: calmTables(60),
  },
  {
    name: 'what was under way over a connection arrives when the next one stands',
    scenario: setup('old-bytes', {
      faults: [
        ...Array.from({ length: 12 }, (_, i) => AT + i * 400).flatMap((at): Fault[] => [
          ...[COPY, THIRD].flatMap((host): Fault[] => [
            { at, kind: 'clog', from: OWNER, to: host, forMs: 250 },
            { at, kind: 'clog', from: host, to: OWNER, forMs: 250 },
          ]),
          { at: at + 120, kind: 'break', a: OWNER, b: COPY },
          { at: at + 180, kind: 'break', a: OWNER, b: THIRD },
        ]),
        // its heir asks the others while their answers are late as well
        { at: AT + 2_500, kind: 'kill', host: OWNER },
      ],
    }),
  },
  {
    name: 'everything that is said comes twice now and then',
    scenario: setup('twice', {
      faults: [
        { at: AT, kind: 'duplicate', share: 0.3, forMs: 6_000 },
        { at: AT + 2_500, kind: 'kill', host: OWNER },
      ],
    }),
  },
  {
    name: 'one node has another that lives not in its view for thirty seconds, and acts by a table of its own',
    scenario: setup('overlooked', {
      faults: [
        { at: AT, kind: 'command', host: COPY, command: `overlook ${OWNER}` },
        // a table is adopted when something changes
        { at: AT + 500, kind: 'restart', host: LAST, memory: true },
        { at: AT + 15_000, kind: 'restart', host: LAST, memory: true },
        { at: AT + 30_000, kind: 'command', host: COPY, command: 'overlook nobody' },
        { at: AT + 30_500, kind: 'restart', host: LAST, memory: true },
      ],
      chaosMs: AT + 33_000,
    }),
    holds: (_, history) => {
      const silent = longestSilence(history, AT, AT + 30_000);
      return silent < 2_000 ? undefined : `nothing was acknowledged for ${silent.toFixed(0)} ms`;
    },
  },
];
