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
  [
    { type: 'forward', req: 1, hops: 1, channel: 'room:1', id: 'x', publisher: '', seq: 0, ageMs: 12, data: '1' },
    '99280101a6726f6f6d3a31a178a0000ca131',
  ],
  [{ type: 'forwarded', req: 1, result: { ok: true, id: 'x', position: '1~', copies: 2 } }, '952901a178a2317e02'],
  [{ type: 'forwarded', req: 1, result: { ok: false, code: 'moved', message: 'm' } }, '942a01a56d6f766564a16d'],
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
    [40, -1, 0, 'c', 'x', '', 0, 0, '1'],
    [40, 1.5, 0, 'c', 'x', '', 0, 0, '1'],
    [40, 1, 0, 'c'.repeat(256), 'x', '', 0, 0, '1'],
    [40, 1, 0, 'c', 'x', '', 0, 0, 7],
    [42, 1, 'no-such-code', 'm'],
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

test('bytes are copied out of the frame that carried them', (t) => {
  const frame = packr.pack(
    encodeRouting({ ...(GOLDEN[0]![0] as Extract<RoutingMessage, { type: 'forward' }>), data: new Uint8Array(8) }),
  );
  const message = decodeRouting(packr.unpack(frame)) as Extract<RoutingMessage, { type: 'forward' }>;
  t.is((message.data as Uint8Array).buffer.byteLength, 8);
});
