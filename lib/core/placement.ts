/**
 * The tables that this node acts by, all computed from its view of the members and nothing else: the adopted one, the
 * one that will hold when those who join or leave have done so, and the one by which clients are sent home.
 */
import type { NodeId, Slot } from '../wire/ids.js';
import type { Member } from './membership/types.js';
import { ScoreCache } from './table/layout.js';
import { buildTable } from './table/table.js';
import type { Table, TableMember, TableParameters } from './table/types.js';

export interface View {
  /** Every member that is not forgotten, in id order. */
  members(): readonly Member[];
}

export class Placement {
  readonly #parameters: TableParameters;
  readonly #view: View;
  readonly #self: NodeId;
  readonly #cache = new ScoreCache();
  #table: Table;
  #next: Table | null = null;
  #home: Table;

  constructor(parameters: TableParameters, view: View, self: NodeId) {
    this.#parameters = parameters;
    this.#view = view;
    this.#self = self;
    this.#table = this.#build([]);
    this.#home = this.#table;
  }

  get table(): Table {
    return this.#table;
  }

  /** As it will be once joining nodes are alive and draining ones have left; null where nobody is on the move. */
  get next(): Table | null {
    return this.#next;
  }

  /** As `table`, without draining nodes: clients should not be sent where they could not stay. */
  get home(): Table {
    return this.#home;
  }

  /** The adopted table counts on this node. */
  has(id: NodeId): boolean {
    return this.#table.members.some((member) => member.id === id && member.live);
  }

  slotOf(channel: string): Slot {
    return this.#table.slotOf(channel);
  }

  /** The adopted table follows the view. */
  adopt(): void {
    this.#table = this.#build(
      this.#provisioned(
        () => false,
        () => false,
      ),
    );
    this.plan();
  }

  /** The tables to come follow the view; cheap where nobody is on the move. */
  plan(): void {
    const states = this.#view.members().map((m) => m.state);
    const joining = states.includes('joining');
    const draining = states.includes('draining');
    const leaves = (m: Member) => m.state === 'draining';
    this.#home = draining ? this.#build(this.#provisioned(() => false, leaves)) : this.#table;
    this.#next = joining
      ? this.#build(this.#provisioned((m) => m.state === 'joining', leaves))
      : draining
        ? this.#home
        : null;
  }

  /** The table with this node in it, whatever its state: what it must hold before it may own anything. */
  withSelf(): Table {
    return this.#build(
      this.#provisioned(
        (m) => m.id === this.#self,
        () => false,
      ),
    );
  }

  #build(members: readonly TableMember[]): Table {
    return buildTable(this.#parameters, members, this.#cache);
  }

  #provisioned(joins: (member: Member) => boolean, leaves: (member: Member) => boolean): TableMember[] {
    const members: TableMember[] = [];
    for (const member of this.#view.members()) {
      const { state, record } = member;
      if (state === 'left' || state === 'forgotten') continue;
      // by what it says itself: a joiner under suspicion, or found failed, still owns nothing
      if (record.state === 'joining' && !joins(member)) continue;
      if (leaves(member)) continue;
      members.push({ id: member.id, weight: record.weight, zone: record.zone, live: state !== 'failed' });
    }
    return members;
  }
}
