/**
 * What this node knows of another one as a place for copies: its boot, whether it is linked, what is under way to it.
 * Rule: what a peer confirmed counts only for the boot that confirmed it, and only while it lives.
 */
import type { Boot, NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import type { Held, ReplicationMessage } from '../../wire/replication.js';
import { Deque } from './deque.js';
import type { Lineage } from './lineage.js';
import type { StoredEntry } from './log.js';
import type { AppendRequest } from './types.js';

/** An entry whose publish this peer passed on, and may answer itself once it holds the entry. */
export interface Entrusted {
  readonly entry: StoredEntry;
  readonly request: AppendRequest;
}

/** One push on its way: marks[i] was sent up to uptos[i]. */
export interface Batch {
  readonly number: number;
  readonly bytes: number;
  readonly marks: readonly Mark[];
  readonly uptos: readonly number[];
  /** Own clock. */
  readonly sentAt: number;
  /** Publishes whose answers went with it. */
  readonly entrusted: readonly Entrusted[];
}

export class Peer {
  readonly id: NodeId;
  boot: Boot = 0;
  /** The link is up. */
  up = false;
  /** In the table as one who lives. */
  live = false;
  /** Raised when the link or the boot changes: what was sent before may be lost. */
  epoch = 0;
  /** Marks with something to send. */
  dirty: Mark[] = [];
  /** They leave with this turn; else by `trailAt`, own clock. */
  urgent = false;
  trailAt = Number.POSITIVE_INFINITY;
  /** To be answered by the peer itself, with the push that brings it the entry. */
  entrusted: Entrusted[] = [];
  inFlight = new Deque<Batch>();
  inFlightBytes = 0;
  /** Highest batch received and not answered yet; 0 for none. */
  answerUpTo = 0;
  refused: Held[] = [];
  /** Lineages to ask the peer about at the next flush. */
  readonly offers = new Set<Lineage>();
  /** Sent at the next flush, after the pushes. */
  replies: ReplicationMessage[] = [];

  constructor(id: NodeId) {
    this.id = id;
  }

  /** Its confirmations count: it lives as far as anyone knows. */
  get counts(): boolean {
    return this.live || this.up;
  }

  /** It takes more, and what it was sent earlier is confirmed: a commit may wait for it. */
  isPrompt(now: number, patienceMs: number): boolean {
    if (!this.up || this.inFlightBytes >= LIMITS.pushWindowBytes) return false;
    const oldest = this.inFlight.peek();
    return oldest === undefined || now - oldest.sentAt <= patienceMs;
  }

  /** What the mark lacks leaves with this turn. */
  push(mark: Mark): void {
    this.#queue(mark);
    this.urgent = true;
  }

  /** It leaves by then, with whatever leaves before. */
  trail(mark: Mark, at: number): void {
    this.#queue(mark);
    if (at < this.trailAt) this.trailAt = at;
  }

  /** What trails is due. */
  hurry(now: number): void {
    if (now < this.trailAt) return;
    this.urgent = true;
    // where the peer takes no more at present, its confirmations wake this node
    this.trailAt = Number.POSITIVE_INFINITY;
  }

  #queue(mark: Mark): void {
    if (mark.queued) return;
    mark.queued = true;
    this.dirty.push(mark);
  }

  /** The link broke, came back, or the process behind it is another one. */
  reset(): void {
    this.epoch++;
    for (const mark of this.dirty) mark.queued = false;
    this.dirty = [];
    this.urgent = false;
    this.trailAt = Number.POSITIVE_INFINITY;
    this.entrusted = [];
    this.inFlight = new Deque();
    this.inFlightBytes = 0;
    this.answerUpTo = 0;
    this.refused = [];
    this.offers.clear();
    this.replies = [];
  }
}

/** What one peer has of one lineage. */
export class Mark {
  readonly lineage: Lineage;
  readonly peer: Peer;
  #boot: Boot;
  #epoch: number;
  #have = 0;
  #ever = 0;
  sent = 0;
  /** The peer has said what it holds, or cannot hold anything. */
  known: boolean;
  /** It was told who writes the lineage, on this link. */
  headerSent = false;
  /** It stands in peer.dirty. */
  queued = false;

  constructor(lineage: Lineage, peer: Peer) {
    this.lineage = lineage;
    this.peer = peer;
    this.#boot = peer.boot;
    this.#epoch = peer.epoch;
    this.known = lineage.have === 0;
  }

  /** Confirmed by the peer as it runs now. */
  get have(): number {
    return this.#boot === this.peer.boot ? this.#have : 0;
  }

  /** Forgets what a former process or a broken link makes uncertain. */
  refresh(): void {
    const { peer } = this;
    if (this.#boot !== peer.boot) {
      this.#boot = peer.boot;
      this.#have = 0;
      this.known = false;
    }
    if (this.#epoch !== peer.epoch) {
      this.#epoch = peer.epoch;
      this.sent = this.#have;
      this.headerSent = false;
    }
  }

  confirm(have: number): void {
    this.refresh();
    this.known = true;
    if (have > this.#have) this.#have = have;
    if (have > this.#ever) this.#ever = have;
    if (this.sent < this.#have) this.sent = this.#have;
  }

  /** The peer says that it holds no more than this: send again from there. */
  refuse(have: number): void {
    this.refresh();
    this.known = true;
    this.headerSent = false;
    this.#have = have;
    this.sent = have;
  }

  /** For a planted bug only: the most that any process at this peer ever confirmed. */
  get everHave(): number {
    return this.#ever;
  }
}
