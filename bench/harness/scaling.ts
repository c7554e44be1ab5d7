/**
 * From measured costs to machines: how many worker processes so many users need, and what is between them. Arithmetic
 * only; every input is a figure of a result file or an assumption that is printed with the answer.
 */
import { DEFAULTS } from '../../lib/config/options.js';
import { ENTRY_OVERHEAD_BYTES } from '../../lib/core/channel/log.js';
import { figuresOf } from './report.js';
import type { Results } from './results.js';
import { printed, spreadOf } from './stats.js';

export interface Costs {
  readonly kBEach: number;
  readonly connectCpuS: number;
  /** At 10,000 messages/s on three nodes, where little is batched: a busy system pays less. */
  readonly microsPaced: number;
  /** At 5,000 messages/s on three and on eight nodes, where measured: the same load on more links, less in each batch. */
  readonly microsGrowth?: { readonly three: number; readonly eight: number } | undefined;
  readonly idleCoresMean: number;
}

export interface Load {
  readonly name: string;
  /** Messages a user receives in a second. */
  readonly perUser: number;
  /** Mean length of a session. */
  readonly sessionS: number;
}

export interface Plan {
  readonly micros: number;
  readonly workers: number;
  readonly usersEach: number;
  readonly limit: 'CPU' | 'memory' | 'connections';
  readonly coresEach: number;
  readonly memoryGBEach: number;
  readonly memoryGB: number;
  readonly deliveriesPerSecond: number;
  readonly connectsPerSecond: number;
  readonly linksEach: number;
  /** How long the history of one worker lasts, copies for others included. */
  readonly historyS: number;
}

export const ASSUMPTIONS = {
  /** Of one core: what is left carries bursts, joins and the users of a node that died. */
  busyShareMax: 0.5,
  /** Of the connections of one process; the node refuses more than 100,000. */
  connectionsMax: 50_000,
  memoryGBMax: 2,
  /** A process without a user. */
  baseMB: 90,
  /** History of all channels of a node, and what a message takes of it beside its data. */
  historyBytes: DEFAULTS.historyMemory,
  entryBytes: ENTRY_OVERHEAD_BYTES,
  dataBytes: 128,
  copies: DEFAULTS.copies,
} as const;

export const LOADS: readonly Load[] = [
  { name: 'notifications: a message a minute, sessions of 30 min', perUser: 1 / 60, sessionS: 1_800 },
  { name: 'chat: a message every 10 s, sessions of 10 min', perUser: 0.1, sessionS: 600 },
  { name: 'live: a message a second, sessions of 10 min', perUser: 1, sessionS: 600 },
];

export function costsOf(results: Results, peer: string): Costs | undefined {
  const median = (workload: string, variant: string, key: string): number | undefined => {
    const cell = results.cells.find(
      (each) => each.workload === workload && each.variant === variant && each.peer === peer,
    );
    return cell === undefined ? undefined : spreadOf(figuresOf(cell, key))?.median;
  };
  const kBEach = median('idle', '1 node', 'kBEach');
  const connectCpuS = median('idle', '1 node', 'connectCpuS');
  const microsPaced = median('latency', '10,000/s, 3 nodes', 'serverMicros');
  const idleCoresMean = median('growth', '8 nodes', 'idleCoresMean') ?? 0;
  if (kBEach === undefined || connectCpuS === undefined || microsPaced === undefined) return undefined;
  const [three, eight] = ['3 nodes', '8 nodes'].map((variant) => median('growth', variant, 'serverMicros'));
  const microsGrowth = three === undefined || eight === undefined ? undefined : { three, eight };
  return { kBEach, connectCpuS, microsPaced, idleCoresMean, microsGrowth };
}

/** Cores that one user costs: what it receives, and its share of connecting. */
function coresOfUser(costs: Costs, load: Load, micros: number): number {
  return (load.perUser * micros) / 1e6 + costs.connectCpuS / 10_000 / load.sessionS;
}

/** `micros`: what a delivery costs. */
export function planFor(users: number, load: Load, costs: Costs, micros = costs.microsPaced): Plan {
  const cores = coresOfUser(costs, load, micros);
  const byCpu = (ASSUMPTIONS.busyShareMax - costs.idleCoresMean) / cores;
  const byMemory = ((ASSUMPTIONS.memoryGBMax * 1e9 - ASSUMPTIONS.baseMB * 1e6) / costs.kBEach) * 1e-3;
  const byConnections = ASSUMPTIONS.connectionsMax;
  const most = Math.min(byCpu, byMemory, byConnections);
  const workers = Math.max(3, Math.ceil(users / most));
  const usersEach = users / workers;
  const memoryGBEach = (ASSUMPTIONS.baseMB * 1e6 + usersEach * costs.kBEach * 1e3) / 1e9;
  const { historyBytes, entryBytes, dataBytes, copies } = ASSUMPTIONS;
  return {
    micros,
    workers,
    usersEach,
    limit: most === byConnections ? 'connections' : most === byCpu ? 'CPU' : 'memory',
    coresEach: usersEach * cores + costs.idleCoresMean,
    memoryGBEach,
    memoryGB: memoryGBEach * workers,
    deliveriesPerSecond: users * load.perUser,
    connectsPerSecond: users / load.sessionS,
    linksEach: workers - 1,
    historyS: historyBytes / (usersEach * load.perUser * copies * (entryBytes + dataBytes)),
  };
}

/** The two ends between which a delivery costs what it costs; one where growth was not measured. */
function endsOf({ microsPaced, microsGrowth }: Costs): number[] {
  return microsGrowth === undefined ? [microsPaced] : [microsPaced, Math.max(microsPaced, microsGrowth.eight)];
}

/** The answer for 10⁶ and 10⁷ users, as Markdown. */
export function scalingTables(costs: Costs): string {
  const head = [
    'users',
    'load',
    'deliveries/s',
    'connects/s',
    'µs a delivery',
    'workers',
    'limited by',
    'users each',
    'cores each',
    'GB each',
    'GB in all',
    'links each',
    'history lasts',
  ];
  const rows: string[] = [];
  for (const users of [1e6, 1e7]) {
    for (const load of LOADS) {
      for (const micros of endsOf(costs)) rows.push(rowOf(users, load, planFor(users, load, costs, micros)));
    }
  }
  return `| ${head.join(' | ')} |\n|${head.map(() => '---|').join('')}\n${rows.join('\n')}`;
}

function rowOf(users: number, load: Load, plan: Plan): string {
  const cells = [
    users === 1e6 ? '10⁶' : '10⁷',
    load.name,
    printed(plan.deliveriesPerSecond),
    printed(plan.connectsPerSecond),
    printed(plan.micros),
    printed(plan.workers),
    plan.limit,
    printed(Math.round(plan.usersEach)),
    printed(plan.coresEach),
    printed(plan.memoryGBEach),
    printed(plan.memoryGB),
    printed(plan.linksEach),
    plan.historyS < 120 ? `${printed(Math.round(plan.historyS))} s` : `${printed(plan.historyS / 60)} min`,
  ];
  return `| ${cells.join(' | ')} |`;
}
