/** Plain counters of one node: cheap enough for the hot path, read by /metrics. */
export class Stats {
  /** Messages accepted from apps and clients, by way in. */
  publishesHttp = 0;
  publishesWs = 0;
  publishesRefused = 0;
  /** Messages handed to connections. */
  deliveries = 0;
  bytesOut = 0;
  /** Connections now. */
  webSockets = 0;
  streams = 0;
  polls = 0;
  /** Since the start. */
  accepted = 0;
  redirected = 0;
  /** Cut off because they read too slowly, did not answer a ping, or sent what cannot be read. */
  slow = 0;
  silent = 0;
  badFrames = 0;
  refusedOrigins = 0;
  refusedTokens = 0;
  refusedKeys = 0;
  httpRequests = 0;
  httpErrors = 0;
  framesIn = 0;
  framesOut = 0;
  frameBytesIn = 0;
  frameBytesOut = 0;
  /** History on disk: what the files take now, what was written since the start, how long the disk last took to confirm. */
  diskBytes = 0;
  diskWritten = 0;
  diskSyncMs = 0;

  get connections(): number {
    return this.webSockets + this.streams + this.polls;
  }
}
