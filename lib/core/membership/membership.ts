/**
 * Who is in the cluster, as seen from this node: SWIM with Lifeguard over links between nodes that proved who they are. Pure:
 * links, messages and time come in, messages go out through the ports. Invariants: only its subject makes a record; a
 * version is never taken back; no member is removed before it had time to answer; equal news make equal views.
 */
import type { Boot, NodeId } from '../../wire/ids.js';
import type { Claim, MemberRecord, MembershipMessage, SignedState } from '../../wire/membership.js';
import type { TableMember } from '../table/types.js';
import { Gossip } from './gossip.js';
import { Health } from './health.js';
import { Links } from './links.js';
import { Neighbours } from './neighbours.js';
import { ALL_FEATURES, type MembershipFeatures, type MembershipOptions, type MembershipTiming } from './options.js';
import { Prober } from './prober.js';
import { Reconnect } from './reconnect.js';
import { compareVersions, signedBytes, type Version } from './record.js';
import { Suspicion, type SuspicionRule } from './suspicion.js';
import { Sync } from './sync.js';
import { TableDue } from './table-due.js';
import type { Member, MembershipPorts } from './types.js';
import { type Entry, View } from './view.js';

export type { Member, MemberState, MembershipPorts } from './types.js';

/** Forgetting and other slow work is looked at this often. */
const SLOW_MS = 1_000;
/** A node that meets nobody for so long goes ahead alone. */
const ALONE_MS = 3_000;
/** So many members in a row that do not answer make a node doubt itself. */
const DEAF_AFTER = 3;
/** From this local health on a node needs the word of so many others before it passes a verdict. */
const UNWELL = 2;
const SECONDERS = 2;
/** So many more probes at most must fail before a member is accused that answered accusations in the last minute. */
const PATIENCE_MAX = 5;
const PATIENCE_MS = 60_000;
/** The member next in line does the forgetting when the first one has not for so long. */
const FORGET_TURN_MS = 30_000;

export class Membership {
  readonly #options: MembershipOptions;
  readonly #timing: MembershipTiming;
  readonly #features: MembershipFeatures;
  readonly #ports: MembershipPorts;
  readonly #view: View;
  readonly #self: Entry;
  readonly #links = new Links();
  readonly #health: Health;
  readonly #neighbours: Neighbours;
  readonly #prober: Prober;
  readonly #gossip: Gossip;
  readonly #sync: Sync;
  readonly #reconnect: Reconnect;
  readonly #tableDue: TableDue;
  #now = 0;
  #startedAt = 0;
  #metAt: number | undefined;
  #slowAt = 0;
  #suspicionDueAt = Number.POSITIVE_INFINITY;
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
    this.#view = new View({
      transition: (entry, from, to, because) => {
        this.#changed = true;
        ports.transition?.(entry.id, from, to, entry.record, because);
      },
      tableChanged: (atOnce) => this.#tableDue.changed(this.#now, atOnce),
    });
    const own = this.#signed({ state: options.state, incarnation: 0, weight: options.weight });
    this.#view.admit(own, 0, 'started');
    this.#self = this.#view.get(options.id) as Entry;
    this.#health = new Health(options.timing.healthMax);
    this.#neighbours = new Neighbours(this.#view, this.#self, options.timing.neighbours);
    const send = (to: NodeId, message: MembershipMessage) => this.#send(to, message);
    this.#prober = new Prober(options.timing, this.#features, this.#view, this.#self, this.#neighbours, this.#health, {
      send,
      random: ports.random,
      accuse: (entry) => this.#tellSuspect(entry),
      unanswered: (entry, now) => this.#accuse(entry, now),
      answered: (entry, now) => this.#sawAlive(entry, now),
      reached: (unreached) => this.#heardAgain(unreached),
    });
    this.#gossip = new Gossip(options.timing, {
      send,
      recordOf: (id) => this.#view.get(id)?.record,
      claimOf: (id) => this.#claimOf(id),
      targets: (count) => this.#targets(count),
      liveCount: () => this.#view.liveCount,
    });
    this.#sync = new Sync(options.timing, this.#view, {
      send,
      random: ports.random,
      claimOf: (id) => this.#claimOf(id),
    });
    this.#reconnect = new Reconnect(options.timing, this.#view, options.url, options.seeds, {
      random: ports.random,
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
    this.#slowAt = now + SLOW_MS;
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
      members: this.#view.entries.length,
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
    this.#renew({ state }, 'own decision');
    if (state === 'left')
      for (const peer of this.#links.peers)
        this.#send(peer, { type: 'news', records: [this.#self.record], claims: [] });
    this.#done();
  }

  setWeight(weight: number, now: number): void {
    this.#arrive(now);
    this.#renew({ weight }, 'own decision');
    this.#done();
  }

  /** Called at `nextWakeAt` or earlier. Being called much later is how a stall of the event loop is noticed. */
  tick(now: number): void {
    if (this.#silent) return;
    this.#arrive(now);
    if (now >= this.#prober.dueAt) this.#prober.tick(now);
    if (now >= this.#suspicionDueAt) this.#checkSuspicions(now);
    if (now >= this.#sync.dueAt) this.#sync.tick(now);
    if (now >= this.#reconnect.dueAt) this.#reconnect.tick(now);
    if (now >= this.#slowAt) this.#slowWork(now);
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
      this.#onTwin(boot);
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
      if (entry && this.#features.linkHints) this.#refused(entry, now);
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

  /** Something else shows that the views differ (a routed frame of another table iteration): compare at once. */
  compareNotes(peer: NodeId, now: number): void {
    if (this.#silent) return;
    this.#arrive(now);
    this.#sync.begin(peer, now);
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
        for (const claim of message.claims) this.#onClaim(from, claim, now);
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
    for (const entry of this.#view.suspects) entry.suspicion?.pardon(ms);
    this.#suspicionDueAt += ms;
  }

  #done(): void {
    this.#tickAt = this.#silent
      ? Number.POSITIVE_INFINITY
      : Math.min(
          this.#prober.dueAt,
          this.#suspicionDueAt,
          this.#gossip.dueAt,
          this.#sync.dueAt,
          this.#reconnect.dueAt,
          this.#slowAt,
        );
    if (!this.#changed) return;
    this.#changed = false;
    this.#ports.changed();
  }

  #send(to: NodeId, message: MembershipMessage): void {
    this.#ports.send(to, this.#recordOf(to)?.url ?? '', message);
  }

  #targets(count: number): readonly NodeId[] {
    const { random } = this.#ports;
    const targets = new Set<NodeId>();
    const byLinks = this.#features.neighbourhood && this.#links.peers.length >= count;
    for (let tries = 0; tries < 3 * count && targets.size < count; tries++) {
      const id = byLinks ? this.#links.random(random) : this.#view.entries[random.below(this.#view.entries.length)]?.id;
      if (id !== undefined && id !== this.#self.id && this.#view.get(id)?.live !== false) targets.add(id);
    }
    return [...targets];
  }

  // --- records

  #onRecord(from: NodeId, record: MemberRecord, now: number): void {
    if (record.id === this.#self.id) return this.#onOwnRecord(record);
    const before = this.#view.get(record.id);
    const known: Version | undefined = before?.record ?? this.#view.tombstones.get(record.id);
    if (known && compareVersions(record, known) <= 0) return;
    if (!this.#genuine(record)) return this.#ports.refuse(from, `forged record of ${record.id}`);
    const bootBefore = before?.record.boot;
    if (this.#view.admit(record, now, 'record') !== 'newer') return;
    // A new boot: the link of the former one leads nowhere, unless it was the new one that spoke.
    if (bootBefore !== undefined && bootBefore < record.boot && from !== record.id && this.#links.has(record.id))
      this.#ports.close(record.id);
    this.#gossip.tellRecord(record.id, now);
    const entry = before ?? this.#view.get(record.id);
    if (!entry?.suspicion && entry?.state !== 'failed') this.#gossip.dropClaim(record.id);
  }

  #onOwnRecord(record: MemberRecord): void {
    if (record.boot > this.#self.record.boot) {
      if (this.#genuine(record)) this.#supersede(record.boot);
    } else if (record.boot === this.#self.record.boot && record.incarnation > this.#self.record.incarnation) {
      // This boot's own records are all made here: a newer one comes from a twin with the same clock.
      if (this.#genuine(record)) this.#supersede(record.boot);
    }
  }

  /** A link to another process with this very key: the higher boot stays, the lower one is shown its record. */
  #onTwin(boot: Boot): void {
    const own = this.#self.record;
    if (boot > own.boot) this.#supersede(boot);
    else this.#ports.send(own.id, own.url, { type: 'news', records: [own], claims: [] });
  }

  #supersede(boot: number): void {
    this.#silent = true;
    this.#ports.superseded(boot);
  }

  #genuine(record: MemberRecord): boolean {
    return (
      this.#ports.idOf(record.key) === record.id &&
      this.#ports.verify(record.key, signedBytes(this.#options.cluster, record), record.signature)
    );
  }

  #signed(change: { state: SignedState; incarnation: number; weight: number }): MemberRecord {
    const { id, key, boot, url, zone, version, cluster } = this.#options;
    const record = { id, key, boot, url, zone, version, ...change };
    return { ...record, signature: this.#ports.sign(signedBytes(cluster, record)) };
  }

  #renew(change: { state?: SignedState; weight?: number }, because: string): void {
    const { state, weight, incarnation } = this.#self.record;
    const record = this.#signed({ state, weight, incarnation: incarnation + 1, ...change });
    this.#view.admit(record, this.#now, because);
    this.#gossip.tellRecord(record.id, this.#now);
  }

  // --- accusations

  #onClaim(from: NodeId, claim: Claim, now: number): void {
    if (claim.id === this.#self.id) return this.#onAccused(from, claim, now);
    const entry = this.#view.get(claim.id);
    // Only a record creates a member: an accusation of someone unknown is about nobody.
    if (!entry) return;
    if (compareVersions(claim, entry.record) > 0) {
      // Nobody but the subject raises its incarnation: first its record, then what is said against it.
      this.#send(from, { type: 'want', ids: [claim.id] });
      return;
    }
    if (claim.kind === 'forgotten' && this.#mayForget(entry, claim)) {
      this.#forget(entry, claim, now);
      return;
    }
    if (!this.#view.isOpen(entry, claim)) return;
    if (!this.#features.secondThoughts && claim.kind === 'failed') {
      this.#condemn(entry, claim, claim.accusers[0] as NodeId, now, 'verdict of others');
      return;
    }
    const { suspicion } = entry;
    if (suspicion && compareVersions(claim, suspicion) < 0) return;
    const current = suspicion && compareVersions(claim, suspicion) === 0 ? suspicion : this.#suspect(entry, claim, now);
    let news = current !== suspicion;
    for (const accuser of claim.accusers) {
      if (accuser === claim.id) continue;
      if (current.accuse(accuser)) {
        news = true;
        current.accusedAt = now;
      }
      if (claim.kind === 'refused' && current.refuse(accuser)) news = true;
    }
    if (claim.kind === 'failed' || claim.kind === 'forgotten') {
      if (!current.condemned) news = true;
      current.condemned = true;
      if (claim.kind === 'forgotten') current.verdict = 'forgotten';
    }
    if (news) this.#gossip.tellClaim(entry.id, now);
    this.#weigh(entry, current, now);
    if (current === suspicion || !entry.suspicion) return;
    // Heard for the first time: see for oneself, so that a true accusation is soon confirmed and a false one answered.
    if (this.#features.neighbourhood && (claim.kind !== 'suspect' || this.#looksInto(entry)))
      this.#prober.doubt(entry, now, false);
  }

  /** Its watchers do, and as many strangers as make a confirmation likely where the watchers are few or gone. */
  #looksInto(entry: Entry): boolean {
    if (this.#neighbours.watches(entry)) return true;
    return this.#ports.random.next() * this.#view.liveCount < 3 * this.#timing.confirmations;
  }

  /** Own probes got no answer. */
  #accuse(entry: Entry, now: number): void {
    if (!entry.live || !this.#view.isOpen(entry, entry.record)) return;
    if (!entry.suspicion && entry.misses <= this.#patienceWith(entry, now)) {
      this.#prober.doubt(entry, now, false);
      return;
    }
    const suspicion = entry.suspicion ?? this.#suspect(entry, entry.record, now);
    const isNew = suspicion.accuse(this.#self.id);
    if (!isNew) return;
    this.#gossip.tellClaim(entry.id, now);
    if (this.#features.buddy) this.#tellSuspect(entry);
    this.#weigh(entry, suspicion, now);
  }

  /**
   * A member with a bad connection is accused and answers again and again, and each time everyone hears of both. Who has
   * answered of late is therefore probed some more times before it is accused again.
   */
  #patienceWith(entry: Entry, now: number): number {
    if (!this.#features.secondThoughts || now - entry.answeredAt > PATIENCE_MS) entry.answers = 0;
    return Math.min(PATIENCE_MAX, entry.answers);
  }

  /** The member's own address refuses connections: strong, but only together with a second node's word a verdict. */
  #refused(entry: Entry, now: number): void {
    if (!entry.live || !this.#view.isOpen(entry, entry.record)) return;
    const suspicion = entry.suspicion ?? this.#suspect(entry, entry.record, now);
    if (suspicion.refusedHere) return;
    suspicion.refusedHere = true;
    suspicion.accuse(this.#self.id);
    suspicion.refuse(this.#self.id);
    this.#gossip.tellClaim(entry.id, now);
    this.#weigh(entry, suspicion, now);
  }

  #suspect(entry: Entry, version: Version, now: number): Suspicion {
    const suspicion = new Suspicion(version.boot, version.incarnation, now);
    this.#view.suspect(entry, suspicion, now, 'accused');
    return suspicion;
  }

  /** Decides, or sets the time of the decision. */
  #weigh(entry: Entry, suspicion: Suspicion, now: number): void {
    const refusersNeeded = Math.min(2, this.#view.liveCount - 1);
    if (suspicion.refusedHere && (suspicion.condemned || suspicion.refusers.length >= refusersNeeded))
      return this.#condemn(entry, suspicion, suspicion.refusers[0] as NodeId, now, 'refused');
    suspicion.settle(this.#rule(), this.#timing.answerMs);
    const waitedMs = now - suspicion.startedAt;
    if (suspicion.condemned && waitedMs >= this.#timing.answerMs)
      return this.#condemn(entry, suspicion, suspicion.accusers[0] as NodeId, now, 'verdict of others');
    this.#suspicionDueAt = Math.min(this.#suspicionDueAt, suspicion.deadline - this.#timing.answerMs);
  }

  #rule(): SuspicionRule {
    const { suspicionMinMs, suspicionMaxFactor, confirmations } = this.#timing;
    if (!this.#features.dynamicSuspicion) return { minMs: suspicionMinMs, maxMs: suspicionMinMs, confirmations: 0 };
    return {
      minMs: suspicionMinMs,
      maxMs: suspicionMinMs * suspicionMaxFactor,
      // Neither this node nor the suspect can confirm.
      confirmations: Math.min(confirmations, this.#view.liveCount - 2),
    };
  }

  #checkSuspicions(now: number): void {
    let due = Number.POSITIVE_INFINITY;
    for (const entry of this.#view.suspects) {
      const { suspicion } = entry;
      if (!suspicion) continue;
      if (now >= suspicion.deadline && this.#isDoubtful(suspicion) && now < this.#deafUntil(suspicion))
        suspicion.deadline = Math.min(now + this.#timing.probeIntervalMs, this.#deafUntil(suspicion));
      if (now >= suspicion.deadline)
        this.#condemn(entry, suspicion, suspicion.accusers[0] as NodeId, now, 'no answer in time');
      else due = Math.min(due, this.#lastCall(entry, suspicion, now));
    }
    this.#suspicionDueAt = due;
  }

  /**
   * A suspicion that few share may never have reached its subject: before it runs out the subject is told and probed once
   * more. Returns when to look at it again.
   */
  #lastCall(entry: Entry, suspicion: Suspicion, now: number): number {
    if (suspicion.called || !this.#features.secondThoughts) return suspicion.deadline;
    const callAt = suspicion.deadline - this.#timing.answerMs;
    if (now < callAt) return callAt;
    suspicion.called = true;
    if (suspicion.accusers.length <= this.#rule().confirmations) this.#prober.doubt(entry, now, false);
    return suspicion.deadline;
  }

  /** A suspect that answers is told again what is said of it, and given the time to answer that. */
  #sawAlive(entry: Entry, now: number): void {
    if (!this.#features.secondThoughts) return;
    entry.suspicion?.renew(now, this.#timing.suspicionMinMs);
    this.#tellSuspect(entry);
  }

  /** A verdict that this node, unwell as it is, would pass on little more than its own word. */
  #isDoubtful(suspicion: Suspicion): boolean {
    if (this.#isDeaf(this.#prober.unreached)) return true;
    if (!this.#features.selfDoubt || this.#health.score < UNWELL || suspicion.condemned) return false;
    const others = suspicion.accusers.filter((id) => id !== this.#self.id).length;
    return others < Math.min(SECONDERS, this.#view.liveCount - 2);
  }

  /** Nobody answers: it is likelier that this node is cut off or sick than that all others died at once. */
  #isDeaf(unreached: number): boolean {
    const others = this.#view.liveCount - 1;
    return this.#features.selfDoubt && others >= 2 && unreached >= Math.min(DEAF_AFTER, others);
  }

  #deafUntil(suspicion: Suspicion): number {
    return suspicion.startedAt + this.#timing.suspicionMinMs * this.#timing.deafMaxFactor;
  }

  /** After a time of deafness: whoever was accused in it gets the whole time to answer. */
  #heardAgain(unreached: number): void {
    if (!this.#isDeaf(unreached)) return;
    for (const entry of this.#view.suspects) {
      const { suspicion } = entry;
      // once: on the small side of a split the few who answer are heard again and again between those who do not
      if (!suspicion || suspicion.heardAgain) continue;
      suspicion.heardAgain = true;
      suspicion.renew(this.#now, this.#timing.suspicionMinMs);
      this.#gossip.tellClaim(entry.id, this.#now);
    }
  }

  #condemn(entry: Entry, version: Version, by: NodeId, now: number, because: string): void {
    const forget = entry.suspicion?.verdict === 'forgotten';
    this.#view.fail(entry, { boot: version.boot, incarnation: version.incarnation }, by, now, because);
    this.#gossip.tellClaim(entry.id, now);
    this.#ports.close(entry.id);
    if (forget) this.#forget(entry, version, now);
  }

  /** Someone says that this node is gone: it answers with a higher incarnation. */
  #onAccused(from: NodeId, claim: Claim, now: number): void {
    const own = this.#self.record;
    // A version that this node never had is nothing to answer; a later boot shows itself by its signed record.
    if (compareVersions(claim, own) > 0) return;
    if (compareVersions(claim, own) < 0) {
      // Old news: the sender lacks this node's present record.
      if (claim.kind !== 'suspect' && claim.kind !== 'refused')
        this.#send(from, { type: 'news', records: [own], claims: [] });
      return;
    }
    if (own.state === 'left') return;
    this.#renew({}, 'answer to an accusation');
    if (this.#features.localHealth && claim.kind === 'suspect') this.#health.worse();
    this.#send(from, { type: 'news', records: [this.#self.record], claims: [] });
    this.#gossip.tellRecord(this.#self.id, now);
  }

  /** Buddy rule: the suspect hears of it first. */
  #tellSuspect(entry: Entry): void {
    const claim = this.#claimOf(entry.id);
    if (claim) this.#send(entry.id, { type: 'news', records: [], claims: [claim] });
  }

  /** What this node would say about a member now. */
  #claimOf(id: NodeId): Claim | undefined {
    const entry = this.#view.get(id);
    if (!entry) {
      const tombstone = this.#view.tombstones.get(id);
      if (!tombstone) return undefined;
      const { boot, incarnation } = tombstone;
      return { kind: 'forgotten', id, boot, incarnation, accusers: [this.#self.id] };
    }
    const { suspicion, failed } = entry;
    if (failed && entry.state === 'failed')
      return { kind: 'failed', id, ...failed, accusers: [entry.failedBy ?? this.#self.id] };
    if (!suspicion) return undefined;
    const { boot, incarnation, accusers, refusers } = suspicion;
    if (suspicion.condemned) return { kind: suspicion.verdict, id, boot, incarnation, accusers: [...accusers] };
    if (refusers.length > 0) return { kind: 'refused', id, boot, incarnation, accusers: [...refusers] };
    return { kind: 'suspect', id, boot, incarnation, accusers: [...accusers] };
  }

  /**
   * First words on a new link: who this node is, what it holds against the peer, and, to a peer that runs a lower boot than
   * the one known here, that boot's record.
   */
  #greeting(peer: NodeId, boot = Number.POSITIVE_INFINITY): MembershipMessage {
    const records = [this.#self.record];
    const known = this.#recordOf(peer);
    if (known && known.boot > boot) records.push(known);
    const claim = this.#claimOf(peer);
    return { type: 'news', records, claims: claim ? [claim] : [] };
  }

  #recordOf(id: NodeId): MemberRecord | undefined {
    return this.#view.get(id)?.record ?? this.#view.tombstones.get(id)?.record;
  }

  // --- forgetting

  #slowWork(now: number): void {
    this.#slowAt = now + SLOW_MS;
    for (const [id, tombstone] of this.#view.tombstones) {
      if (now - tombstone.at < this.#timing.tombstoneMs) break;
      this.#view.tombstones.delete(id);
    }
    if (!this.#self.live) return;
    let turn: number | undefined;
    for (const entry of [...this.#view.entries]) {
      if (entry.state !== 'failed' && entry.state !== 'left') continue;
      const afterMs = entry.state === 'left' ? this.#timing.forgetLeftAfterMs : this.#timing.forgetAfterMs;
      if (now - entry.since < afterMs) continue;
      turn ??= this.#view.entries.filter((e) => e.live).indexOf(this.#self);
      if (now - entry.since < afterMs + turn * FORGET_TURN_MS) continue;
      this.#forget(entry, entry.failed ?? entry.record, now);
    }
  }

  #mayForget(entry: Entry, version: Version): boolean {
    return (
      (entry.state === 'failed' || entry.state === 'left') &&
      compareVersions(version, entry.record) >= 0 &&
      (entry.failed === undefined || entry.state === 'left' || compareVersions(version, entry.failed) >= 0)
    );
  }

  #forget(entry: Entry, version: Version, now: number): void {
    this.#view.forget(entry, version, now);
    this.#gossip.tellClaim(entry.id, now);
  }
}
