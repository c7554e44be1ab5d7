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
  /** A client's bounds, and those of an app server's publisher. */
  client: { windowMax: 1_024, queueMax: 16_384, chainsMax: 1_024 },
  publisher: { windowMax: 16_384, queueMax: 65_536, chainsMax: 16_384 },
  publishDeadlineMs: 30_000,
  /** A node answers within 10 s; without an answer the publish is sent again. */
  answerMs: 12_000,
  /** Few enough that one slow channel holds up few others: a frame is answered as a whole. */
  frameMessagesMax: 128,
  /** Characters; three bytes each at worst, and a node takes 1 MiB. */
  frameCharsMax: 300_000,
  /** The node lacks an earlier message of the chain: it is about to arrive. */
  orderRetryMs: 25,
  retryBaseMs: 50,
  retryCapMs: 1_000,
  /** Deadlines are looked at this often. */
  sweepMs: 250,

  // calls (history, presence)
  callsMax: 256,
  callMs: 10_000,

  // handing over to the application
  /** Messages waiting for an iterator: then the subscription is paused, and goes on from its position … */
  backlogMax: 1_024,
  /** … once the iterator has come down to this many. */
  backlogLow: 256,

  // the publisher
  /** The table is fetched again this often, and at once where something does not fit. */
  tableMs: 10_000,
  tableRetryMs: 300,
  /** A publish waits this long for the connection to its owner; then any node will do. */
  ownerWaitMs: 250,
} as const;
