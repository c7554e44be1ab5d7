/**
 * Gives up members that failed or left long ago, and with them their place in the slot order. An event, not a timer of each
 * node: the first live member announces it, so that all do it at the same news; a tombstone stays, so that no old rumour
 * brings the member back.
 */
import type { Gossip } from './gossip.js';
import type { MembershipTiming } from './options.js';
import { compareVersions, type Version } from './record.js';
import type { Entry, View } from './view.js';

const LOOK_MS = 1_000;
/** The member next in line does the forgetting when the first one has not for so long. */
const TURN_MS = 30_000;

export class Forgetting {
  readonly #timing: MembershipTiming;
  readonly #view: View;
  readonly #self: Entry;
  readonly #gossip: Gossip;
  dueAt = Number.POSITIVE_INFINITY;
  /** Nobody can be forgotten before this time, while the view's states are those of this version. */
  #nobodyBefore = Number.NEGATIVE_INFINITY;
  #stateVersion = -1;

  constructor(timing: MembershipTiming, view: View, self: Entry, gossip: Gossip) {
    this.#timing = timing;
    this.#view = view;
    this.#self = self;
    this.#gossip = gossip;
  }

  start(now: number): void {
    this.dueAt = now + LOOK_MS;
  }

  tick(now: number): void {
    this.dueAt = now + LOOK_MS;
    for (const [id, tombstone] of this.#view.tombstones) {
      if (now - tombstone.at < this.#timing.tombstoneMs) break;
      this.#view.tombstones.delete(id);
    }
    if (!this.#self.live || this.#view.liveCount === this.#view.size) return;
    if (now < this.#nobodyBefore && this.#stateVersion === this.#view.stateVersion) return;
    this.#nobodyBefore = Number.POSITIVE_INFINITY;
    this.#stateVersion = this.#view.stateVersion;
    let turn: number | undefined;
    for (const entry of [...this.#view.entries]) {
      if (entry.state !== 'failed' && entry.state !== 'left') continue;
      const afterMs = entry.state === 'left' ? this.#timing.forgetLeftAfterMs : this.#timing.forgetAfterMs;
      // A second too early rather than, by a float's last digit, too late.
      this.#nobodyBefore = Math.min(this.#nobodyBefore, entry.since + afterMs - LOOK_MS);
      if (now - entry.since < afterMs) continue;
      turn ??= this.#view.entries.filter((e) => e.live).indexOf(this.#self);
      if (now - entry.since < afterMs + turn * TURN_MS) continue;
      this.forget(entry, entry.failed ?? entry.record, now);
    }
  }

  /** Whether the view has come far enough to take over that this version is forgotten. */
  mayForget(entry: Entry, version: Version): boolean {
    return (
      (entry.state === 'failed' || entry.state === 'left') &&
      compareVersions(version, entry.record) >= 0 &&
      (entry.failed === undefined || entry.state === 'left' || compareVersions(version, entry.failed) >= 0)
    );
  }

  forget(entry: Entry, version: Version, now: number): void {
    this.#view.forget(entry, version, now);
    this.#gossip.tellClaim(entry.id, now);
  }
}
