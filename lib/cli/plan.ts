/**
 * `halod plan`: what a change of the cluster would move. The table is a pure function of the members, so it is computed
 * here, from the members that a node names; the cluster is only asked who they are.
 */
import { DEFAULTS } from '../config/options.js';
import { type Change, type ChangePlan, planChange } from '../core/table/plan.js';
import type { TableMember } from '../core/table/types.js';
import type { NodeId } from '../wire/ids.js';
import { EXIT, UsageError } from './failure.js';
import type { CommonOptions } from './main.js';
import { colour, count, formatTable, printJson, printLine, visible } from './output.js';
import { type ClusterAnswer, type ClusterNode, getCluster, nodeUrl } from './request.js';
import { isLive } from './status.js';

interface PlanOptions extends CommonOptions {
  readonly add?: number;
  readonly remove?: string;
  readonly weight?: string;
}

/** How many clients change their node, and how long that takes at the pace of the receiving nodes. */
interface Moves {
  readonly clients: number;
  readonly seconds: number;
}

export async function runPlan(options: PlanOptions): Promise<number> {
  const given = [options.add, options.remove, options.weight].filter((value) => value !== undefined);
  if (given.length !== 1) throw new UsageError('plan wants one change: --add N, --remove ID or --weight ID=N');
  const cluster = await getCluster(options);
  const change = readChange(options, cluster);
  const parameters = { slots: cluster.slots, copies: cluster.copies, tolerance: 0 };
  const plan = planChange(parameters, membersOf(cluster), change);
  const moves = clientMoves(plan, cluster);
  if (options.json) printJson(asJson(plan, moves, change));
  else for (const line of formatPlan(plan, moves, change, cluster)) printLine(line);
  return EXIT.done;
}

/** Nodes that are still joining own nothing yet, and those that left no longer do. */
function membersOf(cluster: ClusterAnswer): TableMember[] {
  return cluster.nodes
    .filter(({ state }) => state === 'alive' || state === 'suspect' || state === 'draining' || state === 'failed')
    .map(({ id, weight, zone, state }) => ({ id: id as NodeId, weight, zone, live: state !== 'failed' }));
}

function readChange(options: PlanOptions, cluster: ClusterAnswer): Change {
  if (options.add !== undefined) return { kind: 'add', count: options.add, weight: 1 };
  if (options.remove !== undefined) {
    const { id } = findNode(options.remove, cluster, '--remove');
    if (cluster.nodes.filter((node) => isLive(node)).length < 2)
      throw new UsageError('--remove: it is the only live node');
    return { kind: 'remove', id: id as NodeId };
  }
  const match = /^(.+)=(\d{1,4})$/.exec(options.weight ?? '');
  const weight = Number(match?.[2]);
  if (!match || weight < 1 || weight > 1_000) throw new UsageError('--weight wants ID=N with N from 1 to 1000');
  return { kind: 'weight', id: findNode(match[1]!, cluster, '--weight').id as NodeId, weight };
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

function clientMoves(plan: ChangePlan, cluster: ClusterAnswer): Moves {
  const connections = new Map(cluster.nodes.map((node) => [node.id, Math.max(0, node.connections)]));
  let clients = 0;
  for (const { id, ownedBefore, ownedLost } of plan.nodes) {
    if (ownedBefore > 0) clients += ((connections.get(id) ?? 0) * ownedLost) / ownedBefore;
  }
  const gained = plan.nodes.map((node) => node.ownedGained);
  const busiest = plan.slotsMoved === 0 ? 0 : (clients * Math.max(...gained)) / plan.slotsMoved;
  return { clients: Math.round(clients), seconds: Math.ceil(busiest / DEFAULTS.moveRate) };
}

function asJson(plan: ChangePlan, moves: Moves, change: Change): unknown {
  const { diff: _, ...rest } = plan;
  return { change, ...rest, clientsMoved: moves.clients, secondsAtDefaultPace: moves.seconds };
}

function formatPlan(plan: ChangePlan, moves: Moves, change: Change, cluster: ClusterAnswer): string[] {
  const urls = new Map(cluster.nodes.map((node) => [node.id, node.url]));
  const share = (100 * plan.usersMovedShare).toFixed(1);
  const optimum = plan.slotsMovedOptimum;
  return [
    `${colour('bold', describe(change))}, of ${cluster.nodes.length}: nothing is changed by this command`,
    '',
    `  slots that change their owner  ${count(plan.slotsMoved)} of ${count(cluster.slots)} (${share} %); the least possible is ${count(Math.ceil(optimum))}`,
    `  copies of slots to be sent     ${count(plan.copiesSent)}`,
    `  clients that change their node about ${count(moves.clients)}, within ${moves.seconds} s at ${DEFAULTS.moveRate} a second`,
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
    ...(change.kind === 'add'
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
