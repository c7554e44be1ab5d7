/**
 * The bugs that the simulator can plant in the channel side, to prove that its checkers see them. Nothing but the
 * simulator ever passes one.
 */
export const MUTATIONS = [
  /** Acknowledges when the entry is appended. */
  'ackBeforeReplicate',
  /** The entry node answers at once, and gets the entry with what trails. */
  'answerUnheld',
  /** Counts confirmations of a process that is gone. */
  'countStaleBoot',
  /** Drops a slot's data when the table no longer names this node for it. */
  'dropWhenNotHolder',
  /** Names lineages after the node, so that a restart uses the name again. */
  'reuseLineage',
  /** Ignores that a message was published before. */
  'noOwnerDedupe',
  /** An alias does not move the position. */
  'noAliasAdvance',
  /** Delivers entries that are appended, committed or not. */
  'deliverBeforeCommit',
  /** Stores and confirms entries beyond a hole. */
  'confirmAcrossHole',
  /** Entries merged from other lineages are not pushed to live readers. */
  'noPushLateMerge',
  /** Accepts a publisher's n without n-1. */
  'noChainCheck',
  /** Acknowledges a repeated publish at once. */
  'ackRepeatEarly',
  /** Holders that do not own the slot keep what they have to themselves. */
  'noForward',
  /** Requires only as many copies as there are live nodes, whatever is set. */
  'silentShrink',
  /** The owner copies only its own lineage. */
  'copyOwnOnly',
  /** What is held of publishers is not looked at when a slot is taken over. */
  'noRebuild',
  /** A fence acknowledges what waits. */
  'ackOnFence',
  /** Reads start at the head. */
  'readFromHead',
  /** The order ignores publishers' chains. */
  'noOrderGate',
  /** Gates that wait for each other stay closed. */
  'noForcedGate',
  /** Retention removes without a gap. */
  'trimWithoutGap',
  /** A gap is told after the message that follows the hole. */
  'gapAfterMessage',
  /** Floors travel without the cuts they rest on. */
  'floorsWithoutCuts',
  /** Entries expire by their author's wall clock. */
  'expireByWallClock',
  /** Leaving is allowed on what was confirmed once, by whomever. */
  'leaveOnStaleConfirmations',
  /** Confirms, delivers and answers before the journal has it. */
  'journalLate',
  /** The journal lacks what retention removed. */
  'journalWithoutCuts',
  /** Starts without asking others for what they hold: harmless, by design. */
  'skipAcquire',
] as const;

export type Mutation = (typeof MUTATIONS)[number];
