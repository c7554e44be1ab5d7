/**
 * Asks others whether they are there: one neighbour after the other, and at once whoever gave cause for doubt. A probe is a
 * full round trip; without an answer in time, helpers try on this node's behalf. A helper that could not reach the target
 * says so (nack); one that says nothing speaks against this node's own health, not against the target.
 */
import type { NodeId } from '../../wire/ids.js';
import type { Random } from '../random.js';
import type { Health } from './health.js';
import type { Neighbours } from './neighbours.js';
import type { MembershipFeatures, MembershipTiming } from './options.js';
import { shuffle } from './shuffle.js';
import type { MembershipMessage } from './types.js';
import type { Entry, View } from './view.js';

/** Own probes and probes for others under way at most; above it, doubts wait for the regular turn. */
const PROBES_MAX = 64;
const RELAYS_MAX = 256;
/** A helper gives up at this share of the prober's time-out, so that its nack arrives in time. */
const NACK_SHARE = 0.8;

interface Probe {
  readonly target: Entry;
  readonly boot: number;
  readonly regular: boolean;
  helpersAt: number;
  deadline: number;
  asked: readonly NodeId[];
  /** Helpers that reported back: a set, since a doubled nack is one nack. */
  readonly nacks: Set<NodeId>;
}

interface Relay {
  readonly target: NodeId;
  readonly prober: NodeId;
  readonly seq: number;
  nackAt: number;
  deadline: number;
  nacked: boolean;
}

export interface ProberPorts {
  send(to: NodeId, message: MembershipMessage): void;
  /** Told to the target of a probe, ahead of it, when it is under suspicion. */
  accuse(entry: Entry): void;
  unanswered(entry: Entry, now: number): void;
  /** The member answered a probe. */
  answered(entry: Entry, now: number): void;
  /** Somebody answered after a time in which nobody did. */
  reached(unreached: number): void;
  random: Random;
}

export class Prober {
  readonly #timing: MembershipTiming;
  readonly #features: MembershipFeatures;
  readonly #view: View;
  readonly #self: Entry;
  readonly #neighbours: Neighbours;
  readonly #health: Health;
  readonly #ports: ProberPorts;
  readonly #probes = new Map<number, Probe>();
  readonly #relays = new Map<number, Relay>();
  #seq = 0;
  #turn: Entry[] = [];
  #count = 0;
  /** Whom this node could not reach since anyone last answered it. */
  readonly #unreached = new Set<Entry>();
  #nextProbeAt = 0;
  #flightsDueAt = Number.POSITIVE_INFINITY;

  constructor(
    timing: MembershipTiming,
    features: MembershipFeatures,
    view: View,
    self: Entry,
    neighbours: Neighbours,
    health: Health,
    ports: ProberPorts,
  ) {
    this.#timing = timing;
    this.#features = features;
    this.#view = view;
    this.#self = self;
    this.#neighbours = neighbours;
    this.#health = health;
    this.#ports = ports;
  }

  get dueAt(): number {
    return Math.min(this.#nextProbeAt, this.#flightsDueAt);
  }

  get inFlight(): number {
    return this.#probes.size + this.#relays.size;
  }

  /** How many different members failed to answer since the last one that did: many of them say that it is me. */
  get unreached(): number {
    return this.#unreached.size;
  }

  start(now: number): void {
    this.#nextProbeAt = now + this.#ports.random.next() * this.#timing.probeIntervalMs;
    // Else a cluster started at once would visit its strangers all at the same moment.
    this.#count = this.#ports.random.below(this.#timing.strangerEvery);
  }

  tick(now: number): void {
    if (now >= this.#flightsDueAt) this.#checkFlights(now);
    if (now >= this.#nextProbeAt) {
      this.#nextProbeAt = now + this.#timing.probeIntervalMs * this.#factor;
      const target = this.#nextTarget();
      if (target) this.#probe(target, now, true, false);
    }
  }

  /** Probes at once, beside the regular turn, directly and through helpers where `helpers` says so. */
  doubt(entry: Entry, now: number, helpers: boolean): void {
    for (const [seq, probe] of this.#probes) {
      if (probe.target !== entry || probe.regular) continue;
      // The link closed under a doubt of before: what was sent over it is lost, and a new link may be refused.
      if (helpers) this.#ports.send(entry.id, { type: 'ping', seq });
      return;
    }
    if (this.#probes.size >= PROBES_MAX) return;
    this.#probe(entry, now, false, helpers);
  }

  onPing(from: NodeId, seq: number): void {
    this.#ports.send(from, { type: 'ack', seq });
  }

  onAck(from: NodeId, seq: number, now: number): void {
    const probe = this.#probes.get(seq);
    if (probe) {
      if (probe.target.id === from) this.#answered(seq, probe, now);
      return;
    }
    const relay = this.#relays.get(seq);
    if (relay?.target !== from) return;
    this.#relays.delete(seq);
    this.#ports.send(relay.prober, { type: 'indirect-ack', seq: relay.seq });
  }

  onIndirectAck(from: NodeId, seq: number, now: number): void {
    const probe = this.#probes.get(seq);
    if (probe?.asked.includes(from)) this.#answered(seq, probe, now);
  }

  onNack(from: NodeId, seq: number): void {
    const probe = this.#probes.get(seq);
    if (probe?.asked.includes(from)) probe.nacks.add(from);
  }

  onPingRequest(from: NodeId, seq: number, target: NodeId, now: number): void {
    if (this.#relays.size >= RELAYS_MAX || target === this.#self.id) return;
    const timeoutMs = this.#timing.probeTimeoutMs;
    const relay: Relay = {
      target,
      prober: from,
      seq,
      nackAt: now + timeoutMs * NACK_SHARE,
      deadline: now + timeoutMs * 2,
      nacked: false,
    };
    const own = this.#nextSeq();
    this.#relays.set(own, relay);
    this.#flightsDueAt = Math.min(this.#flightsDueAt, relay.nackAt);
    this.#ports.send(target, { type: 'ping', seq: own });
  }

  /** The address refused a connection: helpers say so at once. True where an own probe was under way to it. */
  onRefused(target: NodeId): boolean {
    for (const [seq, relay] of this.#relays) {
      if (relay.target !== target) continue;
      this.#relays.delete(seq);
      if (!relay.nacked) this.#ports.send(relay.prober, { type: 'nack', seq: relay.seq });
    }
    let probed = false;
    for (const [seq, probe] of this.#probes) {
      if (probe.target.id !== target) continue;
      this.#probes.delete(seq);
      probed = true;
    }
    return probed;
  }

  /** This node was away for `lateMs`: nothing that fell due meanwhile counts, and after a stall no probe does. */
  pardon(now: number, lateMs: number, stalled: boolean): void {
    if (stalled) this.#probes.clear();
    for (const probe of this.#probes.values()) {
      probe.helpersAt += lateMs;
      probe.deadline += lateMs;
    }
    for (const relay of this.#relays.values()) {
      relay.nackAt += lateMs;
      relay.deadline += lateMs;
    }
    this.#flightsDueAt = Math.min(this.#flightsDueAt + lateMs, now + this.#timing.probeIntervalMs);
  }

  get #factor(): number {
    return this.#features.localHealth ? this.#health.factor : 1;
  }

  #nextSeq(): number {
    this.#seq = (this.#seq + 1) >>> 0;
    return this.#seq;
  }

  #probe(target: Entry, now: number, regular: boolean, helpersNow: boolean): void {
    const seq = this.#nextSeq();
    const factor = this.#factor;
    const probe: Probe = {
      target,
      boot: target.record.boot,
      regular,
      helpersAt: now + this.#timing.probeTimeoutMs * factor,
      deadline: now + this.#timing.probeIntervalMs * factor,
      asked: [],
      nacks: new Set(),
    };
    this.#probes.set(seq, probe);
    if (target.suspicion && this.#features.buddy) this.#ports.accuse(target);
    this.#ports.send(target.id, { type: 'ping', seq });
    if (helpersNow && this.#probes.has(seq)) this.#askHelpers(seq, probe);
    this.#flightsDueAt = Math.min(this.#flightsDueAt, probe.helpersAt, probe.deadline);
  }

  #answered(seq: number, probe: Probe, now: number): void {
    this.#probes.delete(seq);
    probe.target.misses = 0;
    if (probe.target.suspicion) this.#ports.answered(probe.target, now);
    if (probe.regular) this.#health.better();
    const unreached = this.#unreached.size;
    if (unreached === 0) return;
    this.#unreached.clear();
    this.#ports.reached(unreached);
  }

  #checkFlights(now: number): void {
    let due = Number.POSITIVE_INFINITY;
    for (const [seq, relay] of this.#relays) {
      if (!relay.nacked && now >= relay.nackAt) {
        relay.nacked = true;
        this.#ports.send(relay.prober, { type: 'nack', seq: relay.seq });
      }
      if (now >= relay.deadline) this.#relays.delete(seq);
      else due = Math.min(due, relay.nacked ? relay.deadline : relay.nackAt);
    }
    for (const [seq, probe] of this.#probes) {
      if (!probe.target.live || probe.target.record.boot !== probe.boot) {
        this.#probes.delete(seq);
      } else if (now >= probe.deadline) {
        this.#probes.delete(seq);
        this.#failed(probe, now);
      } else {
        if (probe.asked.length === 0 && now >= probe.helpersAt) this.#askHelpers(seq, probe);
        due = Math.min(due, probe.asked.length === 0 && probe.helpersAt > now ? probe.helpersAt : probe.deadline);
      }
    }
    this.#flightsDueAt = due;
  }

  #failed(probe: Probe, now: number): void {
    const missing = probe.asked.length - probe.nacks.size;
    if (probe.asked.length === 0) this.#health.worse();
    else if (missing > 0) this.#health.worse(missing);
    // A helper that could not reach it either shows that this node is heard, and hears.
    if (probe.nacks.size === 0) this.#unreached.add(probe.target);
    probe.target.misses += 1;
    this.#ports.unanswered(probe.target, now);
  }

  #askHelpers(seq: number, probe: Probe): void {
    probe.asked = this.#helpersFor(probe.target);
    for (const helper of probe.asked) this.#ports.send(helper, { type: 'ping-request', seq, target: probe.target.id });
  }

  #helpersFor(target: Entry): NodeId[] {
    const pool = this.#features.neighbourhood ? this.#neighbours.watched : this.#view.entries;
    const fit = pool.filter((e) => e !== target && e !== this.#self && e.live && e.state !== 'suspect');
    const chosen: NodeId[] = [];
    while (chosen.length < this.#timing.helpers && fit.length > 0) {
      const at = this.#ports.random.below(fit.length);
      chosen.push((fit[at] as Entry).id);
      fit[at] = fit[fit.length - 1] as Entry;
      fit.pop();
    }
    return chosen;
  }

  /** In rounds, each in a new random order, so that two probes of one member are never far more than a round apart. */
  #nextTarget(): Entry | undefined {
    this.#count += 1;
    const stranger = this.#features.neighbourhood && this.#count % this.#timing.strangerEvery === 0;
    if (stranger) {
      const entry = this.#view.entries[this.#ports.random.below(this.#view.entries.length)];
      if (entry?.live && entry !== this.#self) return entry;
    }
    for (let round = 0; round < 2; round++) {
      for (let next = this.#turn.pop(); next; next = this.#turn.pop())
        if (next.live && this.#view.get(next.id) === next) return next;
      const all = this.#features.neighbourhood ? [...this.#neighbours.watched] : [...this.#view.entries];
      this.#turn = shuffle(
        all.filter((entry) => entry.live && entry !== this.#self),
        this.#ports.random,
      );
    }
    return undefined;
  }
}
