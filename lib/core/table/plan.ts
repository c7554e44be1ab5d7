/**
 * What a change of the table moves: the difference of two tables, and the forecast for nodes that join, leave or
 * change their weight. Pure; it touches no cluster.
 */
import type { NodeId, Slot } from '../../wire/ids.js';
import { ScoreCache } from './layout.js';
import { buildTable } from './table.js';
import type { Table, TableMember, TableParameters } from './types.js';

/** A slot that changes hands; undefined where a side has no live node. */
export interface MovedSlot {
  readonly slot: Slot;
  readonly from: NodeId | undefined;
  readonly to: NodeId | undefined;
}

/** A node that becomes a holder of a slot, and who has the slot's data now: the holders before, owner first. */
export interface Transfer {
  readonly slot: Slot;
  readonly to: NodeId;
  readonly sources: readonly NodeId[];
}

/** Slots of one node: as owner, and as one of the holders (owner or copy). */
export interface NodeChange {
  readonly id: NodeId;
  readonly ownedBefore: number;
  readonly ownedAfter: number;
  readonly ownedGained: number;
  readonly ownedLost: number;
  readonly heldGained: number;
  readonly heldLost: number;
}

export interface TableDiff {
  readonly moved: readonly MovedSlot[];
  readonly transfers: readonly Transfer[];
  /** Every node of either table, in id order. */
  readonly nodes: readonly NodeChange[];
}

/** Both tables must have the same number of slots. Only slots that differ cost more than a look. */
export function diffTables(before: Table, after: Table): TableDiff {
  const { slots } = before.parameters;
  if (after.parameters.slots !== slots) {
    throw new RangeError(`tables of ${slots} and ${after.parameters.slots} slots cannot be compared`);
  }
  const ids = [...new Set([...before.members, ...after.members].map((member) => member.id))].sort();
  const numbers = new Map(ids.map((id, number) => [id, number]));
  const had = before.members.map((member) => numbers.get(member.id)!);
  const has = after.members.map((member) => numbers.get(member.id)!);
  const counts = ids.map(() => new Counts());
  const moved: MovedSlot[] = [];
  const transfers: Transfer[] = [];
  for (let slot = 0; slot < slots; slot++) {
    const from = had[before.owners[slot]!];
    const to = has[after.owners[slot]!];
    if (from !== undefined) counts[from]!.ownedBefore++;
    if (to !== undefined) counts[to]!.ownedAfter++;
    if (from !== to) {
      moved.push({
        slot,
        from: from === undefined ? undefined : ids[from]!,
        to: to === undefined ? undefined : ids[to]!,
      });
      if (from !== undefined) counts[from]!.ownedLost++;
      if (to !== undefined) counts[to]!.ownedGained++;
    }
    if (sameHolders(before, after, slot, had, has)) continue;
    const sources = before.holdersOf(slot);
    const takers = after.holdersOf(slot);
    for (const id of sources) if (!takers.includes(id)) counts[numbers.get(id)!]!.heldLost++;
    for (const id of takers) {
      if (sources.includes(id)) continue;
      transfers.push({ slot, to: id, sources });
      counts[numbers.get(id)!]!.heldGained++;
    }
  }
  return { moved, transfers, nodes: ids.map((id, number) => ({ id, ...counts[number]! })) };
}

/** A cheap look: the same nodes in the same order. Whatever else there is, is looked at closely. */
function sameHolders(
  before: Table,
  after: Table,
  slot: number,
  had: readonly number[],
  has: readonly number[],
): boolean {
  const { copies } = before.parameters;
  if (after.parameters.copies !== copies) return false;
  for (let at = slot * copies; at < (slot + 1) * copies; at++) {
    if (had[before.holders[at]!] !== has[after.holders[at]!]) return false;
  }
  return true;
}

class Counts {
  ownedBefore = 0;
  ownedAfter = 0;
  ownedGained = 0;
  ownedLost = 0;
  heldGained = 0;
  heldLost = 0;
}

export type Change =
  | { readonly kind: 'add'; readonly count: number; readonly weight: number; readonly zone?: string }
  | { readonly kind: 'remove'; readonly id: NodeId }
  | { readonly kind: 'weight'; readonly id: NodeId; readonly weight: number };

/** How evenly a table loads its live nodes; loads are owned slots divided by what the weight entitles to. */
export interface Balance {
  readonly liveNodes: number;
  readonly slotsMin: number;
  readonly slotsMax: number;
  readonly loadMin: number;
  readonly loadMax: number;
}

export interface ChangePlan {
  readonly before: Balance;
  readonly after: Balance;
  /** Slots that change their owner, and the fewest that any change of shares by this much must move. */
  readonly slotsMoved: number;
  readonly slotsMovedOptimum: number;
  /** Moved slots as a share of all: that of the users who change their node. */
  readonly usersMovedShare: number;
  /** Copies of slots that have to be sent to nodes which do not hold them yet. */
  readonly copiesSent: number;
  readonly nodes: readonly NodeChange[];
  readonly diff: TableDiff;
}

/**
 * What the changes, made together, would do to the cluster of these members. Nodes to be added have no identity yet: they get the ids
 * `new-1`, `new-2`, …, so which slots move is an example, how many is what to expect.
 */
export function planChange(
  parameters: TableParameters,
  members: readonly TableMember[],
  changes: readonly Change[],
  cache = new ScoreCache(),
): ChangePlan {
  const before = buildTable(parameters, members, cache);
  const after = buildTable(parameters, changes.reduce(applyChange, members), cache);
  const diff = diffTables(before, after);
  return {
    before: balanceOf(before),
    after: balanceOf(after),
    slotsMoved: diff.moved.length,
    slotsMovedOptimum: optimumOf(before, after),
    usersMovedShare: diff.moved.length / parameters.slots,
    copiesSent: diff.transfers.length,
    nodes: diff.nodes,
    diff,
  };
}

/** How the ids of nodes begin that have no identity yet; no real one has a hyphen. */
const NEW = 'new-';

function applyChange(members: readonly TableMember[], change: Change): readonly TableMember[] {
  if (change.kind === 'add') {
    const { count, weight, zone = '' } = change;
    const first = members.filter((member) => member.id.startsWith(NEW)).length + 1;
    const added = Array.from({ length: count }, (_, i) => ({
      id: `${NEW}${first + i}` as NodeId,
      weight,
      zone,
      live: true,
    }));
    return [...members, ...added];
  }
  if (!members.some((member) => member.id === change.id)) throw new RangeError(`no member has the id ${change.id}`);
  if (change.kind === 'remove') return members.filter((member) => member.id !== change.id);
  return members.map((member) => (member.id === change.id ? { ...member, weight: change.weight } : member));
}

export function balanceOf(table: Table): Balance {
  const { slots } = table.parameters;
  const owned = new Int32Array(table.members.length);
  for (const owner of table.owners) if (owner >= 0) owned[owner]! += 1;
  const live = table.members.flatMap(({ live, weight }, index) => (live ? [{ slots: owned[index]!, weight }] : []));
  const weights = live.reduce((sum, { weight }) => sum + weight, 0);
  const loads = live.map((node) => (node.slots * weights) / (slots * node.weight));
  return {
    liveNodes: live.length,
    slotsMin: least(live.map((node) => node.slots)),
    slotsMax: greatest(live.map((node) => node.slots)),
    loadMin: least(loads),
    loadMax: greatest(loads),
  };
}

/**
 * The slots that must move whatever the algorithm: what the nodes whose exact share grows have to gain. (Shares of
 * live nodes; floor and ceiling may save or cost less than one slot a node.)
 */
function optimumOf(before: Table, after: Table): number {
  const had = sharesOf(before);
  let gained = 0;
  for (const [id, share] of sharesOf(after)) gained += Math.max(0, share - (had.get(id) ?? 0));
  return gained;
}

function sharesOf({ members, parameters }: Table): Map<NodeId, number> {
  const live = members.filter((member) => member.live);
  const weights = live.reduce((sum, member) => sum + member.weight, 0);
  return new Map(live.map(({ id, weight }) => [id, (parameters.slots * weight) / weights]));
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), values[0] ?? 0);
}

function greatest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), 0);
}
