/**
 * What the channel side of a node is told by its configuration, with the defaults of the options. Every time is
 * in ms of the node's own monotonic clock; no rule compares clocks of two machines.
 */

export interface Retention {
  readonly messages: number;
  readonly bytes: number;
  readonly ageMs: number;
}

export interface ChannelsOptions {
  /** Nodes that hold a slot, its owner included. */
  readonly copies: number;
  /** Nodes that must hold an entry, the owner included, before it is acknowledged and delivered. */
  readonly acks: number;
  /** With fewer live nodes than `acks`: accept and say so, or refuse. auto: accept with one or two provisioned members. */
  readonly whenShort: 'accept' | 'refuse' | 'auto';
  readonly history: Retention;
  /** All channels on this node with their history; the oldest goes first. */
  readonly historyBytesPerNode: number;
  /**
   * The journal is written anew when it is so many times as long as it was when it was last whole, and longer than this.
   * More: longer files. Less: what is held is written again more often.
   */
  readonly journalGrowth: number;
  readonly journalBytesMin: number;
  /** A new owner waits this long before it asks for what others hold: damps flapping. */
  readonly settleMs: number;
  /** And starts after this long even where some did not answer: asking saves retries, it is not what makes it safe. */
  readonly acquireMs: number;
  /**
   * An entry goes at once to as many copies as its commit waits for, to the others within this time, many together: at
   * 1,000 messages a second a copy that gets each of them by itself is woken, and wakes the owner, for each. More: fewer
   * wakes. Less: sooner a copy beyond `acks`, and sooner a commit where the first copy does not answer. 0: all at once.
   */
  readonly trailMs: number;
  /** An entry not committed after this long goes to the next node in line as well. */
  readonly hedgeMs: number;
  /** A publisher waits at most this long for its answer. */
  readonly ackTimeoutMs: number;
  /** Holders compare digests this often, ± half. */
  readonly syncMs: number;
  /** A node that acted as owner towards us, or asked for a copy, is served as one for this long. */
  readonly claimMs: number;
  /** A publisher session is remembered this long after its last message. */
  readonly publisherTtlMs: number;
  /** An id of an unnumbered message is remembered this long, or while the message is in history. */
  readonly idTtlMs: number;
  /** A publisher's gate that stays closed this long opens where a known floor covers what is missing. */
  readonly gateMs: number;
  /** A reader's unknown lineage is looked for this long before a gap is declared. */
  readonly unknownMs: number;
  /** What is left of a channel after its last message (cuts, floors) is kept this long. */
  readonly metaTtlMs: number;
}

export const CHANNELS_DEFAULTS: ChannelsOptions = {
  copies: 3,
  acks: 2,
  whenShort: 'auto',
  history: { messages: 1_000, bytes: 1024 * 1024, ageMs: 3_600_000 },
  historyBytesPerNode: 256 * 1024 * 1024,
  journalGrowth: 3,
  journalBytesMin: 64 * 1024 * 1024,
  settleMs: 50,
  acquireMs: 800,
  trailMs: 20,
  hedgeMs: 150,
  ackTimeoutMs: 5_000,
  syncMs: 10_000,
  claimMs: 10_000,
  publisherTtlMs: 15 * 60_000,
  idTtlMs: 2 * 60_000,
  gateMs: 1_500,
  unknownMs: 10_000,
  metaTtlMs: 24 * 3_600_000,
};
