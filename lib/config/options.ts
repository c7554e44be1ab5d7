/**
 * Every option of a node, in one table: its name, where it may be set, its default, what it means and what it accepts.
 * Flags, environment, config file, `createNode` and the README are all derived from or tested against this table.
 * Each option is `--name` on the command line, `HALOD_NAME` in the environment and `name` in a config file.
 */
import { LIMITS } from '../wire/limits.js';

export type WhenShort = 'auto' | 'accept' | 'refuse';
export type Preset = 'local' | 'lan' | 'wan';

/** What a node is started with. `createNode` takes any part of it; the rest is filled from the defaults below. */
export interface NodeOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** The URL given to clients and peers; '' takes the one it listens on. */
  readonly advertise: string;
  readonly seeds: readonly string[];
  readonly cluster: string;
  readonly slots: number;
  readonly copies: number;
  readonly acks: number;
  /** `auto`: accept in clusters of one or two, refuse in larger ones. */
  readonly whenShort: WhenShort;
  /** Retention of a channel: messages, bytes, milliseconds. */
  readonly history: number;
  readonly historyBytes: number;
  readonly historyAgeMs: number;
  /** Bytes of all channels on this node, copies included. */
  readonly historyMemory: number;
  readonly weight: number;
  readonly zone: string;
  /** '' wherever a secret is not used. */
  readonly clusterSecret: string;
  readonly apiKey: string;
  readonly tokenSecret: string;
  /** URL or path of a JSON Web Key Set. */
  readonly tokenJwks: string;
  /** Directory for history and the identity; '' keeps history in memory and makes a fresh identity at each start. */
  readonly data: string;
  /** File of the node's private key; '' means in `data`, or a fresh identity at each start. */
  readonly keyFile: string;
  readonly relay: boolean;
  readonly insecure: boolean;
  readonly console: boolean;
  /** Directory whose files are served to browsers below `/`; '' serves none. */
  readonly assets: string;
  readonly drainTimeoutMs: number;
  /** Sessions a second that this node takes over from others. */
  readonly moveRate: number;
  readonly preset: Preset;
  /** Member nodes that `halod start` runs behind one port; `createNode` starts one node whatever it says. */
  readonly workers: number;
}

export type OptionKind =
  | { readonly type: 'text'; readonly bytesMax: number }
  | { readonly type: 'list'; readonly itemsMax: number }
  | { readonly type: 'flag' }
  | { readonly type: 'integer'; readonly min: number; readonly max: number; readonly powerOfTwo?: boolean }
  /** `1048576`, `512KiB`, `1MiB`. */
  | { readonly type: 'bytes'; readonly min: number; readonly max: number }
  /** Seconds, or with a unit: `500ms`, `30s`, `5m`, `1h`, `2d`. Kept in milliseconds. */
  | { readonly type: 'duration'; readonly minMs: number; readonly maxMs: number }
  | { readonly type: 'choice'; readonly choices: readonly string[] };

export type OptionGroup = 'address' | 'cluster' | 'delivery' | 'security' | 'operation';

export interface OptionSpec<K extends keyof NodeOptions = keyof NodeOptions> {
  readonly key: K;
  readonly name: string;
  /** Stands for the value in help texts. */
  readonly value: string;
  readonly kind: OptionKind;
  readonly default: NodeOptions[K];
  /** Nodes that differ in it refuse each other. */
  readonly clusterWide?: boolean;
  /** A secret: `--name-file FILE` reads it from a file, and it is never printed. */
  readonly secret?: boolean;
  readonly group: OptionGroup;
  readonly help: string;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const SECOND = 1_000;
const DAY = 86_400 * SECOND;

const text = (bytesMax: number): OptionKind => ({ type: 'text', bytesMax });
const integer = (min: number, max: number): OptionKind => ({ type: 'integer', min, max });
const duration = (minMs: number, maxMs: number): OptionKind => ({ type: 'duration', minMs, maxMs });
const flag: OptionKind = { type: 'flag' };

/** Keeps `default` in step with the type of the key it stands for. */
function option<K extends keyof NodeOptions>(key: K, spec: Omit<OptionSpec<K>, 'key'>): OptionSpec {
  return { key, ...spec } as unknown as OptionSpec;
}

export const OPTIONS: readonly OptionSpec[] = [
  option('host', {
    name: 'host',
    value: 'HOST',
    kind: text(255),
    default: '127.0.0.1',
    group: 'address',
    help: 'address to listen on',
  }),
  option('port', {
    name: 'port',
    value: 'PORT',
    kind: integer(0, 65_535),
    default: 7400,
    group: 'address',
    help: 'port for clients, apps and peers alike; 0 picks a free one',
  }),
  option('advertise', {
    name: 'advertise',
    value: 'URL',
    kind: text(2 * KiB),
    default: '',
    group: 'address',
    help: 'the URL given to clients and peers, where it differs from the address listened on',
  }),
  option('relay', {
    name: 'relay',
    value: '',
    kind: flag,
    default: false,
    group: 'address',
    help: 'serve clients of other nodes here instead of redirecting them, for nodes behind one address',
  }),
  option('seeds', {
    name: 'seed',
    value: 'ADDR',
    kind: { type: 'list', itemsMax: 64 },
    default: [],
    group: 'cluster',
    help: 'any live node of the cluster, as host, host:port or URL; repeatable',
  }),
  option('cluster', {
    name: 'cluster',
    value: 'NAME',
    kind: text(LIMITS.clusterNameBytesMax),
    default: 'default',
    clusterWide: true,
    group: 'cluster',
    help: 'name of the cluster; nodes of another name are refused',
  }),
  option('slots', {
    name: 'slots',
    value: 'N',
    kind: { type: 'integer', min: 16, max: 65_536, powerOfTwo: true },
    default: 16_384,
    clusterWide: true,
    group: 'cluster',
    help: 'hash buckets that channels are spread over, a power of two',
  }),
  option('weight', {
    name: 'weight',
    value: 'N',
    kind: integer(1, 1_000),
    default: 1,
    group: 'cluster',
    help: 'share of the slots relative to other nodes',
  }),
  option('zone', {
    name: 'zone',
    value: 'NAME',
    kind: text(LIMITS.zoneBytesMax),
    default: '',
    group: 'cluster',
    help: 'where this node stands; copies of a slot prefer different zones',
  }),
  option('preset', {
    name: 'preset',
    value: 'NAME',
    kind: { type: 'choice', choices: ['local', 'lan', 'wan'] },
    default: 'lan',
    group: 'cluster',
    help: 'timing of failure detection: one machine, one network, or several sites',
  }),
  option('copies', {
    name: 'copies',
    value: 'N',
    kind: integer(1, 8),
    default: 3,
    clusterWide: true,
    group: 'delivery',
    help: 'nodes that hold each slot',
  }),
  option('acks', {
    name: 'acks',
    value: 'K',
    kind: integer(1, 8),
    default: 2,
    clusterWide: true,
    group: 'delivery',
    help: 'copies stored before a publish is acknowledged; the others follow within 20 ms',
  }),
  option('whenShort', {
    name: 'when-short',
    value: 'POLICY',
    kind: { type: 'choice', choices: ['auto', 'accept', 'refuse'] },
    default: 'auto',
    group: 'delivery',
    help: 'with fewer live nodes than acks: accept and say so, or refuse; auto accepts in clusters of one or two',
  }),
  option('history', {
    name: 'history',
    value: 'N',
    kind: integer(1, 1_000_000),
    default: 1_000,
    group: 'delivery',
    help: 'messages kept of a channel',
  }),
  option('historyBytes', {
    name: 'history-bytes',
    value: 'SIZE',
    kind: { type: 'bytes', min: KiB, max: 1_024 * MiB },
    default: 1 * MiB,
    group: 'delivery',
    help: 'bytes kept of a channel: data, and 240 for each message',
  }),
  option('historyAgeMs', {
    name: 'history-age',
    value: 'TIME',
    kind: duration(SECOND, 365 * DAY),
    default: 3_600 * SECOND,
    group: 'delivery',
    help: 'how long messages of a channel are kept',
  }),
  option('historyMemory', {
    name: 'history-memory',
    value: 'SIZE',
    kind: { type: 'bytes', min: 16 * MiB, max: 64 * 1_024 * MiB },
    default: 256 * MiB,
    group: 'delivery',
    help: 'bytes kept of all channels on this node, copies included; the oldest goes first',
  }),
  option('data', {
    name: 'data',
    value: 'DIR',
    kind: text(4 * KiB),
    default: '',
    group: 'delivery',
    help: 'keep history and the identity of the node in this directory; without it history is in memory only',
  }),
  option('clusterSecret', {
    name: 'cluster-secret',
    value: 'S',
    kind: text(4 * KiB),
    default: '',
    secret: true,
    group: 'security',
    help: 'peers must prove that they know it',
  }),
  option('apiKey', {
    name: 'api-key',
    value: 'K',
    kind: text(4 * KiB),
    default: '',
    secret: true,
    group: 'security',
    help: 'apps must send it as Authorization: Bearer K',
  }),
  option('tokenSecret', {
    name: 'token-secret',
    value: 'S',
    kind: text(4 * KiB),
    default: '',
    secret: true,
    group: 'security',
    help: 'clients must send a JWT signed with it (HS256)',
  }),
  option('tokenJwks', {
    name: 'token-jwks',
    value: 'SOURCE',
    kind: text(4 * KiB),
    default: '',
    group: 'security',
    help: 'clients must send a JWT that a key of this key set signed; a URL or a file',
  }),
  option('keyFile', {
    name: 'key-file',
    value: 'FILE',
    kind: text(4 * KiB),
    default: '',
    group: 'security',
    help: "the node's private key, made at the first start; else in --data, else fresh at each start",
  }),
  option('insecure', {
    name: 'insecure',
    value: '',
    kind: flag,
    default: false,
    group: 'security',
    help: 'listen beyond loopback although a cluster secret, an API key or token settings are missing',
  }),
  option('drainTimeoutMs', {
    name: 'drain-timeout',
    value: 'TIME',
    kind: duration(0, DAY),
    default: 60 * SECOND,
    group: 'operation',
    help: 'how long a leaving node may take to hand over its slots and move its clients',
  }),
  option('moveRate', {
    name: 'move-rate',
    value: 'N',
    kind: integer(1, 100_000),
    default: 2_000,
    group: 'operation',
    help: 'clients a second that this node takes over from others',
  }),
  option('workers', {
    name: 'workers',
    value: 'N',
    kind: integer(1, 64),
    default: 1,
    group: 'operation',
    help: 'member nodes to run on this host behind one port, a process and a port of its own each',
  }),
  option('console', {
    name: 'console',
    value: '',
    kind: flag,
    default: true,
    group: 'operation',
    help: 'serve the web console at /console',
  }),
  option('assets', {
    name: 'assets',
    value: 'DIR',
    kind: text(4 * KiB),
    default: '',
    group: 'operation',
    help: 'serve the files of a directory to browsers: a page beside its cluster',
  }),
];

export const OPTION_GROUPS: Readonly<Record<OptionGroup, string>> = {
  address: 'Address',
  cluster: 'Cluster',
  delivery: 'Delivery',
  security: 'Security',
  operation: 'Operation',
};

export const DEFAULTS = Object.freeze(
  Object.fromEntries(OPTIONS.map((spec) => [spec.key, spec.default])),
) as unknown as NodeOptions;

export function environmentName(optionName: string): string {
  return `HALOD_${optionName.toUpperCase().replaceAll('-', '_')}`;
}

/** An option that is unknown, or whose value cannot be used: wrong usage, exit code 2. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
  readonly code = 'bad-option';
  /** As the user wrote it: `--prot`, `HALOD_PROT`, `prot in halod.json`. */
  readonly option: string;

  constructor(option: string, message: string) {
    super(message);
    this.option = option;
  }
}
