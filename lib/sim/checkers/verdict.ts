/** What the checkers found: counts of everything, and of each kind of violation the first few with their details. */

export const VIOLATIONS = {
  lost: 'acknowledged, and a reader that stayed neither got it nor was told of a gap over it',
  repeated: 'a reader got one message twice',
  'out-of-order': "a reader got a publisher's messages in another order than it published them",
  skipped: 'a reader got a later message of a publisher, and no gap over the missing one came first',
  invented: 'a reader got a message that nobody published to that channel',
  altered: 'a reader got other data than was published',
  'refused-delivered': 'the publish was refused for good, and a reader got the message',
  disagreed: 'a reader got the message, and another one that stayed neither got it nor was told of a gap',
  'unjustified-gap': 'a gap over messages that retention had not removed',
  'position-back': "a reader's position in a lineage did not grow with a message",
  'name-clash': 'one place of one lineage held two messages',
  'short-copies': 'acknowledged with fewer copies than are due, or with more than were there',
  unanswered: 'a publish ended neither stored nor refused nor unknown',
} as const;

export type ViolationKind = keyof typeof VIOLATIONS;

export interface Violation {
  readonly kind: ViolationKind;
  readonly detail: string;
}

/** Of each kind, so many are kept with their details. */
const KEPT_OF_A_KIND = 20;

export interface Counts {
  published: number;
  acknowledged: number;
  unknown: number;
  refused: number;
  /** Callbacks. */
  delivered: number;
  readers: number;
  gaps: number;
  /** Gaps over nothing that the reader missed: allowed, and counted. */
  spuriousGaps: number;
  /** One message under two names, to a transport without the library's memory: allowed, and counted. */
  bareRepeats: number;
  /** One that such a transport was told of by a gap, and got after all under another name: allowed, and counted. */
  bareLate: number;
  /** Messages that a gap told of. */
  gapped: number;
  copiesMin: number;
}

export class Verdict {
  readonly counts: Counts = {
    published: 0,
    acknowledged: 0,
    unknown: 0,
    refused: 0,
    delivered: 0,
    readers: 0,
    gaps: 0,
    spuriousGaps: 0,
    bareRepeats: 0,
    bareLate: 0,
    gapped: 0,
    copiesMin: Number.POSITIVE_INFINITY,
  };
  readonly violations: Violation[] = [];
  readonly byKind = new Map<ViolationKind, number>();

  get passed(): boolean {
    return this.byKind.size === 0;
  }

  count(kind: ViolationKind): number {
    return this.byKind.get(kind) ?? 0;
  }

  report(kind: ViolationKind, detail: string): void {
    const count = this.count(kind) + 1;
    this.byKind.set(kind, count);
    if (count <= KEPT_OF_A_KIND) this.violations.push({ kind, detail });
  }
}
