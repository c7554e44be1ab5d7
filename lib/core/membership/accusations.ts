/**
 * Who is accused, and what becomes of it: a suspicion begins with a probe without answer or with what others say, shortens
 * as others confirm it, and ends by a newer record of its subject or by a verdict. Rules kept: nobody is removed before he
 * had the time to answer, and a node that may itself be the sick one waits for others.
 */
import type { NodeId } from '../../wire/ids.js';
import type { Claim, MembershipMessage } from '../../wire/membership.js';
import type { Random } from '../random.js';
import { Agenda } from './agenda.js';
import type { Forgetting } from './forgetting.js';
import type { Gossip } from './gossip.js';
import type { Health } from './health.js';
import type { Neighbours } from './neighbours.js';
import type { MembershipFeatures, MembershipTiming } from './options.js';
import type { Prober } from './prober.js';
import { compareVersions, type Version } from './record.js';
import { Suspicion, type SuspicionRule } from './suspicion.js';
import type { Entry, View } from './view.js';

/** So many members in a row that do not answer make a node doubt itself. */
const DEAF_AFTER = 3;
/** From this local health on a node needs the word of so many others before it passes a verdict. */
const UNWELL = 2;
const SECONDERS = 2;
/** So many more probes at most must fail before a member is accused that answered accusations in the last minute. */
const PATIENCE_MAX = 5;
const PATIENCE_MS = 60_000;
/** Confirmations are gathered for this share of the least suspicion before they are passed on. */
const GATHER_SHARE = 0.25;

export interface AccusationsPorts {
  send(to: NodeId, message: MembershipMessage): void;
  close(peer: NodeId): void;
  readonly random: Random;
}

/** What the accusations are weighed with. */
export interface AccusationsParts {
  readonly view: View;
  readonly self: Entry;
  readonly health: Health;
  readonly neighbours: Neighbours;
  readonly prober: Prober;
  readonly gossip: Gossip;
  readonly forgetting: Forgetting;
}

export class Accusations {
  readonly #timing: MembershipTiming;
  readonly #features: MembershipFeatures;
  readonly #view: View;
  readonly #self: Entry;
  readonly #health: Health;
  readonly #neighbours: Neighbours;
  readonly #prober: Prober;
  readonly #gossip: Gossip;
  readonly #forgetting: Forgetting;
  readonly #ports: AccusationsPorts;
  dueAt = Number.POSITIVE_INFINITY;
  readonly #agenda = new Agenda();

  constructor(
    timing: MembershipTiming,
    features: MembershipFeatures,
    parts: AccusationsParts,
    ports: AccusationsPorts,
  ) {
    this.#timing = timing;
    this.#features = features;
    this.#view = parts.view;
    this.#self = parts.self;
    this.#health = parts.health;
    this.#neighbours = parts.neighbours;
    this.#prober = parts.prober;
    this.#gossip = parts.gossip;
    this.#forgetting = parts.forgetting;
    this.#ports = ports;
  }

  onClaim(from: NodeId, claim: Claim, now: number): void {
    const entry = this.#view.get(claim.id);
    // Only a record creates a member: an accusation of someone unknown is about nobody.
    if (!entry) return;
    if (compareVersions(claim, entry.record) > 0) {
      // Nobody but the subject raises its incarnation: first its record, then what is said against it.
      this.#ports.send(from, { type: 'want', ids: [claim.id] });
      return;
    }
    if (claim.kind === 'forgotten' && this.#forgetting.mayForget(entry, claim)) {
      this.#forgetting.forget(entry, claim, now);
      return;
    }
    if (!this.#view.isOpen(entry, claim)) return;
    const isTrusted = this.#isJoining || entry.suspicion?.metSuspected || !this.#features.secondThoughts;
    if (isTrusted && claim.kind === 'failed') {
      this.condemn(entry, claim, claim.accusers[0] as NodeId, now, 'verdict of others');
      return;
    }
    const { suspicion } = entry;
    if (suspicion && compareVersions(claim, suspicion.version) < 0) return;
    const current =
      suspicion && compareVersions(claim, suspicion.version) === 0 ? suspicion : this.#suspect(entry, now);
    let news = current !== suspicion;
    let more = false;
    for (const accuser of claim.accusers) {
      if (accuser === claim.id) continue;
      if (current.accuse(accuser)) {
        more = true;
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
    else if (more) this.#tellMore(entry, current, now);
    this.#weigh(entry, current, now, news || more);
    if (current === suspicion || !entry.suspicion) return;
    // Heard for the first time: see for oneself, so that a true accusation is soon confirmed and a false one answered.
    if (this.#features.neighbourhood && (claim.kind !== 'suspect' || this.#looksInto(entry)))
      this.#prober.doubt(entry, now, false);
  }

  /** Own probes got no answer. */
  unanswered(entry: Entry, now: number): void {
    if (!entry.live || !this.#view.isOpen(entry, entry.record)) return;
    if (!entry.suspicion && entry.misses <= this.#patienceWith(entry, now)) {
      this.#prober.doubt(entry, now, false);
      return;
    }
    const known = entry.suspicion;
    const suspicion = known ?? this.#suspect(entry, now);
    const isNew = suspicion.accuse(this.#self.id);
    if (!isNew) return;
    if (known) this.#tellMore(entry, suspicion, now);
    else this.#gossip.tellClaim(entry.id, now);
    if (this.#features.buddy) this.tellSuspect(entry);
    this.#weigh(entry, suspicion, now);
  }

  /**
   * The member's own address refuses connections: strong, but only together with a second node's word a verdict. Where all
   * others refuse there is no second node, and an address that refuses is an answer: who gets one is not cut off.
   */
  refused(entry: Entry, now: number): void {
    if (!entry.live || !this.#view.isOpen(entry, entry.record)) return;
    const suspicion = entry.suspicion ?? this.#suspect(entry, now);
    if (suspicion.refusedHere) return;
    suspicion.refusedHere = true;
    suspicion.accuse(this.#self.id);
    suspicion.refuse(this.#self.id);
    this.#gossip.tellClaim(entry.id, now);
    this.#weigh(entry, suspicion, now);
    const refusing = [...this.#view.suspects].filter((suspect) => suspect.suspicion?.refusedHere);
    if (refusing.length < this.#view.liveCount - 1) return;
    for (const one of refusing) this.condemn(one, one.record, this.#self.id, now, 'refused, as all others');
  }

  /** A suspect that answers is told again what is said of it, and given the time to answer that. */
  answered(entry: Entry, now: number): void {
    if (!this.#features.secondThoughts) return;
    this.#renew(entry.suspicion, now);
    this.tellSuspect(entry);
  }

  /**
   * Somebody answers again. Whoever is still accused only because this node mistrusts itself is asked once more, and after a
   * time of deafness whoever was accused in it gets the whole time to answer.
   */
  heardAgain(unreached: number, now: number): void {
    const deaf = this.#isDeaf(unreached);
    if (!deaf && !this.#agenda.someHeld) return;
    for (const entry of this.#view.suspects) {
      const { suspicion } = entry;
      if (suspicion?.held) this.#prober.doubt(entry, now, false);
      if (!deaf) continue;
      // once: on the small side of a split the few who answer are heard again and again between those who do not
      if (!suspicion || suspicion.heardAgain) continue;
      suspicion.heardAgain = true;
      this.#renew(suspicion, now);
      this.#gossip.tellMore(entry.id, now, now);
    }
  }

  /** Buddy rule: the suspect hears of it first. */
  tellSuspect(entry: Entry): void {
    const claim = this.claimOf(entry.id);
    if (claim) this.#ports.send(entry.id, { type: 'news', records: [], claims: [claim] });
  }

  /** What this node would say about a member now. */
  claimOf(id: NodeId): Claim | undefined {
    const entry = this.#view.get(id);
    if (!entry) {
      const tombstone = this.#view.tombstones.get(id);
      if (!tombstone) return undefined;
      const { boot, incarnation } = tombstone;
      return { kind: 'forgotten', id, boot, incarnation, accusers: [this.#self.id] };
    }
    const { suspicion, failed } = entry;
    if (failed && entry.state === 'failed') {
      const { boot, incarnation } = failed;
      return { kind: 'failed', id, boot, incarnation, accusers: [entry.failedBy ?? this.#self.id] };
    }
    if (!suspicion) return undefined;
    const { accusers, refusers } = suspicion;
    const { boot, incarnation } = suspicion.version;
    if (suspicion.condemned) return { kind: suspicion.verdict, id, boot, incarnation, accusers };
    if (refusers.length > 0) return { kind: 'refused', id, boot, incarnation, accusers: refusers };
    return { kind: 'suspect', id, boot, incarnation, accusers };
  }

  /** The time this node was away does not count against anybody. */
  pardon(ms: number): void {
    for (const entry of this.#view.suspects) entry.suspicion?.pardon(ms);
    this.dueAt += ms;
    this.#agenda.void();
  }

  tick(now: number): void {
    this.dueAt = this.#agenda.visit(
      now,
      () => this.#confirmations,
      (entry, suspicion) => this.#look(entry, suspicion, now),
    );
  }

  /** Passes the verdict that is due, or returns when to look again. */
  #look(entry: Entry, suspicion: Suspicion, now: number): number {
    suspicion.settle(this.#rule, this.#timing.answerMs);
    if (now >= suspicion.deadline && this.#isDoubtful(suspicion) && now < this.#deafUntil(suspicion)) {
      suspicion.held = true;
      suspicion.deadline = Math.min(now + this.#timing.probeIntervalMs, this.#deafUntil(suspicion));
    }
    if (now < suspicion.deadline) return this.#lastCall(entry, suspicion, now);
    this.condemn(entry, suspicion.version, suspicion.accusers[0] as NodeId, now, 'no answer in time');
    return Number.POSITIVE_INFINITY;
  }

  condemn(entry: Entry, version: Version, by: NodeId, now: number, because: string): void {
    const forget = entry.suspicion?.verdict === 'forgotten';
    this.#view.fail(entry, { boot: version.boot, incarnation: version.incarnation }, by, now, because);
    this.#gossip.tellClaim(entry.id, now);
    this.#ports.close(entry.id);
    if (forget) this.#forgetting.forget(entry, version, now);
  }

  /** Not before most of the watchers have had a word: one telling of four accusers costs half of four tellings. */
  #tellMore(entry: Entry, suspicion: Suspicion, now: number): void {
    this.#gossip.tellMore(entry.id, now, suspicion.startedAt + this.#timing.suspicionMinMs * GATHER_SHARE);
  }

  /**
   * A joiner has seen nothing itself that speaks against a verdict, and must not own slots by a view that still doubts it.
   */
  get #isJoining(): boolean {
    return this.#self.record.state === 'joining';
  }

  #suspect(entry: Entry, now: number): Suspicion {
    const suspicion = new Suspicion(entry.record, now);
    suspicion.metSuspected = this.#isJoining;
    this.#view.suspect(entry, suspicion, now, 'accused');
    // One who could confirm the others' suspicions less: they are weighed anew, soon and together.
    this.dueAt = Math.min(this.dueAt, now + this.#timing.gossipIntervalMs);
    return suspicion;
  }

  /** Decides, or sets the time of the decision, which stays as it is where nothing is new. */
  #weigh(entry: Entry, suspicion: Suspicion, now: number, news = true): void {
    const refusersNeeded = Math.min(2, this.#view.liveCount - 1);
    if (suspicion.refusedHere && (suspicion.condemned || suspicion.refusers.length >= refusersNeeded))
      return this.condemn(entry, suspicion.version, suspicion.refusers[0] as NodeId, now, 'refused');
    if (news || !this.#agenda.stands(this.#confirmations)) {
      suspicion.settle(this.#rule, this.#timing.answerMs);
      this.#agenda.note(entry, suspicion, this.#callAt(suspicion), this.#confirmations);
    }
    const waitedMs = now - suspicion.startedAt;
    if (suspicion.condemned && waitedMs >= this.#timing.answerMs)
      return this.condemn(entry, suspicion.version, suspicion.accusers[0] as NodeId, now, 'verdict of others');
    this.dueAt = Math.min(this.dueAt, suspicion.deadline - this.#timing.answerMs);
  }

  get #rule(): SuspicionRule {
    const { suspicionMinMs, suspicionMaxFactor } = this.#timing;
    const factor = this.#features.dynamicSuspicion ? suspicionMaxFactor : 1;
    return { minMs: suspicionMinMs, maxMs: suspicionMinMs * factor, confirmations: this.#confirmations };
  }

  /** So many bring a suspicion down to its minimum. */
  get #confirmations(): number {
    return this.#features.dynamicSuspicion ? Math.min(this.#timing.confirmations, this.#confirmers) : 0;
  }

  /**
   * Who could confirm a suspicion: neither this node nor the suspect, and hardly the other suspects. So the small side of a
   * split goes on once its own members agree; one of them must, so that nobody who is cut off passes verdicts alone.
   */
  get #confirmers(): number {
    const others = this.#view.liveCount - 2;
    const suspects = this.#view.suspects.size - 1;
    return Math.min(others, Math.max(1, others - suspects));
  }

  /**
   * A suspicion that few share may never have reached its subject: before it runs out the subject is told and probed once
   * more. Returns when to look at it again.
   */
  #lastCall(entry: Entry, suspicion: Suspicion, now: number): number {
    const callAt = this.#callAt(suspicion);
    if (suspicion.called || now < callAt) return callAt;
    suspicion.called = true;
    if (suspicion.accusers.length <= this.#confirmations) this.#prober.doubt(entry, now, false);
    return suspicion.deadline;
  }

  /** When it is next to be looked at. */
  #callAt(suspicion: Suspicion): number {
    const isCalled = suspicion.called || !this.#features.secondThoughts;
    return isCalled ? suspicion.deadline : suspicion.deadline - this.#timing.answerMs;
  }

  #renew(suspicion: Suspicion | undefined, now: number): void {
    suspicion?.renew(now, this.#timing.suspicionMinMs);
    this.#agenda.void();
  }

  /** Its watchers do, and as many strangers as make a confirmation likely where the watchers are few or gone. */
  #looksInto(entry: Entry): boolean {
    if (this.#neighbours.watches(entry)) return true;
    return this.#ports.random.next() * this.#view.liveCount < 3 * this.#timing.confirmations;
  }

  /**
   * A member with a bad connection is accused and answers again and again, and each time everyone hears of both. Who has
   * answered of late is therefore probed some more times before it is accused again.
   */
  #patienceWith(entry: Entry, now: number): number {
    if (!this.#features.secondThoughts || now - entry.answeredAt > PATIENCE_MS) entry.answers = 0;
    return Math.min(PATIENCE_MAX, entry.answers);
  }

  /** A verdict that this node, unwell as it is, would pass on little more than its own word. */
  #isDoubtful(suspicion: Suspicion): boolean {
    if (this.#isDeaf(this.#prober.unreached)) return true;
    if (!this.#features.selfDoubt || this.#health.score < UNWELL || suspicion.condemned) return false;
    const others = suspicion.accusers.filter((id) => id !== this.#self.id).length;
    return others < Math.min(SECONDERS, this.#confirmers);
  }

  /** Nobody answers: it is likelier that this node is cut off or sick than that all others died at once. */
  #isDeaf(unreached: number): boolean {
    const others = this.#view.liveCount - 1;
    return this.#features.selfDoubt && others >= 2 && unreached >= Math.min(DEAF_AFTER, others);
  }

  #deafUntil(suspicion: Suspicion): number {
    return suspicion.startedAt + this.#timing.suspicionMinMs * this.#timing.deafMaxFactor;
  }
}
