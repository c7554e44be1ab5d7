/**
 * For each slot, the cheapest nodes in ascending order of cost: all that the transport looks at.
 *
 * The rule kept: a list holds exactly the `length` cheapest of the present nodes, never a gap, so what the first K
 * entries are depends on the nodes alone and not on the order in which they came. A node that joins costs one column
 * of scores; one that leaves costs nothing but its entries, until a list has become too short and is drawn anew.
 */
import { type ScoreKeys, Scores, scoreKeys } from './scores.js';

/** Entries kept beyond the depth asked for, so that leaves seldom make a list too short. */
const SLACK = 8;

export interface Candidate {
  readonly id: string;
  readonly weight: number;
}

export class Candidates {
  readonly scores: Scores;
  /** Entries reserved for each slot in `nodes` and `costs`. */
  stride = 0;
  /** slots × stride indices of nodes, cheapest first. */
  nodes = new Int16Array(0);
  costs = new Float64Array(0);
  keys: ScoreKeys[] = [];
  #members: readonly Candidate[] = [];
  #lengths: Uint16Array;
  /** The cost above which a node does not enter the slot's list. */
  #ceilings: Float64Array;

  constructor(slots: number) {
    this.scores = new Scores(slots);
    this.#lengths = new Uint16Array(slots);
    this.#ceilings = new Float64Array(slots).fill(Number.POSITIVE_INFINITY);
  }

  /** Makes every list hold at least min(depth, members) nodes. `members` are in id order and become the indices. */
  update(members: readonly Candidate[], depth: number): void {
    const { slots } = this.scores;
    const wanted = Math.min(depth, members.length);
    const places = new Map(this.#members.map((member, index) => [nameOf(member), index]));
    const kept = members.filter((member) => places.has(nameOf(member))).length;
    const left = this.#members.length - kept;
    // When lists must grow or many nodes left, a fresh start is cheaper and simpler.
    if (wanted > this.stride || left > kept) {
      this.#restart(members, wanted + SLACK);
      return;
    }
    const newIndex = new Int16Array(this.#members.length).fill(-1);
    const joined: number[] = [];
    const keys: ScoreKeys[] = [];
    for (const [index, member] of members.entries()) {
      const old = places.get(nameOf(member));
      if (old === undefined) joined.push(index);
      else newIndex[old] = index;
      keys.push(old === undefined ? scoreKeys(member.id, member.weight) : this.keys[old]!);
    }
    this.keys = keys;
    this.#members = members;
    this.#renumber(newIndex, left > 0, kept);
    for (const index of joined) this.#addColumn(index);
    for (let slot = 0; slot < slots; slot++) if (this.#lengths[slot]! < wanted) this.#drawAnew(slot);
  }

  #restart(members: readonly Candidate[], stride: number): void {
    const { slots } = this.scores;
    this.stride = stride;
    this.nodes = new Int16Array(slots * stride);
    this.costs = new Float64Array(slots * stride);
    this.#lengths.fill(0);
    this.#ceilings.fill(Number.POSITIVE_INFINITY);
    this.#members = members;
    this.keys = members.map((member) => scoreKeys(member.id, member.weight));
    for (let index = 0; index < members.length; index++) this.#addColumn(index);
  }

  /** Gives the entries their new indices and drops those of nodes that left. */
  #renumber(newIndex: Int16Array, someLeft: boolean, present: number): void {
    const { nodes, costs, stride } = this;
    const lengths = this.#lengths;
    for (let slot = 0; slot < lengths.length; slot++) {
      const start = slot * stride;
      const end = start + lengths[slot]!;
      let to = start;
      for (let from = start; from < end; from++) {
        const index = newIndex[nodes[from]!]!;
        if (index < 0) continue;
        nodes[to] = index;
        if (to !== from) costs[to] = costs[from]!;
        to++;
      }
      if (!someLeft) continue;
      lengths[slot] = to - start;
      this.#setCeiling(slot, to - start >= present);
    }
  }

  /** A list that holds every node takes any newcomer; another one only those that are cheaper than its last. */
  #setCeiling(slot: number, complete: boolean): void {
    const length = this.#lengths[slot]!;
    const open = complete && length < this.stride;
    this.#ceilings[slot] = open
      ? Number.POSITIVE_INFINITY
      : length === 0
        ? -1
        : this.costs[slot * this.stride + length - 1]!;
  }

  #addColumn(index: number): void {
    this.scores.eachBelow(this.keys[index]!, this.#ceilings, (slot, cost) => this.#insert(slot, index, cost));
  }

  #insert(slot: number, index: number, cost: number): void {
    const { nodes, costs, stride } = this;
    const start = slot * stride;
    const length = this.#lengths[slot]!;
    const complete = this.#ceilings[slot] === Number.POSITIVE_INFINITY;
    let at = start + length;
    while (at > start && (costs[at - 1]! > cost || (costs[at - 1] === cost && nodes[at - 1]! > index))) at--;
    // A node that ties with the last of an incomplete list may not be the next one: leave the list as it is.
    if (!complete && at === start + length) return;
    const end = start + Math.min(length + 1, stride) - 1;
    for (let i = end; i > at; i--) {
      nodes[i] = nodes[i - 1]!;
      costs[i] = costs[i - 1]!;
    }
    nodes[at] = index;
    costs[at] = cost;
    this.#lengths[slot] = end - start + 1;
    this.#setCeiling(slot, complete);
  }

  #drawAnew(slot: number): void {
    const start = slot * this.stride;
    const row = this.keys.map((keys, index) => ({ index, cost: this.scores.cost(keys, slot) }));
    row.sort((a, b) => a.cost - b.cost || a.index - b.index);
    const length = Math.min(row.length, this.stride);
    for (let i = 0; i < length; i++) {
      this.nodes[start + i] = row[i]!.index;
      this.costs[start + i] = row[i]!.cost;
    }
    this.#lengths[slot] = length;
    this.#setCeiling(slot, length === row.length);
  }
}

function nameOf(member: Candidate): string {
  return `${member.weight} ${member.id}`;
}
