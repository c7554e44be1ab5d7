/**
 * The slot table: which node owns each slot and which nodes hold its copies, as a pure function of the members.
 *
 * Two layers. The layout (layout.ts) gives every slot a fixed order of all provisioned members. The owner is the first
 * of that order that lives, the first copy is the next one that lives, so a crash moves only what the dead node owned
 * and always to the node that holds the data, and its return restores the very same table. Further copies are the next
 * live ones, those in zones not used yet first.
 */
import type { NodeId, Slot } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import { digest64, slotOf } from './hash.js';
import { type Layout, ScoreCache } from './layout.js';
import type { Table, TableMember, TableParameters } from './types.js';

/** Raised whenever the same members would give another table. */
const ALGORITHM_VERSION = 1;

const SLOTS_MIN = 16;
const SLOTS_MAX = 65_536;
const COPIES_MAX = 8;

/**
 * The table of these members, in whatever order they are given. A cache makes the next call cheap when few members
 * changed; it never changes the answer.
 */
export function buildTable(
  parameters: TableParameters,
  members: readonly TableMember[],
  cache = new ScoreCache(),
): Table {
  checkParameters(parameters);
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  checkMembers(sorted);
  const provisioned = describe(parameters, sorted);
  const lives = sorted.map((member) => (member.live ? '1' : '0')).join('');
  const layout = sorted.length === 0 ? undefined : cache.layout(parameters, sorted, provisioned);
  return new BuiltTable(parameters, sorted, digest64(`${provisioned}|${lives}`), layout);
}

/** Everything that the layout depends on, unambiguously: ids and zones are preceded by their lengths. */
function describe({ slots, copies, tolerance }: TableParameters, members: readonly TableMember[]): string {
  let text = `halod-table ${ALGORITHM_VERSION} ${slots} ${copies} ${tolerance}`;
  for (const { id, weight, zone } of members) text += `|${id.length}:${id} ${weight} ${zone.length}:${zone}`;
  return text;
}

function checkParameters({ slots, copies, tolerance }: TableParameters): void {
  if (!Number.isInteger(slots) || slots < SLOTS_MIN || slots > SLOTS_MAX || (slots & (slots - 1)) !== 0) {
    throw new RangeError(`slots must be a power of two from ${SLOTS_MIN} to ${SLOTS_MAX}, not ${slots}`);
  }
  if (!Number.isInteger(copies) || copies < 1 || copies > COPIES_MAX) {
    throw new RangeError(`copies must be an integer from 1 to ${COPIES_MAX}, not ${copies}`);
  }
  if (!(tolerance >= 0 && tolerance <= 1)) throw new RangeError(`tolerance must be from 0 to 1, not ${tolerance}`);
}

function checkMembers(sorted: readonly TableMember[]): void {
  if (sorted.length > LIMITS.membersMax)
    throw new RangeError(`a table has at most ${LIMITS.membersMax} members, not ${sorted.length}`);
  for (const [index, { id, weight }] of sorted.entries()) {
    if (sorted[index + 1]?.id === id) throw new RangeError(`member ${id} is given twice`);
    if (!Number.isInteger(weight) || weight < 1 || weight > LIMITS.weightMax) {
      throw new RangeError(`the weight of ${id} must be an integer from 1 to ${LIMITS.weightMax}, not ${weight}`);
    }
  }
}

class BuiltTable implements Table {
  readonly parameters: TableParameters;
  readonly members: readonly TableMember[];
  readonly iteration: string;
  readonly owners: Int16Array;
  readonly holders: Int16Array;
  readonly #layout: Layout | undefined;

  constructor(
    parameters: TableParameters,
    members: readonly TableMember[],
    iteration: string,
    layout: Layout | undefined,
  ) {
    this.parameters = parameters;
    this.members = members;
    this.iteration = iteration;
    this.#layout = layout;
    this.owners = new Int16Array(parameters.slots).fill(-1);
    this.holders = new Int16Array(parameters.slots * parameters.copies).fill(-1);
    if (layout !== undefined) fillHolders(layout, members, parameters.copies, this.owners, this.holders);
  }

  slotOf(channel: string): Slot {
    return slotOf(channel, this.parameters.slots);
  }

  ownerOf(slot: Slot): NodeId | undefined {
    return this.members[this.owners[slot] ?? -1]?.id;
  }

  holdersOf(slot: Slot): NodeId[] {
    const { copies } = this.parameters;
    return this.#idsOf(this.holders.subarray(slot * copies, (slot + 1) * copies));
  }

  orderOf(slot: Slot): NodeId[] {
    return this.#layout === undefined ? [] : this.#idsOf(this.#layout.orders.full(slot));
  }

  #idsOf(indices: Iterable<number>): NodeId[] {
    const ids: NodeId[] = [];
    for (const index of indices) {
      const member = this.members[index];
      if (member !== undefined) ids.push(member.id);
    }
    return ids;
  }
}

/** The second layer: from each slot's order, those who live. */
function fillHolders(
  { orders, first }: Layout,
  members: readonly TableMember[],
  copies: number,
  owners: Int16Array,
  holders: Int16Array,
): void {
  const live = Uint8Array.from(members, (member) => (member.live ? 1 : 0));
  const liveCount = live.reduce((sum, bit) => sum + bit, 0);
  const wanted = Math.min(copies, liveCount);
  if (wanted === 0) return;
  const choice = new Choice(live, orders.dealer.zones, wanted);
  for (let slot = 0; slot < owners.length; slot++) {
    const start = slot * copies;
    let alive = 0;
    while (alive < wanted && live[first[start + alive]!] === 1) {
      holders[start + alive] = first[start + alive]!;
      alive++;
    }
    // When the first of the order all live, they are the choice: the order itself spreads over the zones.
    if (alive < wanted) {
      if (!choice.take(orders.known(slot))) for (const order of orders.beyondKnown(slot)) if (choice.take(order)) break;
      holders.set(choice.nodes, start);
    }
    owners[slot] = holders[start]!;
  }
}

/** Picks the holders of one slot from its order: owner and heir are the next in line, from the third on zones count. */
class Choice {
  readonly nodes: Int16Array;
  readonly #live: Uint8Array;
  readonly #zones: Int32Array;
  readonly #liveZones: number;

  constructor(live: Uint8Array, zones: Int32Array, wanted: number) {
    this.nodes = new Int16Array(wanted);
    this.#live = live;
    this.#zones = zones;
    this.#liveZones = new Set(zones.filter((_, node) => live[node] === 1)).size;
  }

  /** False when the part of the order that is given is too short to tell. */
  take(order: Int16Array): boolean {
    const { nodes } = this;
    let zonesUsed = 0;
    for (let count = 0; count < nodes.length; count++) {
      const wantsNewZone = count >= 2 && zonesUsed < this.#liveZones;
      let at = 0;
      while (at < order.length && !this.#fits(order[at]!, count, wantsNewZone)) at++;
      if (at === order.length) return false;
      nodes[count] = order[at]!;
      if (this.#inNewZone(order[at]!, count)) zonesUsed++;
    }
    return true;
  }

  #fits(node: number, count: number, wantsNewZone: boolean): boolean {
    if (this.#live[node] === 0) return false;
    for (let i = 0; i < count; i++) if (this.nodes[i] === node) return false;
    return !wantsNewZone || this.#inNewZone(node, count);
  }

  #inNewZone(node: number, count: number): boolean {
    for (let i = 0; i < count; i++) if (this.#zones[this.nodes[i]!] === this.#zones[node]) return false;
    return true;
  }
}
