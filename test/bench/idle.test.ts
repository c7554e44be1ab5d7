import test from 'ava';
import { report } from '../../bench/idle/report.js';
import { difference, type Kind, Snapshot } from '../../bench/idle/snapshot.js';
import { MACHINE } from './machine.js';

const TYPES = ['hidden', 'array', 'string', 'object', 'closure', 'native', 'synthetic'] as const;
const EDGES = ['context', 'element', 'property', 'internal', 'weak'] as const;

interface Node {
  readonly type: (typeof TYPES)[number];
  readonly name: string;
  readonly bytes: number;
  readonly edges?: readonly (readonly [type: (typeof EDGES)[number], name: string | number, to: number])[];
}

/** As V8 writes it: nodes and edges as flat lists of numbers, names by their place in a list. */
function snapshotOf(nodes: readonly Node[]): Snapshot {
  const strings: string[] = [];
  const place = (text: string): number => {
    if (!strings.includes(text)) strings.push(text);
    return strings.indexOf(text);
  };
  const fields = ['type', 'name', 'id', 'self_size', 'edge_count', 'trace_node_id', 'detachedness'];
  return new Snapshot(
    JSON.stringify({
      snapshot: {
        meta: {
          node_fields: fields,
          node_types: [TYPES, 'string', 'number', 'number', 'number', 'number', 'number'],
          edge_fields: ['type', 'name_or_index', 'to_node'],
          edge_types: [EDGES, 'string_or_number', 'node'],
        },
      },
      nodes: nodes.flatMap(({ type, name, bytes, edges = [] }, index) => [
        TYPES.indexOf(type),
        place(name),
        2 * index + 1,
        bytes,
        edges.length,
        0,
        0,
      ]),
      edges: nodes.flatMap(({ edges = [] }) =>
        edges.flatMap(([type, name, to]) => [
          EDGES.indexOf(type),
          typeof name === 'number' ? name : place(name),
          to * fields.length,
        ]),
      ),
      strings,
    }),
  );
}

/** A server with so many sockets, each with a list of one listener and a handle. */
function serverWith(sockets: number): Snapshot {
  const first = 3;
  const each = 5;
  const nodes: Node[] = [
    { type: 'synthetic', name: '', bytes: 0, edges: [['element', 1, 1]] },
    { type: 'object', name: 'Server', bytes: 100, edges: [['property', 'sockets', 2]] },
    {
      type: 'object',
      name: 'Set',
      bytes: 32,
      edges: Array.from({ length: sockets }, (_, index) => ['element', index, first + index * each] as const),
    },
  ];
  for (let index = 0; index < sockets; index++) {
    const at = first + index * each;
    nodes.push(
      {
        type: 'object',
        name: 'Socket',
        bytes: 80,
        edges: [
          ['weak', 'listener', at + 3],
          ['property', '_events', at + 1],
          ['internal', 'handle', at + 4],
        ],
      },
      { type: 'object', name: 'Array', bytes: 32, edges: [['internal', 'elements', at + 2]] },
      { type: 'array', name: '', bytes: 24, edges: [['element', 0, at + 3]] },
      { type: 'closure', name: 'onClose', bytes: 56 },
      { type: 'native', name: 'Node / TCPSocketWrap', bytes: 400 },
    );
  }
  return snapshotOf(nodes);
}

test('what has no class belongs to the object that keeps it, by its field, and not to one that refers to it weakly', (t) => {
  const kinds = [...serverWith(2).kinds().values()];
  t.deepEqual(kinds, [
    { owner: 'Server', field: '', what: 'Server', isNative: false, count: 1, bytes: 100 },
    { owner: 'Server', field: 'sockets', what: 'Set', isNative: false, count: 1, bytes: 32 },
    { owner: 'Socket', field: '', what: 'Socket', isNative: false, count: 2, bytes: 160 },
    { owner: 'Socket', field: '_events', what: 'Array', isNative: false, count: 2, bytes: 64 },
    { owner: 'Socket', field: '_events', what: 'elements', isNative: false, count: 2, bytes: 48 },
    { owner: 'Socket', field: '_events', what: 'function', isNative: false, count: 2, bytes: 112 },
    { owner: 'Node / TCPSocketWrap', field: '', what: 'native', isNative: true, count: 2, bytes: 800 },
  ]);
});

test('two snapshots differ by what each connection keeps', (t) => {
  const kinds = difference(serverWith(3).kinds(), serverWith(13).kinds(), 10).filter(({ bytes }) => bytes !== 0);
  t.deepEqual(
    kinds.map(({ owner, what, count, bytes }) => [owner, what, count, bytes]),
    [
      ['Socket', 'Socket', 1, 80],
      ['Socket', 'Array', 1, 32],
      ['Socket', 'elements', 1, 24],
      ['Socket', 'function', 1, 56],
      ['Node / TCPSocketWrap', 'native', 1, 400],
    ],
  );
  const gone = difference(serverWith(1).kinds(), new Map(), 1);
  t.is(
    gone.reduce((sum, { bytes }) => sum + bytes, 0),
    -(132 + 192 + 400),
  );
});

test('the table of an idle connection adds up to the memory of the process', (t) => {
  const kind = (owner: string, field: string, what: string, bytes: number, isNative = false): Kind => ({
    ...{ owner, field, what, isNative, count: 1, bytes },
  });
  const shared = [kind('Socket', '', 'Socket', 300), kind('Node / TCPSocketWrap', '', 'native', 400, true)];
  const ofHalod = [kind('Session', '', 'Session', 128), kind('Session', 'user', 'string', 24)];
  const measured = [
    {
      title: 'halod',
      kinds: [...shared, ...ofHalod, kind('ClientSocket', '', 'ClientSocket', 200)],
      memory: { pssBytes: 2_000, heapBytes: 1_000 },
    },
    {
      title: 'raw ws',
      kinds: [...shared, kind('WebSocket', '', 'WebSocket', 190), kind('WebSocket', '_events', 'Array', 32)],
      memory: { pssBytes: 1_800, heapBytes: 900 },
    },
  ];
  const text = report(measured, { command: 'npm run bench:idle', connections: 10_000, runs: 3, machine: MACHINE });
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const row = (what: string) => rows.find((cells) => cells[1] === what || cells[2] === what)?.slice(4, 8);
  t.deepEqual(row('WebSocket'), ['200', '1.0', '190', '1.0'], "halod's own class of sockets stands beside that of ws");
  t.deepEqual(row('WebSocket, its _events'), ['', '', '32', '1.0']);
  t.deepEqual(row('others'), ['24', '1.0', '', ''], 'small rows are added up');
  t.deepEqual(row('what is left of the HTTP request'), ['', '', '', ''], 'said also where nothing is');
  t.deepEqual(row('**objects**'), ['652', '4.0', '522', '3.0']);
  t.deepEqual(row('garbage and free room'), ['348', '', '378', '']);
  t.deepEqual(row('handles'), ['400', '', '400', '']);
  t.deepEqual(row('the rest'), ['600', '', '500', '']);
  t.deepEqual(row('**memory of the process**'), ['2,000', '', '1,800', '']);
});
