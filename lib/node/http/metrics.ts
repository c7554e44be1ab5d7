/** `GET /metrics`: counters of the node as Prometheus text. The library is loaded with the first request for them. */
import type { Counter, Gauge, Registry } from 'prom-client';
import type { Driver } from '../driver.js';
import type { Stats } from '../stats.js';

type Numbers = { [K in keyof Stats]: Stats[K] extends number ? K : never }[keyof Stats];

const COUNTERS: readonly (readonly [name: string, help: string, from: Numbers, labels?: Record<string, string>])[] = [
  ['halod_published_total', 'Messages received from apps and clients to publish', 'publishesHttp', { by: 'http' }],
  ['halod_published_total', 'Messages received from apps and clients to publish', 'publishesWs', { by: 'websocket' }],
  ['halod_publishes_refused_total', 'Publishes over HTTP answered with an error', 'publishesRefused'],
  ['halod_delivered_total', 'Messages written to connections', 'deliveries'],
  ['halod_client_bytes_out_total', 'Bytes written to connections that stay open', 'bytesOut'],
  ['halod_connections_accepted_total', 'Connections that stay open, since the start', 'accepted'],
  ['halod_redirects_total', 'Clients sent to another node', 'redirected'],
  ['halod_cut_off_total', 'Connections cut off', 'slow', { why: 'slow' }],
  ['halod_cut_off_total', 'Connections cut off', 'silent', { why: 'silent' }],
  ['halod_bad_frames_total', 'Frames of clients that could not be read', 'badFrames'],
  ['halod_refused_total', 'Requests refused', 'refusedOrigins', { why: 'origin' }],
  ['halod_refused_total', 'Requests refused', 'refusedTokens', { why: 'token' }],
  ['halod_refused_total', 'Requests refused', 'refusedKeys', { why: 'key' }],
  ['halod_http_requests_total', 'HTTP requests', 'httpRequests'],
  ['halod_peer_frames_total', 'Frames exchanged with other nodes', 'framesIn', { direction: 'in' }],
  ['halod_peer_frames_total', 'Frames exchanged with other nodes', 'framesOut', { direction: 'out' }],
  ['halod_peer_bytes_total', 'Bytes of frames exchanged with other nodes', 'frameBytesIn', { direction: 'in' }],
  ['halod_peer_bytes_total', 'Bytes of frames exchanged with other nodes', 'frameBytesOut', { direction: 'out' }],
  ['halod_disk_written_bytes_total', 'Bytes of history written to disk', 'diskWritten'],
];

/** Of what the core knows: counters where the name ends in `_total`, else gauges. */
const FROM_CHANNELS: readonly (readonly [name: string, help: string, from: string])[] = [
  [
    'halod_under_replicated',
    'Messages of slots served here that fewer nodes than acks are known to hold',
    'underReplicated',
  ],
  ['halod_publishes_in_flight', 'Publishes that this node has taken as owner and not answered yet', 'inFlight'],
  ['halod_history_bytes', 'What all messages held here take, copies for other nodes included', 'bytes'],
  ['halod_history_channels', 'Channels of which something is held here', 'channels'],
  ['halod_publishers', 'Publisher sessions remembered here', 'publishers'],
  ['halod_committed_total', 'Messages that enough nodes hold, of slots served here', 'committed'],
  ['halod_evicted_total', 'Messages that retention removed', 'evicted'],
  ['halod_gaps_total', 'Places where readers of slots served here miss messages', 'gaps'],
  ['halod_hedges_total', 'Messages sent to one more node, since their copies did not confirm in time', 'hedges'],
  ['halod_two_owners_total', 'Batches from a node that took itself for the owner of a slot owned here', 'twoOwners'],
];

/** Every name of halod's own, in the order in which they are told. */
export const METRIC_NAMES: readonly string[] = [
  ...new Set([...COUNTERS, ...FROM_CHANNELS].map(([name]) => name)),
  'halod_disk_bytes',
  'halod_disk_sync_seconds',
  'halod_connections',
  'halod_slots',
  'halod_members',
  'halod_ready',
];

export class Metrics {
  readonly #driver: Driver;
  #registry: Promise<Registry> | null = null;
  #collect: () => void = () => {};

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** The text and its content type. */
  async render(): Promise<{ readonly text: string; readonly type: string }> {
    this.#registry ??= this.#create();
    const registry = await this.#registry;
    this.#collect();
    return { text: await registry.metrics(), type: registry.contentType };
  }

  async #create(): Promise<Registry> {
    const { Counter, Gauge, Registry, collectDefaultMetrics } = await import('prom-client');
    const registry = new Registry();
    const registers = [registry];
    collectDefaultMetrics({ register: registry });
    const counters = new Map<string, Counter>();
    for (const [name, help, , labels] of COUNTERS) {
      if (!counters.has(name)) {
        counters.set(name, new Counter({ name, help, registers, labelNames: Object.keys(labels ?? {}) }));
      }
    }
    for (const [name, help] of FROM_CHANNELS.filter(([name]) => name.endsWith('_total'))) {
      counters.set(name, new Counter({ name, help, registers }));
    }
    const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
      new Gauge({ name, help, registers, labelNames });
    const gauges = new Map(
      FROM_CHANNELS.filter(([name]) => !counters.has(name)).map(([name, help]) => [name, gauge(name, help)]),
    );
    const diskBytes = gauge('halod_disk_bytes', 'What the files of history take on disk');
    const diskSync = gauge('halod_disk_sync_seconds', 'How long the disk took to confirm what was written last');
    const connections = gauge('halod_connections', 'Connections of clients, by transport', ['transport']);
    const slots = gauge('halod_slots', 'Slots that this node owns');
    const members = gauge('halod_members', 'Nodes of the cluster as this node sees them, by state', ['state']);
    const ready = gauge('halod_ready', '1 while this node serves');
    this.#collect = () => {
      const { core, stats } = this.#driver;
      for (const counter of counters.values()) counter.reset();
      for (const [name, , from, labels] of COUNTERS) counters.get(name)!.inc(labels ?? {}, stats[from]);
      const held = core.channels.stats();
      for (const [name, , from] of FROM_CHANNELS) {
        counters.get(name)?.inc(held[from]);
        gauges.get(name)?.set(held[from] ?? 0);
      }
      diskBytes.set(stats.diskBytes);
      diskSync.set(stats.diskSyncMs / 1_000);
      connections.set({ transport: 'websocket' }, stats.webSockets);
      connections.set({ transport: 'stream' }, stats.streams);
      connections.set({ transport: 'poll' }, stats.polls);
      const cluster = core.cluster();
      slots.set(cluster.nodes.find((node) => node.id === core.id)?.slots ?? 0);
      members.reset();
      for (const node of cluster.nodes) members.inc({ state: node.state });
      ready.set(core.state === 'serving' ? 1 : 0);
    };
    return registry;
  }
}
