/**
 * The ways to place slots that are compared: halod's table, and four well-known ones written here from their papers,
 * each over the same slots and the same hash. Nodes are numbers; an algorithm answers with the number of each slot's owner.
 */
import { hash32, mix32 } from '../../lib/core/table/hash.js';
import { ScoreCache } from '../../lib/core/table/layout.js';
import { buildTable } from '../../lib/core/table/table.js';
import type { TableMember } from '../../lib/core/table/types.js';
import type { NodeId } from '../../lib/wire/ids.js';

/** `nodes` in order of joining; only jump hash looks at that order. */
export type Place = (nodes: readonly number[]) => Int32Array;

export interface Algorithm {
  readonly name: string;
  readonly title: string;
  /** A placer with caches of its own. */
  placer(slots: number): Place;
}

const RING_POINTS = 128;

export function idOf(node: number): NodeId {
  return `${mix32(node + 1) >>> 0}-${mix32(~node) >>> 0}` as NodeId;
}

export function memberOf(node: number, weight = 1): TableMember {
  return { id: idOf(node), weight, zone: '', live: true };
}

/** Halod's table with everybody alive. */
function halod(slots: number): Place {
  const cache = new ScoreCache();
  return (nodes) => {
    const table = buildTable(
      { slots, copies: 3, tolerance: 0 },
      nodes.map((node) => memberOf(node)),
      cache,
    );
    const numbers = new Map(nodes.map((node) => [idOf(node), node]));
    const byIndex = Int32Array.from(table.members, (member) => numbers.get(member.id)!);
    return Int32Array.from(table.owners, (owner) => byIndex[owner]!);
  };
}

/** Highest random weight (Thaler and Ravishankar 1998): the node with the highest hash of (slot, node). */
function rendezvous(slots: number): Place {
  const columns = new Map<number, Uint32Array>();
  const columnOf = (node: number): Uint32Array => {
    let column = columns.get(node);
    if (column === undefined) {
      const key = hash32(idOf(node));
      column = Uint32Array.from({ length: slots }, (_, slot) => mix32(mix32(slot + 0x5bd1e995) ^ key));
      columns.set(node, column);
    }
    return column;
  };
  return (nodes) => {
    const owners = new Int32Array(slots).fill(nodes[0]!);
    const best = columnOf(nodes[0]!).slice();
    for (const node of nodes.slice(1)) {
      const column = columnOf(node);
      for (let slot = 0; slot < slots; slot++) {
        if (column[slot]! <= best[slot]!) continue;
        best[slot] = column[slot]!;
        owners[slot] = node;
      }
    }
    return owners;
  };
}

/** Maglev (Eisenbud et al. 2016): nodes take turns at claiming the next free slot of their own permutation. */
function maglev(slots: number): Place {
  return (nodes) => {
    const sorted = [...nodes].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
    const next = sorted.map((node) => hash32(idOf(node), 11) & (slots - 1));
    // Slots are a power of two here, so an odd step visits them all, as any step does for the paper's prime.
    const steps = sorted.map((node) => hash32(idOf(node), 12) | 1);
    const owners = new Int32Array(slots).fill(-1);
    for (let filled = 0; ; ) {
      for (let i = 0; i < sorted.length; i++) {
        let slot = next[i]!;
        while (owners[slot] !== -1) slot = (slot + steps[i]!) & (slots - 1);
        owners[slot] = sorted[i]!;
        next[i] = (slot + steps[i]!) & (slots - 1);
        if (++filled === slots) return owners;
      }
    }
  };
}

/** Jump consistent hash (Lamping and Veach 2014) onto positions in the list of nodes. */
function jump(slots: number): Place {
  const bucketOf = (slot: number, buckets: number): number => {
    let key = (BigInt(mix32(slot + 1) >>> 0) << 32n) | BigInt(mix32(~slot) >>> 0);
    let bucket = -1;
    for (let candidate = 0; candidate < buckets; ) {
      bucket = candidate;
      key = BigInt.asUintN(64, key * 2862933555777941757n + 1n);
      candidate = Math.floor((bucket + 1) * (2 ** 31 / (Number(key >> 33n) + 1)));
    }
    return bucket;
  };
  return (nodes) => Int32Array.from({ length: slots }, (_, slot) => nodes[bucketOf(slot, nodes.length)]!);
}

/** A consistent-hashing ring (Karger et al. 1997): the first of the nodes' points clockwise from the slot. */
function ring(slots: number): Place {
  const positions = Uint32Array.from({ length: slots }, (_, slot) => mix32(slot + 0x2545f491));
  return (nodes) => {
    const points = nodes.flatMap((node) =>
      Array.from({ length: RING_POINTS }, (_, i) => ({ at: hash32(`${idOf(node)}#${i}`), node })),
    );
    points.sort((a, b) => a.at - b.at || a.node - b.node);
    return Int32Array.from(positions, (position) => {
      let low = 0;
      let high = points.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (points[middle]!.at < position) low = middle + 1;
        else high = middle;
      }
      return points[low % points.length]!.node;
    });
  };
}

export const HALOD: Algorithm = { name: 'halod', title: 'halod', placer: halod };

export const ALGORITHMS: readonly Algorithm[] = [
  HALOD,
  { name: 'hrw', title: 'rendezvous (HRW)', placer: rendezvous },
  { name: 'maglev', title: 'Maglev', placer: maglev },
  { name: 'jump', title: 'jump hash', placer: jump },
  { name: 'ring', title: `ring, ${RING_POINTS} points`, placer: ring },
];
