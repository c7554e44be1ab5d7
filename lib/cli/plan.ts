/**
 * `halod plan`: what a change of the cluster would move. The table is a pure function of the members, so it is computed
 * here, from the members that a node names; the cluster is only asked who they are.
 */
import { DEFAULTS } from '../config/options.js';
import { type Change, type ChangePlan, planChange } from '../core/table/plan.js';
import type { TableMember } from '../core/table/types.js';
import type { NodeId } from '../wire/ids.js';
import { LIMITS } from '../wire/limits.js';
import { EXIT, UsageError } from './failure.js';
import type { CommonOptions } from './main.js';
import { colour, count, formatTable, printJson, printLine, visible } from './output.js';
import { type ClusterAnswer, type ClusterNode, getCluster, nodeUrl } from './request.js';
import { isLive } from './status.js';

interface PlanOptions extends CommonOptions {
  readonly add?: number;
  readonly remove: readonly string[];
  readonly weight: readonly string[];
}

/** What is known of a node beside what the table is made from; each node tells it of itself. */
interface Told {
  readonly moveRate: number;
  readonly historyBytes: number;
}

/** How many clients change their node, how long that takes at the pace of the receiving nodes, and what is copied. */
interface Moves {
  readonly clients: number;
  readonly seconds: number;
  readonly bytes: number;
  /** Clients a second that the node takes which receives longest. */
  readonly moveRate: number;
}

export async function runPlan(options: PlanOptions): Promise<number> {
  if (options.add === undefined && options.remove.length === 0 && options.weight.length === 0)
    throw new UsageError('plan wants at least one change: --add N, --remove ID, --weight ID=N');
  const cluster = await getCluster(options);
  const changes = readChanges(options, cluster);
  const parameters = { slots: cluster.slots, copies: cluster.copies, tolerance: 0 };
  const plan = planChange(parameters, membersOf(cluster), changes);
  const moves = movesOf(plan, cluster, await askAll(cluster, options));
  if (options.json) printJson(asJson(plan, moves, changes));
  else for (const line of formatPlan(plan, moves, changes, cluster)) printLine(line);
  return EXIT.done;
}

/** Each live node is asked for its own figures; who does not answer counts as the one that did. */
async function askAll(cluster: ClusterAnswer, options: PlanOptions): Promise<ReadonlyMap<string, Told>> {
  const told = new Map<string, Told>();
  const asked = { moveRate: cluster.moveRate ?? DEFAULTS.moveRate, historyBytes: cluster.historyBytes ?? 0 };
  const live = cluster.nodes.filter((node) => isLive(node));
  await Promise.all(
    live.map(async ({ id, url }) => {
      const answer = id === cluster.self ? cluster : await getCluster({ ...options, node: url }).catch(() => undefined);
      const { moveRate = asked.moveRate, historyBytes = asked.historyBytes } = answer?.self === id ? answer : asked;
      told.set(id, { moveRate, historyBytes });
    }),
  );
  // a node that is still to come will take what the one that was asked takes
  told.set('', { moveRate: asked.moveRate, historyBytes: 0 });
  return told;
}

/** Nodes that are still joining own nothing yet, and those that left no longer do. */
function membersOf(cluster: ClusterAnswer): TableMember[] {
  return cluster.nodes
    .filter(({ state }) => state === 'alive' || state === 'suspect' || state === 'draining' || state === 'failed')
    .map(({ id, weight, zone, state }) => ({ id: id as NodeId, weight, zone, live: state !== 'failed' }));
}

function readChanges({ add, remove, weight }: PlanOptions, cluster: ClusterAnswer): Change[] {
  const removed = remove.map((text) => findNode(text, cluster, '--remove'));
  const changes: Change[] = removed.map(({ id }) => ({ kind: 'remove', id: id as NodeId }));
  const named = new Set(removed.map(({ id }) => id));
  if (named.size < removed.length) throw new UsageError('--remove: a node can leave only once');
  if (add === undefined && cluster.nodes.every((node) => !isLive(node) || named.has(node.id)))
    throw new UsageError('--remove: no live node would be left');
  for (const text of weight) {
    const match = /^(.+)=(\d{1,4})$/.exec(text);
    const number = Number(match?.[2]);
    if (!match || number < 1 || number > 1_000) throw new UsageError('--weight wants ID=N with N from 1 to 1000');
    const { id } = findNode(match[1]!, cluster, '--weight');
    if (named.has(id)) throw new UsageError(`--weight: ${id} is named by another change`);
    named.add(id);
    changes.push({ kind: 'weight', id: id as NodeId, weight: number });
  }
  const { length } = cluster.nodes;
  if (add !== undefined && length + add > LIMITS.membersMax)
    throw new UsageError(`--add: a cluster has at most ${LIMITS.membersMax} nodes, and this one has ${length}`);
  if (add !== undefined) changes.push({ kind: 'add', count: add, weight: 1 });
  return changes;
}

/** By id, by the beginning of an id where only one begins so, or by address. */
function findNode(text: string, cluster: ClusterAnswer, flag: string): ClusterNode {
  const byId = cluster.nodes.filter((node) => node.id.startsWith(text));
  if (byId.length === 1) return byId[0]!;
  if (byId.length > 1) throw new UsageError(`${flag}: ${byId.length} nodes have an id that begins with ${text}`);
  const url = nodeUrl(text);
  const byUrl = cluster.nodes.find((node) => node.url === url);
  if (!byUrl)
    throw new UsageError(
      `${flag}: no node of ${cluster.cluster} has the id or address ${text}; halod status lists them`,
    );
  return byUrl;
}

function movesOf(plan: ChangePlan, cluster: ClusterAnswer, told: ReadonlyMap<string, Told>): Moves {
  const connections = new Map(cluster.nodes.map((node) => [node.id, Math.max(0, node.connections)]));
  let clients = 0;
  for (const { id, ownedBefore, ownedLost } of plan.nodes) {
    if (ownedBefore > 0) clients += ((connections.get(id) ?? 0) * ownedLost) / ownedBefore;
  }
  let seconds = 0;
  let moveRate = told.get('')!.moveRate;
  for (const { id, ownedGained } of plan.nodes) {
    if (ownedGained === 0) continue;
    const rate = (told.get(id) ?? told.get('')!).moveRate;
    const lastsSeconds = (clients * ownedGained) / plan.slotsMoved / rate;
    if (lastsSeconds <= seconds) continue;
    seconds = lastsSeconds;
    moveRate = rate;
  }
  let bytes = 0;
  for (const { historyBytes } of told.values()) bytes += historyBytes;
  const copies = Math.min(cluster.copies, plan.before.liveNodes) * cluster.slots;
  return {
    clients: Math.round(clients),
    seconds: Math.ceil(seconds),
    bytes: copies === 0 ? 0 : Math.round((bytes * plan.copiesSent) / copies),
    moveRate,
  };
}

function asJson(plan: ChangePlan, moves: Moves, changes: readonly Change[]): unknown {
  const { diff: _, ...rest } = plan;
  const { clients, seconds, bytes, moveRate } = moves;
  return { changes, ...rest, clientsMoved: clients, moveRate, secondsAtPace: seconds, bytesSent: bytes };
}

function formatPlan(plan: ChangePlan, moves: Moves, changes: readonly Change[], cluster: ClusterAnswer): string[] {
  const urls = new Map(cluster.nodes.map((node) => [node.id, node.url]));
  const share = (100 * plan.usersMovedShare).toFixed(1);
  const optimum = plan.slotsMovedOptimum;
  return [
    `${colour('bold', changes.map(describe).join(', '))}, of ${cluster.nodes.length}: nothing is changed by this command`,
    '',
    `  slots that change their owner  ${count(plan.slotsMoved)} of ${count(cluster.slots)} (${share} %); the least possible is ${count(Math.ceil(optimum))}`,
    `  copies of slots to be sent     ${count(plan.copiesSent)}, about ${count(Math.ceil(moves.bytes / 1024))} KiB of history`,
    `  clients that change their node about ${count(moves.clients)}, within ${moves.seconds} s at ${count(moves.moveRate)} a second`,
    `  slots of a node                ${range(plan.before.slotsMin, plan.before.slotsMax)} now, ${range(plan.after.slotsMin, plan.after.slotsMax)} then`,
    '',
    ...formatTable(
      [
        { title: 'node' },
        { title: 'url' },
        { title: 'now', align: 'right' },
        { title: 'then', align: 'right' },
        { title: 'gains', align: 'right' },
        { title: 'gives', align: 'right' },
      ],
      plan.nodes.map((node) => [
        visible(node.id),
        visible(urls.get(node.id) ?? '(new)'),
        count(node.ownedBefore),
        count(node.ownedAfter),
        node.ownedGained > 0 ? colour('green', `+${count(node.ownedGained)}`) : '',
        node.ownedLost > 0 ? colour('yellow', `-${count(node.ownedLost)}`) : '',
      ]),
    ),
    ...(changes.some(({ kind }) => kind === 'add')
      ? [
          '',
          colour(
            'dim',
            'A new node has no identity yet: which slots it gets is an example, how many is what to expect.',
          ),
        ]
      : []),
  ];
}

function describe(change: Change): string {
  switch (change.kind) {
    case 'add':
      return change.count === 1 ? 'add 1 node' : `add ${change.count} nodes`;
    case 'remove':
      return `remove node ${change.id}`;
    case 'weight':
      return `give node ${change.id} the weight ${change.weight}`;
  }
}

function range(min: number, max: number): string {
  return min === max ? count(min) : `${count(min)} to ${count(max)}`;
}
