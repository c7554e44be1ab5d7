/**
 * What a membership is told at its start. Each timing says what it is for, the formula it enters and in which direction
 * it hurts; the presets differ in round trip times only, and the simulator measures what each of them gives.
 *
 * Silent death, first verdict ≈ wait for a probe (probeIntervalMs / 2) + probeIntervalMs + suspicionMinMs.
 * All views ≈ that + log_fanout(N) × (urgentMs + one way) ≈ 0.1 to 0.3 s more.
 */
import type { Boot, NodeId } from '../../wire/ids.js';

export interface MembershipTiming {
  /** One probe per interval. Lower: faster detection and as much more traffic. */
  readonly probeIntervalMs: number;
  /** Without an answer for so long, helpers are asked. Above the round trip plus a usual pause of a healthy event loop. */
  readonly probeTimeoutMs: number;
  /** Nodes asked to probe on one's behalf. More: fewer false suspicions on lossy links, more traffic when some is dead. */
  readonly helpers: number;
  /**
   * Each node watches this many others, the next one on as many rings, and holds links to them; clusters of up to twice
   * as many watch everybody. More: a better connected graph and quicker confirmations, more links to hold open.
   */
  readonly neighbours: number;
  /** Every so manieth probe goes to a random member that is not a neighbour. */
  readonly strangerEvery: number;
  /** The least time a suspect has to answer, once enough others confirm. Stalls shorter than this are forgiven. */
  readonly suspicionMinMs: number;
  /** While nobody confirms, a suspect has this many times the minimum: max − (max − min) · log(c + 1) / log(k + 1). */
  readonly suspicionMaxFactor: number;
  /** A node that reaches nobody holds its own verdicts back for up to so many minimums: it may well be the sick one. */
  readonly deafMaxFactor: number;
  /** Confirmations k that bring a suspicion down to its minimum. More: fewer mistakes, slower where few can confirm. */
  readonly confirmations: number;
  /** A verdict of others is taken over at once only when the suspect had this long to answer as seen from here. */
  readonly answerMs: number;
  /** News is sent to `gossipFanout` peers per interval, ceil(log10 N) times over. */
  readonly gossipIntervalMs: number;
  readonly gossipFanout: number;
  /** The first sending of fresh news waits only this long, to let it be bundled. */
  readonly urgentMs: number;
  /** Views that differ for so long are compared. Lower: repairs sooner, and compares while gossip is still under way. */
  readonly syncDelayMs: number;
  /** Local health counts from 0 to this; probes take (health + 1) times as long. */
  readonly healthMax: number;
  /** A tick this late gives all verdicts that fell due a second chance. */
  readonly lateMs: number;
  /** A tick this late is a stall: probes in flight are void and local health worsens. */
  readonly stallMs: number;
  /** Attempts a second, of all nodes together, to reach failed members and absent seeds. */
  readonly reconnectPerSecond: number;
  /** A failed member keeps its slots in the order for so long. Longer than the partitions to be survived unmoved. */
  readonly forgetAfterMs: number;
  /** Left members are forgotten after this. */
  readonly forgetLeftAfterMs: number;
  /** How long a forgotten member's last incarnation is remembered, and now and then tried. */
  readonly tombstoneMs: number;
  /** The table is rebuilt after this much quiet, or at most so long after the first change; for failures, at once. */
  readonly tableQuietMs: number;
  readonly tableMaxMs: number;
}

const lan: MembershipTiming = {
  probeIntervalMs: 300,
  probeTimeoutMs: 150,
  helpers: 3,
  neighbours: 10,
  strangerEvery: 16,
  suspicionMinMs: 3_000,
  suspicionMaxFactor: 6,
  deafMaxFactor: 12,
  confirmations: 3,
  answerMs: 1_500,
  gossipIntervalMs: 100,
  gossipFanout: 3,
  urgentMs: 10,
  syncDelayMs: 300,
  healthMax: 7,
  lateMs: 25,
  stallMs: 200,
  reconnectPerSecond: 2,
  forgetAfterMs: 15 * 60_000,
  forgetLeftAfterMs: 60_000,
  tombstoneMs: 72 * 3_600_000,
  tableQuietMs: 100,
  tableMaxMs: 500,
};

export const TIMINGS = {
  /** Nodes on one machine, for development: notices sooner, forgives shorter stalls only. */
  local: { ...lan, probeIntervalMs: 200, probeTimeoutMs: 100, suspicionMinMs: 1_500, answerMs: 750 },
  /** One data centre, round trips up to some 10 ms. */
  lan,
  /** Between continents: round trips up to some 300 ms. */
  wan: {
    ...lan,
    probeIntervalMs: 2_000,
    probeTimeoutMs: 1_000,
    suspicionMinMs: 10_000,
    answerMs: 5_000,
    gossipIntervalMs: 300,
    urgentMs: 30,
    syncDelayMs: 1_500,
  },
} as const satisfies Record<string, MembershipTiming>;

/** Parts of the protocol that the bench switches off to run plain SWIM on the same seeds. Never off in production. */
export interface MembershipFeatures {
  /** Lifeguard: probe intervals and time-outs grow with the node's own trouble. */
  readonly localHealth: boolean;
  /** Lifeguard: a suspicion starts long and shortens with independent confirmations. */
  readonly dynamicSuspicion: boolean;
  /** Lifeguard: the suspect is told first. */
  readonly buddy: boolean;
  /** Late ticks void verdicts. */
  readonly stallGuard: boolean;
  /** Closed links and refused connections start probes at once. */
  readonly linkHints: boolean;
  /** Watches its neighbours; else all members in random order, as SWIM does. */
  readonly neighbourhood: boolean;
  /** A node that nobody answers doubts itself first. */
  readonly selfDoubt: boolean;
  /** A verdict of others counts only after the suspect had time to answer. */
  readonly secondThoughts: boolean;
}

export const ALL_FEATURES: MembershipFeatures = {
  localHealth: true,
  dynamicSuspicion: true,
  buddy: true,
  stallGuard: true,
  linkHints: true,
  neighbourhood: true,
  selfDoubt: true,
  secondThoughts: true,
};

export const NO_FEATURES: MembershipFeatures = {
  localHealth: false,
  dynamicSuspicion: false,
  buddy: false,
  stallGuard: false,
  linkHints: false,
  neighbourhood: false,
  selfDoubt: false,
  secondThoughts: false,
};

export interface MembershipOptions {
  /** Part of what is signed, so that a record of one cluster means nothing in another. */
  readonly cluster: string;
  readonly id: NodeId;
  readonly key: Uint8Array;
  readonly boot: Boot;
  readonly url: string;
  readonly weight: number;
  readonly zone: string;
  readonly version: string;
  /** URLs of nodes to join; tried for ever while nobody of the view is known to live there. */
  readonly seeds: readonly string[];
  /** `joining` where data must be copied over before it may own slots, `alive` for a first node. */
  readonly state: 'joining' | 'alive';
  readonly timing: MembershipTiming;
  readonly features?: MembershipFeatures;
}
