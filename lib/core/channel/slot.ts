/** What this node holds of a slot, and which part it plays there. Exists only where there is something to hold. */
import type { LineageId, Slot } from '../../wire/ids.js';
import type { Lineage } from './lineage.js';
import type { ChannelLog } from './log.js';
import type { Peer } from './peer.js';
import type { AppendRequest } from './types.js';

export class SlotState {
  readonly slot: Slot;
  /** The lineage that this process writes; drawn at the first append of an activation. */
  active: Lineage | null = null;
  /** The slot is served here: its channels are open, with their order. */
  open = false;
  readonly lineages: Lineage[] = [];
  readonly logs = new Set<ChannelLog>();
  /** Publishes that wait until the slot is taken over. */
  queue: AppendRequest[] = [];
  /** Nodes that get a copy beside those the table names, and until when: claimants, hedges, nodes that prepare. */
  readonly extra = new Map<Peer, number>();
  targets: readonly Peer[] = [];
  /** Of which table the targets are; -1: work them out again. */
  targetsVersion = -1;
  /** Raised whenever the targets may have changed. */
  targetsEdition = 0;
  /** Peers to which the slot's cuts and floors were sent in full, and in which epoch of the link. */
  readonly snapshots = new Map<Peer, number>();
  /** Of the journal in which its cuts and floors stand. */
  edition = 0;
  /** More was removed since, of lineages that do not stand in it yet. */
  outdated = false;
  /** Channels that removed entries since the copies were last told. */
  readonly trimmed = new Set<ChannelLog>();

  constructor(slot: Slot) {
    this.slot = slot;
  }

  forgetPeers(gone: ReadonlySet<Peer>): void {
    for (const peer of gone) {
      this.extra.delete(peer);
      this.snapshots.delete(peer);
    }
    for (const lineage of this.lineages) lineage.forgetPeers(gone);
    this.targetsVersion = -1;
  }

  /** Looks at its last lineage only: nearly always the one that is written. */
  find(lid: LineageId): Lineage | undefined {
    const last = this.lineages[this.lineages.length - 1];
    return last?.lid === lid ? last : undefined;
  }
}
