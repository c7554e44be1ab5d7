import test from 'ava';
import { Packr } from 'msgpackr';
import type { LineageId } from '../../lib/wire/ids.js';
import { decodeRouting, encodeRouting, type RoutingMessage } from '../../lib/wire/routing.js';

const packr = new Packr({ useRecords: false });
const entry = {
  lid: 'AbCdEf01' as LineageId,
  s: 300,
  prev: 299,
  channel: 'room:1',
  id: 'p.7',
  publisher: 'publisher',
  seq: 7,
  time: 1_700_000_000_000,
  data: '{"a":1}',
  others: '',
};

/** One of each message with its bytes: a change of the wire shows here. */
const GOLDEN: readonly [RoutingMessage, string][] = [
  [{ type: 'interest', channel: 'c', serial: 3, after: 'now' }, '942ba16303a36e6f77'],
  [{ type: 'interest-drop', channel: 'c', serial: 3 }, '932ca16303'],
  [{ type: 'interest-renew', items: [{ channel: 'c', serial: 3 }] }, '922d9192a16303'],
  [{ type: 'feed-start', channel: 'c', serial: 3, position: '1~', recovered: true }, '952ea16303a2317ec3'],
  [
    { type: 'feed-entries', channel: 'room:1', serial: 3, at: 5, entries: [entry] },
    '952fa6726f6f6d3a3103059199a841624364456630 31cd012ccd012ba3702e37a97075626c697368657207cb4278bcfe56800000a77b2261223a317da0'.replace(
      ' ',
      '',
    ),
  ],
  [{ type: 'feed-gap', channel: 'c', serial: 3, reason: 'size', position: '1~' }, '9530a16303a473697a65a2317e'],
  [{ type: 'feed-position', channel: 'c', serial: 3, position: '1~' }, '9431a16303a2317e'],
  [{ type: 'feed-end', channel: 'c', serial: 3 }, '9332a16303'],
  [{ type: 'read', req: 2, channel: 'c', after: '1~', limit: 512 }, '953302a163a2317ecd0200'],
  [
    {
      type: 'read-answer',
      req: 2,
      channel: 'c',
      owner: true,
      gap: { reason: 'age', position: '1~' },
      entries: [],
      position: '1~',
      complete: true,
      catchingUp: false,
    },
    '993402a163c392a3616765a2317e90a2317ec3c2',
  ],
  [{ type: 'presence-ask', req: 2, channel: 'c' }, '933502a163'],
  [{ type: 'presence-answer', req: 2, users: ['alice'] }, '93360291a5616c696365'],
  [{ type: 'forwards', bytes: Buffer.from('ab', 'hex') }, '9237c401ab'],
  [{ type: 'answers', bytes: Buffer.from('ab', 'hex') }, '9238c401ab'],
  [{ type: 'move-ask', waiting: 7 }, '923c07'],
  [{ type: 'move-grant', count: 7, spreadMs: 250 }, '933d07ccfa'],
  [{ type: 'load', connections: 70_000 }, '923ece00011170'],
];

for (const [message, bytes] of GOLDEN) {
  test(`${message.type} ${JSON.stringify(message).length} has the bytes it always had, and reads back`, (t) => {
    t.is(Buffer.from(packr.pack(encodeRouting(message))).toString('hex'), bytes);
    t.deepEqual(decodeRouting(packr.unpack(packr.pack(encodeRouting(message)))), message);
  });
}

test('a malformed element is refused, never half read', (t) => {
  for (const element of [
    [],
    [39],
    [99, 1],
    [40],
    [50, 'c'.repeat(256), 1],
    [50, 'c', -1],
    [50, 'c', 1.5],
    [55, 'text'],
    [45, [['c']]],
    [47, 'c', 1, 0, [['short']]],
    [48, 'c', 1, 'no-such-reason', '1~'],
    [52, 1, 'c', 1, null, [], '1~', true, false],
    [54, 1, 'not a list'],
    [62, '7'],
  ]) {
    t.throws(() => decodeRouting(element), undefined, JSON.stringify(element));
  }
});

test('data that is bytes is copied out of the frame that carried it', (t) => {
  const entries = [{ ...entry, data: new Uint8Array(8) }];
  const frame = packr.pack(encodeRouting({ type: 'feed-entries', channel: 'room:1', serial: 3, at: 5, entries }));
  const message = decodeRouting(packr.unpack(frame)) as Extract<RoutingMessage, { type: 'feed-entries' }>;
  t.is((message.entries[0]!.data as Uint8Array).buffer.byteLength, 8);
});
