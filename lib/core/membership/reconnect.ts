/**
 * Finds again whom the cluster lost: failed and forgotten members, and seeds where nobody of the view lives. All nodes
 * together make a constant number of attempts a second, so the cost does not grow with the cluster, and two halves of
 * one that was cut in two meet again within seconds, whoever the seeds were. A node that is alone tries on its own account.
 */
import type { NodeId } from '../../wire/ids.js';
import type { Random } from '../random.js';
import type { MembershipTiming } from './options.js';
import type { View } from './view.js';

/** A lone node tries its seeds this soon again, and less and less often up to the second figure. */
const ALONE_FIRST_MS = 200;
const ALONE_LAST_MS = 5_000;
/** No node makes more attempts than this by itself. */
const GAP_MIN_MS = 500;
/** One attempt in so many goes to a forgotten member while there are failed ones. */
const FORGOTTEN_SHARE = 10;

export interface ReconnectPorts {
  /** Opens a link to a member by its record's URL. */
  approach(id: NodeId, url: string): void;
  dial(url: string): void;
  random: Random;
}

export class Reconnect {
  readonly #timing: MembershipTiming;
  readonly #view: View;
  readonly #selfUrl: string;
  readonly #seeds: string[];
  readonly #ports: ReconnectPorts;
  /** Who answered at a seed's URL last. */
  readonly #seedPeers = new Map<string, NodeId>();
  #aloneDelayMs = ALONE_FIRST_MS;
  dueAt = Number.POSITIVE_INFINITY;

  constructor(timing: MembershipTiming, view: View, selfUrl: string, seeds: readonly string[], ports: ReconnectPorts) {
    this.#timing = timing;
    this.#view = view;
    this.#selfUrl = selfUrl;
    this.#seeds = seeds.filter((url) => url !== selfUrl);
    this.#ports = ports;
  }

  start(now: number): void {
    for (const url of this.#seeds) this.#ports.dial(url);
    this.dueAt = now + ALONE_FIRST_MS * (1 + this.#ports.random.next());
  }

  onSeedAnswered(url: string, peer: NodeId): void {
    if (this.#seeds.includes(url)) this.#seedPeers.set(url, peer);
  }

  /** The URL leads to this node itself: it is not asked again. */
  onSeedIsSelf(url: string): void {
    const at = this.#seeds.indexOf(url);
    if (at >= 0) this.#seeds.splice(at, 1);
  }

  tick(now: number): void {
    const { random } = this.#ports;
    if (this.#view.liveCount <= 1) {
      for (const url of this.#seeds) this.#ports.dial(url);
      this.#tryLost(now);
      this.dueAt = now + this.#aloneDelayMs * (0.5 + random.next());
      this.#aloneDelayMs = Math.min(ALONE_LAST_MS, this.#aloneDelayMs * 2);
      return;
    }
    this.#aloneDelayMs = ALONE_FIRST_MS;
    const absent = this.#absentSeeds();
    if (absent.length > 0 && random.below(2) === 0) this.#ports.dial(absent[random.below(absent.length)] as string);
    else this.#tryLost(now);
    const meanMs = (1_000 * this.#view.liveCount) / this.#timing.reconnectPerSecond;
    this.dueAt = now + Math.max(GAP_MIN_MS, -Math.log(1 - random.next()) * meanMs);
  }

  #absentSeeds(): string[] {
    if (this.#seeds.length === 0) return this.#seeds;
    const present = new Set<string>([this.#selfUrl]);
    for (const entry of this.#view.entries) if (entry.live) present.add(entry.record.url);
    return this.#seeds.filter((url) => {
      const peer = this.#seedPeers.get(url);
      return !present.has(url) && !(peer !== undefined && this.#view.get(peer)?.live);
    });
  }

  #tryLost(now: number): void {
    const { random } = this.#ports;
    const failed = this.#view.entries.filter((entry) => entry.state === 'failed');
    if (failed.length > 0 && random.below(FORGOTTEN_SHARE) > 0) {
      const entry = failed[random.below(failed.length)];
      if (entry) this.#ports.approach(entry.id, entry.record.url);
      return;
    }
    if (this.#view.tombstones.size === 0) return;
    const lost = [...this.#view.tombstones.values()].filter(
      (t) => t.record.state !== 'left' && now - t.at < this.#timing.tombstoneMs,
    );
    const tombstone = lost[random.below(Math.max(1, lost.length))];
    if (tombstone) this.#ports.approach(tombstone.record.id, tombstone.record.url);
  }
}
