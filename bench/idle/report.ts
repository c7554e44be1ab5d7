/**
 * An idle connection's memory as a table: kinds of objects by who made them, halod's beside those of bare `ws`, and around
 * them what the process takes beyond its objects. Each column adds up to its last row.
 */
import type { Machine } from '../harness/machine.js';
import { type Memory, WARM } from './measure.js';
import type { Kind } from './snapshot.js';

export interface Measured {
  readonly title: string;
  readonly kinds: readonly Kind[];
  readonly memory: Memory;
}

/** Rows with less than this in every column are added up. */
const SMALL_BYTES = 30;
/** Fewer of a connection are none. */
const COUNT_MIN = 0.005;

const OWN = 'the server itself';
/** Always told: connections began as requests, and nothing of those should stay. */
const HTTP = 'what is left of the HTTP request';
const V8 = 'V8';
/** Names of rows that take in whatever matches. */
const GATHERED: readonly (readonly [maker: string, name: string, owners: RegExp])[] = [
  [OWN, 'variables of a module', /^Generator$/],
  ['Node', HTTP, /^(?:HTTPParser|IncomingMessage|ServerResponse|ConnectionsList)$/],
  [V8, 'code, shapes of objects', /^(?:|Function|ModuleWrap|\(.*\))$/],
];
/** By maker; whatever is nobody else's is the server's own. */
const MAKERS: readonly (readonly [maker: string, owners: RegExp])[] = [
  ['ws', /^(?:WebSocket|Receiver|Sender|WebSocketServer)$/],
  ['Node', /^(?:Socket|ReadableState|WritableState|TCP|Server|Node \/ .*)$/],
];

interface Row {
  readonly maker: string;
  readonly name: string;
  readonly whats: Set<string>;
  readonly cells: { bytes: number; count: number }[];
}

export interface Setting {
  readonly command: string;
  readonly connections: number;
  readonly runs: number;
  readonly machine: Machine;
}

export function report(measured: readonly Measured[], { command, connections, runs, machine }: Setting): string {
  const columns = measured.flatMap(({ title }) => [`${title}, bytes`, 'objects']);
  const table = [
    `| whose | what | made of | ${columns.join(' | ')} |`,
    `| --- | --- | --- | ${columns.map(() => '--:').join(' | ')} |`,
    ...objectLines(measured),
    ...processLines(measured),
  ];
  return `# What an idle connection is made of

\`${command}\`, ${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}.

${connections.toLocaleString('en-US')} connections to one node, each with a channel of its own, nothing said; bytes and objects of one of them. Objects are those
that a second snapshot of the heap has more than a first one, taken with ${WARM} connections. What has no class of its own (arrays, strings,
maps, closures, contexts) stands with the nearest object of a class that keeps it, by the field of that object that it is in; of a class
without a field, the objects themselves. Rows under ${SMALL_BYTES} bytes are added up. Figures for the whole process (PSS) are from the median of ${runs}
runs without snapshots; the kernel's buffers are not in them.

${table.join('\n')}
`;
}

/** Objects in V8's heap, and their sum. */
function objectLines(measured: readonly Measured[]): string[] {
  const rows = rowsOf(measured);
  const makers = [OWN, 'ws', 'Node', V8];
  const lines = makers.flatMap((maker) => {
    const own = rows.filter((row) => row.maker === maker);
    const large = own.filter(isLarge);
    large.sort((a, b) => size(b) - size(a));
    const small = own.filter((row) => !large.includes(row));
    const others: Row = { ...newRow(maker, 'others', 0), cells: sumOf(small, measured.length) };
    return [...large, ...(small.length === 0 ? [] : [others])].map(line);
  });
  const sum = sumOf(rows, measured.length);
  return [...lines, line({ ...newRow('**objects**', '', 0), cells: sum })];
}

/** What the process takes beyond them. */
function processLines(measured: readonly Measured[]): string[] {
  const bytes = measured.map(({ kinds, memory }) => {
    const named = bytesOf(kinds.filter(({ isNative }) => isNative));
    const objects = bytesOf(kinds.filter(({ isNative }) => !isNative));
    const { pssBytes, heapBytes } = memory;
    return { named, free: heapBytes - objects, rest: pssBytes - heapBytes - named, pssBytes };
  });
  const row = (whose: string, what: string, madeOf: string, key: keyof (typeof bytes)[number]) =>
    `| ${whose} | ${what} | ${madeOf} | ${bytes.map((each) => `${whole(each[key])} | `).join(' | ')} |`;
  const natives = [...new Set(measured.flatMap(({ kinds }) => nativeNames(kinds)))].join(', ');
  return [
    row("V8's pages", 'garbage and free room', '', 'free'),
    row('outside V8', 'handles', natives, 'named'),
    row('outside V8', 'the rest', 'malloc of Node, libuv and V8', 'rest'),
    row('**memory of the process**', '', '', 'pssBytes'),
  ];
}

function nativeNames(kinds: readonly Kind[]): string[] {
  return kinds.filter(({ isNative, bytes }) => isNative && bytes >= 1).map(({ owner }) => owner);
}

/** Which row a kind belongs to. */
function placeOf(kind: Kind): [maker: string, name: string] {
  // halod's sockets are of a class of its own that adds one field
  const owner = kind.owner === 'ClientSocket' ? 'WebSocket' : kind.owner;
  const gathered = GATHERED.find(([, , owners]) => owners.test(owner));
  if (gathered !== undefined) return [gathered[0], gathered[1]];
  const maker = MAKERS.find(([, owners]) => owners.test(owner))?.[0] ?? OWN;
  return [maker, kind.field === '' ? owner : `${owner}, its ${kind.field}`];
}

function rowsOf(measured: readonly Measured[]): Row[] {
  const rows = new Map<string, Row>([[HTTP, newRow('Node', HTTP, measured.length)]]);
  for (const [column, { kinds }] of measured.entries()) {
    for (const kind of kinds) {
      if (kind.isNative) continue;
      const [maker, name] = placeOf(kind);
      const row = rows.get(name) ?? newRow(maker, name, measured.length);
      rows.set(name, row);
      if (maker !== V8 && kind.field !== '' && kind.bytes >= 1) row.whats.add(kind.what);
      row.cells[column]!.bytes += kind.bytes;
      row.cells[column]!.count += kind.count;
    }
  }
  return [...rows.values()];
}

function newRow(maker: string, name: string, columns: number): Row {
  return { maker, name, whats: new Set(), cells: Array.from({ length: columns }, () => ({ bytes: 0, count: 0 })) };
}

function isLarge({ name, cells }: Row): boolean {
  return name === HTTP || cells.some(({ bytes }) => Math.abs(bytes) >= SMALL_BYTES);
}

function sumOf(rows: readonly Row[], columns: number): Row['cells'] {
  return Array.from({ length: columns }, (_, column) => ({
    bytes: rows.reduce((sum, { cells }) => sum + cells[column]!.bytes, 0),
    count: rows.reduce((sum, { cells }) => sum + cells[column]!.count, 0),
  }));
}

function bytesOf(kinds: readonly Kind[]): number {
  return kinds.reduce((sum, { bytes }) => sum + bytes, 0);
}

function size({ cells }: Row): number {
  return Math.max(...cells.map(({ bytes }) => bytes));
}

function line({ maker, name, whats, cells }: Row): string {
  const figures = cells.map(
    ({ bytes, count }) => `${whole(bytes)} | ${Math.abs(count) < COUNT_MIN ? '' : count.toFixed(1)}`,
  );
  return `| ${maker} | ${name} | ${[...whats].join(', ')} | ${figures.join(' | ')} |`;
}

/** Nothing for what is none. */
function whole(bytes: number): string {
  const rounded = Math.round(bytes);
  return rounded === 0 ? '' : rounded.toLocaleString('en-US');
}
