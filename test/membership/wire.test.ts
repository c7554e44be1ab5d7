import test from 'ava';
import { Packr } from 'msgpackr';
import { sizeOfMessage } from '../../lib/sim/membership/codec-size.js';
import { idOfNumber } from '../../lib/sim/membership/member-program.js';
import type { NodeId } from '../../lib/wire/ids.js';
import {
  decodeMembership,
  encodeMembership,
  type MemberRecord,
  type MembershipMessage,
} from '../../lib/wire/membership.js';

const packr = new Packr({ useRecords: false });
const a = 'aaaaaaaaaaaaaaaaaaaa' as NodeId;
const b = 'bbbbbbbbbbbbbbbbbbb7' as NodeId;
const record: MemberRecord = {
  id: a,
  key: new Uint8Array(32).fill(1),
  boot: 1_700_000_000_000,
  incarnation: 3,
  state: 'draining',
  url: 'http://n:7400',
  weight: 2,
  zone: 'z',
  version: '1.0.0',
  signature: new Uint8Array(64).fill(2),
};
const recordHex = `9ab4${'61'.repeat(20)}c420${'01'.repeat(32)}cb4278bcfe56800000`;

/** What each message is on the wire, in hex: a change here is a change of the protocol. */
const GOLDEN: readonly [MembershipMessage, string][] = [
  [{ type: 'ping', seq: 7 }, '920107'],
  [{ type: 'ack', seq: 300 }, '9202cd012c'],
  [{ type: 'ping-request', seq: 1, target: a }, `930301b4${'61'.repeat(20)}`],
  [{ type: 'indirect-ack', seq: 1 }, '920401'],
  [{ type: 'nack', seq: 1 }, '920501'],
  [
    {
      type: 'news',
      records: [record],
      claims: [{ kind: 'refused', id: b, boot: 5, incarnation: 0, accusers: [a] }],
    },
    `930691${recordHex}0302ad687474703a2f2f6e3a3734303002a17aa5312e302e30c440${'02'.repeat(64)}9195 01b4${'62'.repeat(19)}370500b4${'61'.repeat(20)}`.replace(
      ' ',
      '',
    ),
  ],
  [
    {
      type: 'sync',
      count: 2,
      parts: [{ bits: 4, prefix: 0x10000000, digests: Array.from({ length: 16 }, (_, i) => i) }],
      lists: [{ bits: 8, prefix: 0, entries: [[a, 0xffffffff]] }],
    },
    `9407029193 04ce10000000c440${Array.from({ length: 16 }, (_, i) => i.toString(16).padStart(8, '0')).join('')}9194 0800b4${'61'.repeat(20)}c404ffffffff`.replaceAll(
      ' ',
      '',
    ),
  ],
  [{ type: 'want', ids: [b] }, `920891b4${'62'.repeat(19)}37`],
];

for (const [message, hex] of GOLDEN) {
  test(`${message.type} keeps its bytes`, (t) => {
    const bytes = packr.pack(encodeMembership(message));
    t.is(bytes.toString('hex'), hex);
    t.deepEqual(decodeMembership(packr.unpack(Buffer.from(hex, 'hex')) as unknown[]), message);
  });
}

test('the simulator counts the bytes that the codec makes', (t) => {
  const ids = Array.from({ length: 40 }, (_, i) => idOfNumber(i));
  const more: MembershipMessage[] = [
    { type: 'ping', seq: 200 },
    { type: 'ping', seq: 70_000 },
    { type: 'want', ids },
    { type: 'news', records: Array.from({ length: 30 }, () => record), claims: [] },
    {
      type: 'sync',
      count: 1_000,
      parts: [],
      lists: [{ bits: 4, prefix: 0xf0000000, entries: ids.map((id) => [id, 5] as const) }],
    },
  ];
  for (const message of [...GOLDEN.map(([m]) => m), ...more])
    t.is(sizeOfMessage(message), packr.pack(encodeMembership(message)).length, JSON.stringify(message).slice(0, 80));
});

const packed = encodeMembership({ type: 'news', records: [record], claims: [] });
const fields = (packed[1] as unknown[][])[0] as unknown[];
const withField = (at: number, value: unknown) => [6, [fields.map((f, i) => (i === at ? value : f))], []];

const GARBAGE: Readonly<Record<string, unknown[]>> = {
  'an unknown number': [9, 1],
  'no number': [],
  'a negative sequence': [1, -1],
  'a text for a sequence': [1, '1'],
  'a target that is no id': [3, 1, 'AAAAAAAAAAAAAAAAAAAA'],
  'records that are no list': [6, 5, []],
  'a record of nine fields': [6, [fields.slice(0, 9)], []],
  'an id of another alphabet': withField(0, '00000000000000000000'),
  'a key of 31 bytes': withField(1, new Uint8Array(31)),
  'a boot that is no integer': withField(2, 1.5),
  'an incarnation beyond 32 bits': withField(3, 2 ** 32),
  'a state that does not exist': withField(4, 4),
  'a URL without end': withField(5, 'x'.repeat(5_000)),
  'a weight of zero': withField(6, 0),
  'a weight beyond its limit': withField(6, 1_001),
  'a zone that is a list': withField(7, []),
  'a version without end': withField(8, 'x'.repeat(500)),
  'a signature of 63 bytes': withField(9, new Uint8Array(63)),
  'more records than fit': [6, Array.from({ length: 41 }, () => fields), []],
  'a claim without accuser': [6, [], [[0, a, 1, 0]]],
  'a claim of many accusers': [6, [], [[0, a, 1, 0, a, a, a, a, a]]],
  'a claim of no kind': [6, [], [[7, a, 1, 0, a]]],
  'a part of 15 digests': [7, 1, [[0, 0, new Uint8Array(60)]], []],
  'a part of half a level': [7, 1, [[3, 0, new Uint8Array(64)]], []],
  'ids and hashes that do not match': [7, 1, [], [[0, 0, a, new Uint8Array(8)]]],
  'more ids than fit': [8, Array.from({ length: 513 }, () => a)],
};

for (const [name, element] of Object.entries(GARBAGE))
  test(`refuses ${name}`, (t) => {
    t.throws(() => decodeMembership(element));
  });
