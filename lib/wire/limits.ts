/**
 * Every limit of halod, in one place, each with its unit in its name and its reason. Options that a user can set have
 * their defaults in config/options.ts; what stands here is fixed.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

export const LIMITS = {
  // names
  channelBytesMax: 255,
  userBytesMax: 200,
  messageIdBytesMax: 128,
  clusterNameBytesMax: 64,
  zoneBytesMax: 64,

  // what clients and apps may send
  /** Data of one message as JSON text or bytes. */
  dataBytesMax: 64 * KiB,
  /** One WebSocket frame of a client, one HTTP body. */
  clientFrameBytesMax: 1 * MiB,
  batchMessagesMax: 1_000,
  tokenBytesMax: 4 * KiB,
  queryBytesMax: 8 * KiB,
  channelsPerSession: 128,
  channelsPerStream: 16,
  /** Requests of one connection for history or presence that other nodes have not answered yet. */
  asksPerSession: 32,
  /** Messages that one client with a token, or without an API key, may publish; twice as many at once. */
  clientPublishesPerSecond: 1_000,
  jsonDepthMax: 32,
  msgpackDepthMax: 16,
  msgpackElementsMax: 4_096,

  // positions
  positionBytesMax: 4 * KiB,
  positionLineagesMax: 64,
  /** Lineages kept of a slot: beyond, the oldest third goes with what is left in it, for readers' positions name them all. */
  slotLineagesMax: 48,
  forgottenLineagesMax: 4_096,

  // connections
  connectionsMax: 100_000,
  /**
   * Connections that wait to be accepted while this process is busy. Who finds no room tries again after 1, 3 and 7 s,
   * longer than a client waits; the system may allow fewer (net.core.somaxconn).
   */
  listenBacklog: 4_096,
  /** Bytes queued for one client before it is cut off with `slow`. */
  clientQueueBytesMax: 4 * MiB,
  handshakeMs: 5_000,
  clientPingMs: 25_000,
  clientPongMs: 10_000,

  // links between nodes
  peerFrameBytesMax: 16 * MiB,
  peerQueueBytesMax: 64 * MiB,
  handshakeBytesMax: 4 * KiB,
  halfOpenLinksMax: 64,
  membersMax: 4_096,

  // membership
  urlBytesMax: 256,
  versionBytesMax: 32,
  weightMax: 1_000,
  /** Accusers named in one claim: the first and as many confirmations as shorten a suspicion. */
  accusersMax: 4,
  /** One news message: at most about 9 KiB of records and 7 KiB of claims. */
  newsRecordsMax: 40,
  newsClaimsMax: 80,
  /** One step of a comparison of views: at most about 20 KiB. */
  syncPartsMax: 32,
  syncListsMax: 512,
  syncEntriesMax: 512,
  /** Ids of forgotten members kept so that an old rumour does not bring them back. */
  tombstonesMax: 1_024,

  // delivery
  publishesInFlightMax: 65_536,
  catchUpEntriesMax: 10_000,
  catchUpReadMax: 512,
  /** Kept bytes in one read, and in one message of a stream to a peer: with three bytes a character, far below its frame. */
  catchUpReadBytes: 1 * MiB,
  /** Messages in one answer to a request for history; of large ones fewer, about as many as fit these bytes. */
  historyMessagesMax: 1_000,
  historyAnswerBytes: 4 * MiB,
  /** Messages in one answer to a long-poll. */
  pollMessagesMax: 500,
  /** Publishes kept while a slot is being taken over; more are answered `overloaded`. */
  slotQueueMax: 64,
  /** Nodes served as copies of one slot beyond those the table names: claimants, hedges, joiners. */
  extraCopiesMax: 8,
  /** Pushed to one peer and not confirmed yet. */
  pushWindowBytes: 8 * MiB,
  /** Entries of one lineage in one push. */
  pushPartEntriesMax: 4_096,
  pushPartBytes: 512 * KiB,
  /** Ids of unnumbered messages remembered per channel after the messages are gone. */
  formerIdsMaxPerChannel: 4_096,
  /**
   * Channels of which something is remembered. Nearly always the history memory is the limit: about 2,000 bytes a channel
   * and 400 a publisher in it, which is 115,000 channels of one publisher with 256 MiB, or 670,000 publishers of a few
   * channels. Those that were quiet for nine minutes (for two where messages are unnumbered) make room; where that is
   * not enough, new ones are answered `overloaded`, and those known go on.
   */
  channelLogsMax: 1_000_000,
  /** Slots and lineages in one message about what is held. */
  digestItemsMax: 65_536,

  // what a node keeps on disk
  /** One record of a history file: far more than one turn of the event loop brings, and what reading one takes of memory. */
  diskRecordBytesMax: 256 * MiB,
} as const;
