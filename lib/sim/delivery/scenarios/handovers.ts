/** Scripted handovers at their worst: owners that are fenced, or leave, with something that nobody else has yet. */
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
const NODES = 4;
/** Owner, copy, and the two that hold nothing of the channel while the others live. */
const [FIRST, SECOND, THIRD, FOURTH] = lineOf(ROOM, NODES, 2) as [number, number, number, number];
const client = (i: number): number => NODES + i;

const ALONE_AT = AT + 5_000;
const ALONE_MS = 4_500;
const LEAVE_AT = AT + 13_500;

const TRIO = lineOf(ROOM, 3, 2) as [number, number, number];

export const HANDOVERS: readonly Scripted[] = [
  {
    name: 'the owner does not reach its copy and goes on with a third node, and the copy inherits what that one holds',
    scenario: setup('hedged', {
      nodes: 3,
      copies: 2,
      clients: [writer('writer0', 40, 4), reader('reader0')],
      faults: [
        // whoever reads on asks for what it has seen: nobody does
        { at: START + 800, kind: 'command', host: 4, command: `away ${AT + 5_000 - START - 800}` },
        ...breaks(AT, [TRIO[0]], [TRIO[1]]),
        { at: AT, kind: 'partition', groups: [[TRIO[0]], [TRIO[1]]], forMs: 3_000 },
        { at: AT + 1_100, kind: 'kill', host: TRIO[0] },
      ],
      chaosMs: AT + 8_000,
    }),
    // judged before the dead comes back: it asks everyone
    holds: (_, history) => {
      const missing = notReceived(history, AT, AT + 1_100, AT + 8_000);
      return missing.acked > 20 && missing.missing === 0
        ? undefined
        : `${missing.missing} of ${missing.acked} not received`;
    },
  },
  {
    name: 'an owner that was cut off learns that it is none any more, and dies before anyone has what it was given',
    scenario: setup('fenced', {
      nodes: NODES,
      copies: 2,
      // neither a hedge nor an answer for lateness: what it was given waits with it until the fence
      channels: { hedgeMs: 60_000, ackTimeoutMs: 14_000 },
      clients: [writer('writer0', 80, 4), reader('reader0'), reader('reader1')],
      faults: [
        { at: AT, kind: 'kill', host: FIRST },
        ...breaks(ALONE_AT, [SECOND, client(0)], [FIRST, SECOND, THIRD, FOURTH]),
        {
          at: ALONE_AT,
          kind: 'partition',
          groups: [
            [SECOND, client(0)],
            [FIRST, THIRD, FOURTH, client(1), client(2)],
          ],
          forMs: ALONE_MS,
        },
        { at: ALONE_AT + 100, kind: 'restart', host: FIRST, memory: true },
        // the one node that it reaches then holds nothing of the channel
        { at: ALONE_AT, kind: 'cut', from: [SECOND], to: [FIRST, THIRD], forMs: ALONE_MS + 10_000 },
        { at: ALONE_AT, kind: 'cut', from: [FIRST, THIRD], to: [SECOND], forMs: ALONE_MS + 10_000 },
        { at: ALONE_AT + ALONE_MS + 8_000, kind: 'kill', host: SECOND },
      ],
      triggers: [{ on: 'fence', nth: 1, after: ALONE_AT, do: 'stall', forMs: 15_000 }],
      chaosMs: ALONE_AT + ALONE_MS + 12_000,
    }),
    occurs: ({ happened }) => ((happened.get('on-fence') ?? 0) > 0 ? undefined : 'nobody was fenced'),
  },
  {
    name: 'a node leaves while one of those that are to hold what it held has started anew, and the other dies',
    scenario: setup('stale-leave', {
      nodes: NODES,
      copies: 2,
      channels: { claimMs: 1_000 },
      clients: [writer('writer0', 40, 4), reader('reader0'), reader('reader1')],
      faults: [
        { at: START + 800, kind: 'command', host: client(2), command: `away ${24_000}` },
        // the third confirms all of it in place of the second, …
        { at: AT, kind: 'kill', host: SECOND },
        ...awaySoon(AT + 1_500, 200, client(0), AT + 24_000),
        { at: AT + 3_000, kind: 'restart', host: SECOND, memory: true },
        // … and loses it when it is no longer its to hold
        { at: AT + 8_000, kind: 'restart', host: THIRD, memory: true },
        ...breaks(LEAVE_AT - 500, [FIRST, SECOND], [THIRD]),
        { at: LEAVE_AT - 500, kind: 'partition', groups: [[FIRST, SECOND], [THIRD]], forMs: 6_000 },
        { at: LEAVE_AT, kind: 'command', host: FIRST, command: 'drain' },
        { at: LEAVE_AT + 3_000, kind: 'kill', host: SECOND },
      ],
      chaosMs: AT + 26_000,
    }),
  },
];
