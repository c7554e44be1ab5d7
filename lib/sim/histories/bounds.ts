/**
 * How long a slot may be without an owner, as one node sees it, derived from the membership's timing alone.
 *
 * Terms, for a cluster of N of which `side` nodes can be heard, and a node with local health h, f = h + 1:
 *   hop      news told at once reaches peers: urgentMs + 25 ms between two flushes + one way
 *   repair   what gossip missed, comparing views brings: up to two waits of syncDelayMs and a probe's digest between
 *   turn     until its turn to probe a given member comes for sure, two rounds at worst: (2(N − 1) + 1) probes · f
 *   accuse   a probe fails, and once more for each accusation answered in the last minute: (1 + patience) probes · f
 *   wait     the suspicion: the minimum with k confirmations, Lifeguard's curve with fewer; c others can confirm
 *
 *   killed     its address refuses: own dial + hop for a second node's word + repair; the table follows at once.
 *              Where it answered nothing shortly before, a dial from then may have to run out first
 *   silent     turn + accuse + hop + accuse (of who confirms) + wait + hop
 *   cut off    the same from a side of three or more, where two can second a verdict of a node whose probes fail; the
 *              suspicions begin anew once when somebody is heard again. A side of one or two doubts itself first:
 *              turn + 2 accuse + suspicionMinMs + deafMaxFactor · suspicionMinMs
 *   handed     nobody is gone, tables differ: hop + repair + tableMaxMs
 *   returned   gone and back as a newcomer: as it went, + handed
 *   troubled   other trouble on top: everybody agrees by the convergence deadline after the last of it, later by the
 *              self-doubt of a small side where wires are still cut
 */
import type { MembershipTiming } from '../../core/membership/options.js';
import { suspicionTimeoutMs } from '../../core/membership/suspicion.js';
import { convergenceDeadlineMs } from '../membership/run.js';

export type Cause = 'killed' | 'silent' | 'paused' | 'cut off' | 'left' | 'handed';

export interface Circumstances {
  readonly cause: Cause;
  readonly returned: boolean;
  /** Nodes that could have been live when it began. */
  readonly nodes: number;
  /** Nodes that this one can hear, itself included. */
  readonly side: number;
  /** The worst local health of the observer meanwhile. */
  readonly health: number;
  /** Accusations that the owner answered in the last minute. */
  readonly patience: number;
  /** Shortly before, its address answered nothing: a dial from then may still be under way, in the way of a new one. */
  readonly afterSilence: boolean;
}

/** A dial that nobody answers is given up after this. */
export const DIAL_MS = 1_000;
const ONE_WAY_MS = 1;
const FLUSH_GAP_MS = 25;
const PATIENCE_MAX = 5;
/** A side smaller than this cannot second a verdict. */
const SECONDED_SIDE = 3;

export function ownerlessBoundMs(timing: MembershipTiming, circumstances: Circumstances): number {
  const { returned } = circumstances;
  return causeBoundMs(timing, circumstances) + (returned ? handedMs(timing) : 0);
}

function causeBoundMs(timing: MembershipTiming, circumstances: Circumstances): number {
  const { cause, nodes, side } = circumstances;
  switch (cause) {
    case 'killed':
      return 5 * ONE_WAY_MS + hopMs(timing) + repairMs(timing) + (circumstances.afterSilence ? DIAL_MS : 0);
    case 'left':
    case 'handed':
      return handedMs(timing);
    case 'silent':
    case 'paused':
      return suspectedMs(timing, circumstances, nodes - 1);
    case 'cut off':
      if (side >= SECONDED_SIDE) return suspectedMs(timing, circumstances, side) + timing.suspicionMinMs;
      return (
        turnMs(timing, circumstances) +
        2 * accuseMs(timing, circumstances) +
        timing.suspicionMinMs * (1 + timing.deafMaxFactor)
      );
  }
}

/** From the last trouble on. */
export function troubledBoundMs(timing: MembershipTiming, hosts: number): number {
  return convergenceDeadlineMs(timing, hosts) + timing.suspicionMinMs * timing.deafMaxFactor + timing.tableMaxMs;
}

function suspectedMs(timing: MembershipTiming, circumstances: Circumstances, side: number): number {
  const k = Math.max(0, Math.min(timing.confirmations, circumstances.nodes - 2));
  const rule = {
    minMs: timing.suspicionMinMs,
    maxMs: timing.suspicionMinMs * timing.suspicionMaxFactor,
    confirmations: k,
  };
  const confirmed = Math.max(0, Math.min(k, side - 1));
  return (
    turnMs(timing, circumstances) +
    2 * accuseMs(timing, circumstances) +
    2 * hopMs(timing) +
    Math.max(suspicionTimeoutMs(confirmed, rule), timing.answerMs)
  );
}

function turnMs({ probeIntervalMs }: MembershipTiming, { nodes, health }: Circumstances): number {
  return (2 * (nodes - 1) + 1) * probeIntervalMs * (health + 1);
}

function accuseMs({ probeIntervalMs }: MembershipTiming, { patience, health }: Circumstances): number {
  return (1 + Math.min(PATIENCE_MAX, patience)) * probeIntervalMs * (health + 1);
}

function hopMs({ urgentMs }: MembershipTiming): number {
  return urgentMs + FLUSH_GAP_MS + ONE_WAY_MS;
}

function repairMs({ syncDelayMs, probeIntervalMs }: MembershipTiming): number {
  return 2 * syncDelayMs + probeIntervalMs + 4 * ONE_WAY_MS;
}

function handedMs(timing: MembershipTiming): number {
  return hopMs(timing) + repairMs(timing) + timing.tableMaxMs;
}
