/**
 * The first of the table's two layers: what follows from the provisioned members alone, whoever of them lives.
 * A crash or a return keeps the layout, so it costs only the second layer, in table.ts.
 */
import { Candidates } from './candidates.js';
import { dealZones, fullOrder, type Ranking } from './order.js';
import { COST_SCALE } from './scores.js';
import { type LoadBounds, transport } from './transport.js';
import type { TableMember, TableParameters } from './types.js';

/** Candidates looked at first; doubled until the optimum is proved. 16 suffice unless there are few slots a node. */
const DEPTH = 16;
/** How much of each slot's order is kept ready; what lies beyond is computed when so many nodes are dead. */
const READY = 8;

export interface Layout {
  readonly ranking: Ranking;
  /** slots × readyStride: the first nodes of each slot's order. */
  readonly ready: Int16Array;
  readonly readyStride: number;
  readonly readyLengths: Uint8Array;
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
    const ranking: Ranking = {
      slots: parameters.slots,
      depth,
      ...assignment,
      keys: candidates.keys,
      scores,
      ...zonesOf(members),
    };
    return { ranking, ...readyOrders(ranking, candidates, parameters.copies) };
  }
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

function zonesOf(members: readonly TableMember[]): { zones: Int32Array; zoneSizes: Int32Array } {
  const numbers = new Map<string, number>();
  const zones = new Int32Array(members.length);
  const sizes: number[] = [];
  for (const [index, { zone }] of members.entries()) {
    const number = numbers.get(zone) ?? sizes.push(0) - 1;
    numbers.set(zone, number);
    zones[index] = number;
    sizes[number]! += 1;
  }
  return { zones, zoneSizes: Int32Array.from(sizes) };
}

function readyOrders(
  ranking: Ranking,
  { nodes, costs, stride }: Candidates,
  copies: number,
): Pick<Layout, 'ready' | 'readyStride' | 'readyLengths'> {
  const { slots, depth, owners, prices } = ranking;
  const nodeCount = prices.length;
  const readyStride = Math.min(Math.max(READY, copies), nodeCount);
  const ready = new Int16Array(slots * readyStride);
  const readyLengths = new Uint8Array(slots);
  const base: number[] = [];
  const values = new Float64Array(depth);
  for (let slot = 0; slot < slots; slot++) {
    base.length = 0;
    for (let i = 0; i < depth; i++) {
      const node = nodes[slot * stride + i]!;
      const value = node === owners[slot] ? Number.NEGATIVE_INFINITY : costs[slot * stride + i]! + prices[node]!;
      let at = i;
      while (at > 0 && (values[at - 1]! > value || (values[at - 1] === value && base[at - 1]! > node))) {
        values[at] = values[at - 1]!;
        base[at] = base[at - 1]!;
        at--;
      }
      values[at] = value;
      base[at] = node;
    }
    let order = dealZones(base, ranking);
    if (order.length < Math.min(copies, nodeCount)) order = fullOrder(ranking, slot);
    const length = Math.min(order.length, readyStride);
    for (let i = 0; i < length; i++) ready[slot * readyStride + i] = order[i]!;
    readyLengths[slot] = length;
  }
  return { ready, readyStride, readyLengths };
}
