/**
 * The first of the table's two layers: what follows from the provisioned members alone, whoever of them lives.
 * A crash or a return keeps the layout, so it costs only the second layer, in table.ts.
 */
import type { LoadBounds } from './assignment.js';
import { Candidates } from './candidates.js';
import { Orders } from './order.js';
import { COST_SCALE } from './scores.js';
import { transport } from './transport.js';
import type { TableMember, TableParameters } from './types.js';
import { ZoneDealer } from './zones.js';

/** Candidates looked at first; doubled until the optimum is proved. 16 suffice unless there are few slots a node. */
const DEPTH = 16;

export interface Layout {
  readonly orders: Orders;
  /** slots × copies: the first nodes of each slot's order, −1 where there are too few nodes. */
  readonly first: Int16Array;
}

/** Layouts that were computed lately, and the candidate lists from which the next one is computed cheaply. */
export class ScoreCache {
  #candidates: Candidates | undefined;
  readonly #layouts = new Map<string, Layout>();

  layout(parameters: TableParameters, members: readonly TableMember[], key: string): Layout {
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      if (this.#candidates?.scores.slots !== parameters.slots) this.#candidates = new Candidates(parameters.slots);
      layout = computeLayout(parameters, members, this.#candidates);
    } else this.#layouts.delete(key);
    // The newest stands last; while a join is prepared, two layouts are in use by turns.
    this.#layouts.set(key, layout);
    for (const oldest of this.#layouts.keys()) {
      if (this.#layouts.size <= LAYOUTS_KEPT) break;
      this.#layouts.delete(oldest);
    }
    return layout;
  }
}

const LAYOUTS_KEPT = 4;

function computeLayout(parameters: TableParameters, members: readonly TableMember[], candidates: Candidates): Layout {
  const bounds = loadBounds(parameters, members);
  for (let depth = Math.min(DEPTH, members.length); ; depth = Math.min(depth * 2, members.length)) {
    candidates.update(members, depth);
    const { nodes, costs, stride, scores } = candidates;
    const assignment = transport({ slots: parameters.slots, stride, depth, nodes, costs, bounds });
    if (assignment === undefined) {
      if (depth < members.length) continue;
      throw new Error('slot table: no assignment keeps the bounds of the loads');
    }
    const dealer = new ZoneDealer(members.map((member) => member.zone));
    const orders = new Orders(assignment, candidates, depth, dealer, scores, candidates.keys);
    return { orders, first: firstOf(orders, parameters, members.length) };
  }
}

function firstOf(orders: Orders, { slots, copies }: TableParameters, nodeCount: number): Int16Array {
  const wanted = Math.min(copies, nodeCount);
  const first = new Int16Array(slots * copies).fill(-1);
  for (let slot = 0; slot < slots; slot++) {
    let order = orders.known(slot);
    if (order.length < wanted) for (order of orders.beyondKnown(slot)) if (order.length >= wanted) break;
    for (let i = 0; i < wanted; i++) first[slot * copies + i] = order[i]!;
  }
  return first;
}

/** Floor and ceiling of each node's share, widened by the tolerance. */
export function loadBounds({ slots, tolerance }: TableParameters, members: readonly TableMember[]): LoadBounds {
  const total = members.reduce((sum, member) => sum + member.weight, 0);
  const wishedLow = Float64Array.from(members, ({ weight }) => ((slots * weight) / total) * (1 - tolerance));
  const wishedHigh = Float64Array.from(members, ({ weight }) => ((slots * weight) / total) * (1 + tolerance));
  return {
    wishedLow,
    wishedHigh,
    low: Int32Array.from(wishedLow, Math.floor),
    high: Int32Array.from(wishedHigh, Math.ceil),
    priceSteps: Float64Array.from(members, ({ weight }) => COST_SCALE / (slots * weight)),
  };
}
