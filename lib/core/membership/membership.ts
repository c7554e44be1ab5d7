/**
 * Who is in the cluster, as seen from this node: SWIM with Lifeguard over links between nodes that proved who they are. Pure:
 * links, messages and time come in, messages go out through the ports. Invariants: only its subject makes a record; a
 * version is never taken back; no member is removed before it had time to answer; equal news make equal views.
 */
import type { Boot, NodeId } from '../../wire/ids.js';
import type { MemberRecord, MembershipMessage, SignedState } from '../../wire/membership.js';
import type { TableMember } from '../table/types.js';
import { Accusations } from './accusations.js';
import { audience } from './audience.js';
import { Forgetting } from './forgetting.js';
import { Gossip } from './gossip.js';
import { Health } from './health.js';
import { Links } from './links.js';
import { Neighbours } from './neighbours.js';
import { ALL_FEATURES, type MembershipFeatures, type MembershipOptions, type MembershipTiming } from './options.js';
import { OwnRecord } from './own-record.js';
import { Prober } from './prober.js';
import { Reconnect } from './reconnect.js';
import { compareVersions, type Version } from './record.js';
import { Sync } from './sync.js';
import { TableDue } from './table-due.js';
import type { Member, MemberState, MembershipPorts } from './types.js';
import { type Entry, View } from './view.js';

export type { Member, MemberState, MembershipPorts } from './types.js';

/** A node that meets nobody for so long goes ahead alone. */
const ALONE_MS = 3_000;
export class Membership {
  readonly #options: MembershipOptions;
  readonly #timing: MembershipTiming;
  readonly #features: MembershipFeatures;
  readonly #ports: MembershipPorts;
  readonly #view: View;
  readonly #own: OwnRecord;
  readonly #self: Entry;
  readonly #links = new Links();
  readonly #health: Health;
  readonly #neighbours: Neighbours;
  readonly #prober: Prober;
  readonly #gossip: Gossip;
  readonly #forgetting: Forgetting;
  readonly #accusations: Accusations;
  readonly #sync: Sync;
  readonly #reconnect: Reconnect;
  readonly #tableDue: TableDue;
  #now = 0;
  #startedAt = 0;
  #metAt: number | undefined;
  /** When `tick` is due for this membership's own timers. */
  #tickAt = Number.POSITIVE_INFINITY;
  #silent = true;
  #changed = false;

  constructor(options: MembershipOptions, ports: MembershipPorts) {
    this.#options = options;
    this.#timing = options.timing;
    this.#features = options.features ?? ALL_FEATURES;
    this.#ports = ports;
    this.#tableDue = new TableDue(options.timing.tableQuietMs, options.timing.tableMaxMs);
    const events = {
      transition: (entry: Entry, from: MemberState | undefined, to: MemberState, because: string) => {
        this.#changed = true;
        ports.transition?.(entry.id, from, to, entry.record, because);
      },
      tableChanged: (atOnce: boolean) => this.#tableDue.changed(this.#now, atOnce),
    };
    this.#view = new View(events, ports.index);
    const send = (to: NodeId, message: MembershipMessage) => this.#send(to, message);
    const { random } = ports;
    this.#gossip = new Gossip(options.timing, {
      send,
      recordOf: (id) => this.#view.get(id)?.record,
      claimOf: (id) => this.#accusations.claimOf(id),
      targets: (count) =>
        audience(this.#view, this.#features.neighbourhood ? this.#links : undefined, count, options.id, random),
      liveCount: () => this.#view.liveCount,
    });
    this.#health = new Health(options.timing.healthMax);
    this.#own = new OwnRecord(options, ports, this.#view, this.#gossip, {
      send,
      superseded: (boot) => this.#supersede(boot),
      suspected: () => {
        if (this.#features.localHealth) this.#health.worse();
      },
    });
    this.#self = this.#own.entry;
    this.#neighbours = new Neighbours(this.#view, this.#self, options.timing.neighbours);
    this.#prober = new Prober(options.timing, this.#features, this.#view, this.#self, this.#neighbours, this.#health, {
      send,
      random,
      accuse: (entry) => this.#accusations.tellSuspect(entry),
      unanswered: (entry, now) => this.#accusations.unanswered(entry, now),
      answered: (entry, now) => this.#accusations.answered(entry, now),
      reached: (unreached) => this.#accusations.heardAgain(unreached, this.#now),
    });
    this.#forgetting = new Forgetting(options.timing, this.#view, this.#self, this.#gossip);
    this.#accusations = new Accusations(
      options.timing,
      this.#features,
      {
        view: this.#view,
        self: this.#self,
        health: this.#health,
        neighbours: this.#neighbours,
        prober: this.#prober,
        gossip: this.#gossip,
        forgetting: this.#forgetting,
      },
      { send, random, close: (peer) => ports.close(peer) },
    );
    this.#sync = new Sync(options.timing, this.#view, {
      send,
      random,
      claimOf: (id) => this.#accusations.claimOf(id),
    });
    this.#reconnect = new Reconnect(options.timing, this.#view, options.url, options.seeds, {
      random,
      dial: (url) => ports.dial(url),
      approach: (id, url) => ports.send(id, url, this.#greeting(id)),
    });
  }

  get self(): MemberRecord {
    return this.#self.record;
  }

  start(now: number): void {
    this.#now = now;
    this.#silent = false;
    this.#tableDue.taken();
    this.#tableDue.changed(now, true);
    this.#startedAt = now;
    this.#forgetting.start(now);
    this.#prober.start(now);
    this.#reconnect.start(now);
    this.#done();
  }

  /** All but forgotten members, in id order; this node included. */
  members(): readonly Member[] {
    return this.#view.entries;
  }

  get(id: NodeId): Member | undefined {
    return this.#view.get(id);
  }

  /** What the slot table is computed from: members that are alive or draining, and failed ones until forgotten. */
  provisioned(): readonly TableMember[] {
    return this.#view.provisioned();
  }

  /** True once for each change that has become due: the caller rebuilds the table now. */
  tableDue(now: number): boolean {
    if (now < this.#tableDue.dueAt) return false;
    this.#tableDue.taken();
    return true;
  }

  /** 16 hex digits; equal on two nodes exactly if their views are. Goes into the header of each frame. */
  digest(): string {
    return this.#view.digest;
  }

  /** Whether this node's view is as good as its neighbours', or there is nobody to learn from. */
  joined(now: number): boolean {
    if (this.#options.seeds.length === 0 || this.#sync.agreedAt !== undefined) return true;
    return this.#metAt === undefined && now - this.#startedAt >= ALONE_MS;
  }

  /** Sizes of everything that could grow, for metrics and checkers. */
  sizes() {
    return {
      members: this.#view.size,
      provisioned: this.#view.provisionedCount,
      live: this.#view.liveCount,
      tombstones: this.#view.tombstones.size,
      suspects: this.#view.suspects.size,
      news: this.#gossip.waiting,
      probes: this.#prober.inFlight,
      links: this.#links.peers.length,
      health: this.#health.score,
    };
  }

  /** Tells everyone of a new state of this node: `alive` when it holds its slots' data, `draining`, `left`. */
  setState(state: SignedState, now: number): void {
    this.#arrive(now);
    this.#own.renew({ state }, now, 'own decision');
    if (state === 'left')
      for (const peer of this.#links.peers)
        this.#send(peer, { type: 'news', records: [this.#self.record], claims: [] });
    this.#done();
  }

  setWeight(weight: number, now: number): void {
    this.#arrive(now);
    this.#own.renew({ weight }, now, 'own decision');
    this.#done();
  }

  /** Called at `nextWakeAt` or earlier. Being called much later is how a stall of the event loop is noticed. */
  tick(now: number): void {
    if (this.#silent) return;
    this.#arrive(now);
    if (now >= this.#prober.dueAt) this.#prober.tick(now);
    if (now >= this.#accusations.dueAt) this.#accusations.tick(now);
    if (now >= this.#sync.dueAt) this.#sync.tick(now);
    if (now >= this.#reconnect.dueAt) this.#reconnect.tick(now);
    if (now >= this.#forgetting.dueAt) this.#forgetting.tick(now);
    if (now >= this.#gossip.dueAt) this.#gossip.flush(now);
    this.#done();
  }

  nextWakeAt(): number {
    return Math.min(this.#tickAt, this.#tableDue.dueAt);
  }

  /** A link to `peer`, which proved its identity and runs `boot`, is up; `seed` is the URL that was dialled for it. */
  onLinkUp(peer: NodeId, boot: Boot, now: number, seed?: string): void {
    if (this.#silent) return;
    this.#arrive(now);
    if (peer === this.#self.id) {
      this.#own.onTwin(boot);
      this.#done();
      return;
    }
    if (seed !== undefined) this.#reconnect.onSeedAnswered(seed, peer);
    this.#links.add(peer);
    const known = this.#view.get(peer);
    if (!known?.live || known.suspicion || known.record.boot !== boot) this.#send(peer, this.#greeting(peer, boot));
    if (this.#metAt === undefined) {
      this.#metAt = now;
      this.#sync.begin(peer, now);
    }
    this.#done();
  }

  /** `idle`: closed on purpose because nobody used it, which says nothing of the peer. */
  onLinkDown(peer: NodeId, why: 'closed' | 'refused' | 'timeout' | 'idle', now: number): void {
    if (this.#silent) return;
    this.#arrive(now);
    this.#links.delete(peer);
    this.#sync.onLinkDown(peer);
    const entry = peer === this.#self.id ? undefined : this.#view.get(peer);
    if (why === 'refused') {
      this.#prober.onRefused(peer);
      if (entry && this.#features.linkHints) this.#accusations.refused(entry, now);
    } else if (why === 'closed' && entry?.live && this.#features.linkHints) this.#prober.doubt(entry, now, true);
    this.#done();
  }

  /** A seed could not be reached; `self`: the URL leads back to this node. */
  onDialFailed(url: string, why: 'refused' | 'timeout' | 'rejected' | 'self', now: number): void {
    if (this.#silent) return;
    this.#arrive(now);
    if (why === 'self') this.#reconnect.onSeedIsSelf(url);
    this.#done();
  }

  /** Each frame's header brings its sender's digest. */
  onDigest(from: NodeId, digest: string, now: number): void {
    if (this.#silent) return;
    this.#sync.onDigest(from, digest, now);
    if (this.#sync.dueAt < this.#tickAt) this.#tickAt = this.#sync.dueAt;
  }

  /**
   * A frame was routed by another iteration of the table: where the views differ too, they are compared at once, a few times
   * a second with one peer at most.
   */
  compareNotes(peer: NodeId, digest: string, now: number): void {
    if (this.#silent) return;
    this.#arrive(now);
    this.#sync.compareNotes(peer, digest, now);
    this.#done();
  }

  onMessage(from: NodeId, message: MembershipMessage, now: number): void {
    if (this.#silent) return;
    this.#arrive(now);
    switch (message.type) {
      case 'ping':
        this.#prober.onPing(from, message.seq);
        break;
      case 'ack':
        this.#prober.onAck(from, message.seq, now);
        break;
      case 'ping-request':
        this.#prober.onPingRequest(from, message.seq, message.target, now);
        break;
      case 'indirect-ack':
        this.#prober.onIndirectAck(from, message.seq, now);
        break;
      case 'nack':
        this.#prober.onNack(from, message.seq);
        break;
      case 'news':
        for (const record of message.records) this.#onRecord(from, record, now);
        for (const claim of message.claims)
          if (claim.id === this.#self.id) this.#own.onAccused(from, claim, now);
          else this.#accusations.onClaim(from, claim, now);
        break;
      case 'sync':
        this.#sync.onSync(from, message.count, message.parts, message.lists);
        break;
      case 'want':
        this.#sync.onWant(from, message.ids);
        break;
      default:
        message satisfies never;
    }
    this.#done();
  }

  #arrive(now: number): void {
    // What came in meanwhile shows that the loop ran: only the time since counts.
    const lateMs = now - Math.max(this.#tickAt, this.#now);
    this.#now = now;
    if (lateMs > this.#timing.lateMs && this.#features.stallGuard) this.#pardon(now, lateMs);
  }

  /**
   * The event loop stood still. Answers may wait unread while the time-outs are due, so nothing that fell due counts:
   * every deadline moves by the time lost and some to read what has arrived; after a real stall, probes are void.
   */
  #pardon(now: number, lateMs: number): void {
    const stalled = lateMs > this.#timing.stallMs;
    const ms = lateMs + this.#timing.lateMs;
    if (stalled && this.#features.localHealth) this.#health.worse();
    this.#prober.pardon(now, ms, stalled);
    this.#accusations.pardon(ms);
  }

  #done(): void {
    this.#tickAt = this.#silent
      ? Number.POSITIVE_INFINITY
      : Math.min(
          this.#prober.dueAt,
          this.#accusations.dueAt,
          this.#gossip.dueAt,
          this.#sync.dueAt,
          this.#reconnect.dueAt,
          this.#forgetting.dueAt,
        );
    if (!this.#changed) return;
    this.#changed = false;
    this.#ports.changed();
  }

  #send(to: NodeId, message: MembershipMessage): void {
    this.#ports.send(to, this.#recordOf(to)?.url ?? '', message);
  }

  #onRecord(from: NodeId, record: MemberRecord, now: number): void {
    if (record.id === this.#self.id) return this.#own.onRecord(record);
    const before = this.#view.get(record.id);
    const known: Version | undefined = before?.record ?? this.#view.tombstones.get(record.id);
    if (known && compareVersions(record, known) <= 0) return;
    if (!this.#own.genuine(record)) return this.#ports.refuse(from, `forged record of ${record.id}`);
    const bootBefore = before?.record.boot;
    if (this.#view.admit(record, now, 'record') !== 'newer') return;
    // A new boot: the link of the former one leads nowhere, unless it was the new one that spoke.
    if (bootBefore !== undefined && bootBefore < record.boot && from !== record.id && this.#links.has(record.id))
      this.#ports.close(record.id);
    this.#gossip.tellRecord(record.id, now);
    const entry = before ?? this.#view.get(record.id);
    if (!entry?.suspicion && entry?.state !== 'failed') this.#gossip.dropClaim(record.id);
  }

  #supersede(boot: number): void {
    this.#silent = true;
    this.#ports.superseded(boot);
  }

  /**
   * First words on a new link: who this node is, what it holds against the peer, and, to a peer that runs a lower boot than
   * the one known here, that boot's record.
   */
  #greeting(peer: NodeId, boot = Number.POSITIVE_INFINITY): MembershipMessage {
    const records = [this.#self.record];
    const known = this.#recordOf(peer);
    if (known && known.boot > boot) records.push(known);
    const claim = this.#accusations.claimOf(peer);
    return { type: 'news', records, claims: claim ? [claim] : [] };
  }

  #recordOf(id: NodeId): MemberRecord | undefined {
    return this.#view.get(id)?.record ?? this.#view.tombstones.get(id)?.record;
  }
}
