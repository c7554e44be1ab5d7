/** Scripted merges: what two sides of a split wrote, in what order it is put together, and what becomes of one message in two. */
import type { HistoryEvent } from '../../checkers/history.js';
import type { Fault } from '../../world-faults.js';
import {
  awaySoon,
  breaks,
  lineOf,
  notReceived,
  ROOM,
  reader,
  type Scripted,
  START,
  setup,
  writer,
} from './standard.js';

const AT = START + 1_500;
const ALL = [0, 1, 2, 3, 4, 5, 6];

const split = (at: number, forMs: number, ...groups: number[][]): Fault => ({ at, kind: 'partition', groups, forMs });
const cut = (at: number, forMs: number, from: number[], to: number[]): Fault => ({ at, kind: 'cut', from, to, forMs });

/**
 * A channel whose third in line joined last: it was to hold nothing of it then, and asks nobody who comes back for it.
 */
const UNASKED = Array.from({ length: 100 }, (_, i) => `room:${i}`).find((name) => lineOf(name, 5, 2)[2] === 4)!;
const [GONE, GONE_TOO, HEIR, ...FAR] = lineOf(UNASKED, 5, 2) as [number, number, number, number, number];
const FORWARD_AT = AT + 12_000;
/** The small side doubts itself for eighteen seconds at most before it gives the others up. */
const FORWARD_MS = 20_000;

const LINE = lineOf(ROOM, 7, 2) as [number, number, number, number, number, number, number];
const [DEAD, NEAR_OWNER, NEAR_COPY, FAR_OWNER, FAR_COPY, NEAR_WITNESS, FAR_WITNESS] = LINE;
const NEAR = [NEAR_OWNER, NEAR_COPY, NEAR_WITNESS];
const FAR_SIDE = [FAR_OWNER, FAR_COPY, FAR_WITNESS];
/** Of the crossing. */
const client = (i: number): number => 7 + i;
const SPLIT_AT = AT + 5_000;
/** Both sides have their owner by then. */
const WAITING_AT = SPLIT_AT + 19_000;
const WAITING_MS = 5_000;
const CROSS_AT = WAITING_AT + WAITING_MS;
/** Long enough that owners have told their copies what they removed. */
const CROSSED_MS = 16_000;
/** By then the publisher that crossed has sent everything again. */
const READ_MS = 5_000;

/** What waits goes to nobody else, and what the other side holds is not given up while the split lasts. */
const CROSSING = { hedgeMs: 60_000, ackTimeoutMs: 14_000, unknownMs: 60_000 };

/**
 * Two sides, each with a publisher that begins while its owner and copy do not reach each other, so that it gets no
 * answer, then changes sides and sends everything again: both lineages have the messages of both, in another order.
 */
function crossing(): Fault[] {
  const [p, q] = [client(0), client(1)];
  const [near, far] = [client(2), client(3)];
  const pairs = [
    [NEAR_OWNER, NEAR_COPY],
    [FAR_OWNER, FAR_COPY],
  ] as const;
  return [
    { at: AT, kind: 'kill', host: DEAD },
    ...[p, q].flatMap((host) => awaySoon(SPLIT_AT - 500, 400, host, WAITING_AT + 50)),
    ...breaks(SPLIT_AT, [near, far], ALL),
    split(SPLIT_AT, CROSS_AT - SPLIT_AT, [...NEAR, p, near], [...FAR_SIDE, q, far]),
    ...pairs.flatMap(([a, b]) => [cut(WAITING_AT, WAITING_MS, [a], [b]), cut(WAITING_AT, WAITING_MS, [b], [a])]),
    ...breaks(CROSS_AT, [p, q], ALL),
    split(CROSS_AT, CROSSED_MS, [...NEAR, q, near], [...FAR_SIDE, p, far]),
  ];
}

const TWO_WRITERS = [
  writer('writer0', 40, 8),
  writer('writer1', 40, 8),
  reader('reader0'),
  reader('reader1'),
  reader('reader2'),
];

export const MERGES: readonly Scripted[] = [
  {
    name: 'what the far side of a split acknowledged reaches an owner that never asked for it',
    scenario: setup('forward', {
      copies: 2,
      clients: [writer('writer0', 80, 4, UNASKED), reader('reader0', UNASKED)],
      faults: [
        { at: AT, kind: 'kill', host: GONE },
        { at: AT + 6_000, kind: 'kill', host: GONE_TOO },
        // nothing is under way at the split, so that neither owner shows itself to the other as one
        ...awaySoon(FORWARD_AT - 500, 400, 5, FORWARD_AT + 1_000),
        ...breaks(FORWARD_AT, [5, 6], [0, 1, 2, 3, 4]),
        split(FORWARD_AT, FORWARD_MS, [HEIR, 6], [...FAR, 5]),
      ],
      chaosMs: FORWARD_AT + FORWARD_MS + 5_000,
    }),
    // judged before the dead come back: they ask everyone
    holds: (_, history) => {
      const until = FORWARD_AT + FORWARD_MS + 5_000;
      const { acked, missing } = notReceived(history, FORWARD_AT + 2_000, FORWARD_AT + FORWARD_MS, until);
      return acked > 10 && missing === 0 ? undefined : `the owner's reader lacks ${missing} of ${acked} messages`;
    },
  },
  {
    name: 'one message is taken by two owners in a split, and a reader goes from one to the other before they meet',
    scenario: setup('two-names', {
      nodes: 7,
      copies: 2,
      channels: CROSSING,
      clients: TWO_WRITERS,
      faults: [
        ...crossing(),
        // the third reader has what its side took, and hears the same from the other
        ...breaks(SPLIT_AT, [client(4)], ALL),
        cut(SPLIT_AT, CROSS_AT + READ_MS - SPLIT_AT, [client(4)], FAR_SIDE),
        ...breaks(CROSS_AT + READ_MS, [client(4)], ALL),
        cut(CROSS_AT + READ_MS, CROSSED_MS - READ_MS, [client(4)], NEAR),
      ],
      chaosMs: CROSS_AT + CROSSED_MS + 2_000,
    }),
    occurs: (_, history) => {
      const twice = twoNamed(history);
      return twice > 5 ? undefined : `${twice} messages had two names`;
    },
  },
  {
    name: 'two lineages wait for each other after each lost its beginning to retention: both are passed, with a gap',
    scenario: setup('deadlock', {
      nodes: 7,
      copies: 2,
      channels: CROSSING,
      messages: 12,
      clients: TWO_WRITERS,
      faults: [
        ...crossing(),
        ...awaySoon(CROSS_AT + 50, 8_000, client(0), CROSS_AT + 27_000),
        ...awaySoon(CROSS_AT + 50, 8_000, client(1), CROSS_AT + 27_000),
        { at: SPLIT_AT - 1_000, kind: 'command', host: client(4), command: `away ${53_000}` },
        // it takes over what is left of both, and has seen neither
        { at: CROSS_AT + CROSSED_MS + 2_000, kind: 'restart', host: DEAD, memory: true },
      ],
      chaosMs: CROSS_AT + CROSSED_MS + 8_000,
    }),
    occurs: ({ happened }) => ((happened.get('gate-forced') ?? 0) > 0 ? undefined : 'no gate had to be opened'),
  },
];

/** Messages that readers got in different lineages. */
function twoNamed(history: readonly HistoryEvent[]): number {
  const lineages = new Map<string, Set<string>>();
  for (const e of history) {
    if (e.kind !== 'callback' || e.at === undefined) continue;
    const key = `${e.p} ${e.n}`;
    lineages.set(key, (lineages.get(key) ?? new Set()).add(e.at.slice(0, e.at.indexOf('.'))));
  }
  return [...lineages.values()].filter((of) => of.size > 1).length;
}
