/** From the options of a node to those of its core. */
import type { NodeOptions } from '../config/options.js';
import { CHANNELS_DEFAULTS } from '../core/channel/options.js';
import { TIMINGS } from '../core/membership/options.js';
import type { CoreOptions } from '../core/node.js';
import { wireMessageOf } from '../wire/codec-client.js';
import type { ClusterTerms } from '../wire/handshake.js';
import type { Identity } from './identity.js';
import { VERSION } from './version.js';

/** Raised with every change of how tables are computed: nodes that compute different ones must not meet. */
const TABLE_VERSION = 1;

export function coreOptions(options: NodeOptions, identity: Identity, url: string): CoreOptions {
  return {
    membership: {
      cluster: options.cluster,
      id: identity.id,
      key: identity.publicKey,
      boot: identity.boot,
      url,
      weight: options.weight,
      zone: options.zone,
      version: VERSION,
      seeds: options.seeds,
      timing: TIMINGS[options.preset],
    },
    table: { slots: options.slots, copies: options.copies, tolerance: 0 },
    channels: {
      ...CHANNELS_DEFAULTS,
      copies: options.copies,
      acks: options.acks,
      whenShort: options.whenShort,
      history: { messages: options.history, bytes: options.historyBytes, ageMs: options.historyAgeMs },
      historyBytesPerNode: options.historyMemory,
    },
    relay: options.relay,
    sessionsPerSecond: options.moveRate,
    drainTimeoutMs: options.drainTimeoutMs,
    renderHistory: (_channel, result) => result.entries.map(wireMessageOf),
  };
}

export function clusterTerms(options: NodeOptions): ClusterTerms {
  const { cluster, slots, copies, acks } = options;
  return { cluster, slots, copies, acks, table: TABLE_VERSION };
}
