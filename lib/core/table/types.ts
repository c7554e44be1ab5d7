/** What the slot table is computed from, and what it answers. See table.ts for how. */
import type { NodeId, Slot } from '../../wire/ids.js';

/** A provisioned member: alive, suspect, draining, or failed and not yet forgotten. */
export interface TableMember {
  readonly id: NodeId;
  /** Share of the slots relative to others: an integer from 1 to 1000. */
  readonly weight: number;
  /** Copies of a slot prefer different zones; '' is a zone like any other. */
  readonly zone: string;
  /** Failed members keep their place in the order but are skipped. */
  readonly live: boolean;
}

export interface TableParameters {
  /** A power of two, 16 to 65,536. */
  readonly slots: number;
  /** Nodes that hold a slot, its owner included: 1 to 8. */
  readonly copies: number;
  /** Loads may differ from the exact share by this fraction; 0 keeps them at floor or ceiling. */
  readonly tolerance: number;
}

export interface Table {
  readonly parameters: TableParameters;
  /** Provisioned members in id order; indices below point here. */
  readonly members: readonly TableMember[];
  /** 16 hex digits: digest of algorithm version, parameters, members with weights and zones, and who lives. */
  readonly iteration: string;
  /** The owner's index in `members` by slot: the first live node of the slot's order; -1 when nobody lives. */
  readonly owners: Int16Array;
  /** slots × copies indices, owner first, then the next live ones; -1 where there are too few. */
  readonly holders: Int16Array;
  slotOf(channel: string): Slot;
  /** The node that owns the slot; undefined only when the table has no live member. */
  ownerOf(slot: Slot): NodeId | undefined;
  /** The nodes that hold the slot now, owner first. */
  holdersOf(slot: Slot): NodeId[];
  /** The whole order of provisioned members for a slot, live or not; computed when asked, for hedging and `locate`. */
  orderOf(slot: Slot): NodeId[];
}

/**
 * The slots of a cluster that sets nothing else. Balance costs about 0.5·√slots superfluous moves a join, so its share
 * of all users falls with more slots. Measured: see bench/results/table.md. 4,096 slots miss the aim (a join moves at
 * most 1.05 × the optimum for up to 8 nodes, 1.15 × for up to 32), 16,384 meet it at 32 KB of owners.
 */
export const DEFAULT_SLOTS = 16_384;
