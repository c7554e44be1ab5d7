/**
 * An accusation that a member has not answered yet. It starts long and shortens as independent accusers confirm it
 * (Lifeguard), so that one node with a bad connection cannot remove another quickly, while a real death is settled in
 * the minimum.
 */
import type { NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import type { Version } from './record.js';

const NOBODY: readonly NodeId[] = [];

export interface SuspicionRule {
  readonly minMs: number;
  readonly maxMs: number;
  /** Confirmations that bring it down to `minMs`. */
  readonly confirmations: number;
}

/** Lifeguard's formula; the fall is steep at first: the first confirmation is worth most. */
export function suspicionTimeoutMs(confirmed: number, rule: SuspicionRule): number {
  if (rule.confirmations <= 0) return rule.minMs;
  const share = Math.log(confirmed + 1) / Math.log(rule.confirmations + 1);
  return Math.max(rule.minMs, rule.maxMs - (rule.maxMs - rule.minMs) * share);
}

export class Suspicion {
  /** What is accused: this version of the member, or an older one. */
  readonly version: Version;
  /** First accuser first. Lists that never change, so that claims can carry them. */
  accusers: readonly NodeId[] = NOBODY;
  /** Those among the accusers to whom its address refused a connection. */
  refusers: readonly NodeId[] = NOBODY;
  /** Others have come to a verdict already. */
  condemned = false;
  deadline = Number.POSITIVE_INFINITY;
  refusedHere = false;
  /** The subject was told and probed once more, shortly before the end. */
  called = false;
  /** It was suspected when this node, then joining, met it: what others find counts at once. */
  metSuspected = false;
  /** It was given its time anew because this node, deaf for a while, heard somebody again. */
  heardAgain = false;
  /** Its time is over, but this node is unwell and waits for others. */
  held = false;
  /** The verdict to reach: `forgotten` where others have gone that far. */
  verdict: 'failed' | 'forgotten' = 'failed';
  /** In the agenda of what is to be looked at. */
  place = -1;
  startedAt: number;
  /** When the last new accuser came: what confirms an old suspicion may be as old itself. */
  accusedAt: number;

  constructor(version: Version, now: number) {
    this.version = version;
    this.startedAt = now;
    this.accusedAt = now;
  }

  /** True where the accuser is new and still counts. */
  accuse(accuser: NodeId): boolean {
    if (this.accusers.length >= LIMITS.accusersMax || this.accusers.includes(accuser)) return false;
    this.accusers = [...this.accusers, accuser];
    return true;
  }

  refuse(refuser: NodeId): boolean {
    if (this.refusers.length >= LIMITS.accusersMax || this.refusers.includes(refuser)) return false;
    this.refusers = [...this.refusers, refuser];
    return true;
  }

  /** Sets the deadline from what is known; it only ever comes nearer, but for pardons. */
  settle(rule: SuspicionRule, answerMs: number): void {
    const confirmed = this.condemned ? rule.confirmations : this.accusers.length - 1;
    const due = Math.max(this.startedAt + suspicionTimeoutMs(confirmed, rule), this.accusedAt + answerMs);
    this.deadline = Math.min(this.deadline, due);
  }

  /** The accused gets the time to answer once more. */
  renew(now: number, ms: number): void {
    this.startedAt = now;
    this.called = false;
    this.held = false;
    this.deadline = Math.max(this.deadline, now + ms);
  }

  /** The time this node was away does not count against the suspect. */
  pardon(ms: number): void {
    this.startedAt += ms;
    this.accusedAt += ms;
    this.deadline += ms;
  }
}
