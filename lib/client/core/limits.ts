/** The bounds and times of the client library, each with its unit in its name and its reason. SPEC.md quotes them. */

export const CLIENT_LIMITS = {
  // connecting
  /** Redirects followed in a row before a node is asked to serve the client itself. */
  redirectsMax: 5,
  /** Full jitter: a try waits random × min(cap, base × 2^tries). */
  backoffBaseMs: 200,
  backoffCapMs: 10_000,
  /** A connection that lived this long ends a row of failures. */
  settledMs: 5_000,
  /** From `open` to an open socket. Shorter than a user's patience, longer than a slow handshake. */
  openMs: 5_000,
  /** From an open socket to `connected`: nodes let a stampede wait at the door without an error. */
  greetMs: 30_000,
  /** A node that refused or broke a connection is passed over for this long, whatever the others say about it. */
  badNodeMs: 10_000,
  /** Where a node was asked to relay because the owner was out of reach, the owner is tried again after this long, up to twice. */
  rehomeMs: 10_000,
  /** With publishes unanswered, a connection that has been silent this long is asked for a sign of life … */
  suspectMs: 2_000,
  /** … and given up this long after that. */
  suspectGraceMs: 3_000,
  /** Tries with a fresh token before giving up. */
  tokenTriesMax: 3,

  // reading
  /** Publishers remembered per channel, the least recently heard of forgotten first. */
  marksPerChannel: 2_048,
  /** Message ids remembered per channel, where they are the publisher's own. */
  idsPerChannel: 1_024,
  /** Tries to get a message that the publisher's chain says is missing, before its loss is told. */
  holeTriesMax: 2,
  /** Wait before a subscription that was refused for now is tried again. */
  resubscribeMs: 500,

  // publishing
  windowPerChannel: 32,
  windowPerClient: 1_024,
  /** Publishes that wait for a place in the window; beyond it they are refused with `overloaded`. */
  queueMax: 16_384,
  publishDeadlineMs: 30_000,
  /** A node answers within 10 s; without an answer the publish is sent again. */
  answerMs: 12_000,
  /** Few enough that one slow channel holds up few others: a frame is answered as a whole. */
  frameMessagesMax: 128,
  frameBytesMax: 512 * 1_024,
  /** The node lacks an earlier message of the chain: it is about to arrive. */
  orderRetryMs: 25,
  retryBaseMs: 50,
  retryCapMs: 1_000,
  /** Channels whose chain is kept while nothing is under way. */
  idleChainsMax: 1_024,
  /** Deadlines are looked at this often. */
  sweepMs: 250,

  // calls (history, presence)
  callsMax: 256,
  callMs: 10_000,

  // handing over to the application
  /** Messages that wait in an iterator that is not being read; then the oldest go and a gap says so. */
  iteratorMessagesMax: 1_024,
} as const;
