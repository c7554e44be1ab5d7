/**
 * Whom this node watches: the next live member on each of K rings, each ring an order of all members by another hash.
 * Every member has K watchers and the graph of all K rings is an expander, so news spreads over it as fast as over
 * random pairs, with no link to open. A pure function of who is live: a new neighbour is in place as soon as an old one
 * fails. Small clusters watch everybody.
 */
import { mix } from './hash.js';
import type { Entry, View } from './view.js';

export class Neighbours {
  readonly #view: View;
  readonly #self: Entry;
  readonly #rings: number;
  #version = -1;
  #grown = -1;
  #watched: Entry[] = [];

  constructor(view: View, self: Entry, rings: number) {
    this.#view = view;
    this.#self = self;
    this.#rings = rings;
  }

  get watched(): readonly Entry[] {
    if (this.#version !== this.#view.liveVersion) {
      this.#version = this.#view.liveVersion;
      if (this.#outdated) this.#watched = this.#choose();
      this.#grown = this.#view.grownVersion;
    }
    return this.#watched;
  }

  /** The death of somebody else changes nothing, unless so few are left that everybody is watched. */
  get #outdated(): boolean {
    if (this.#grown !== this.#view.grownVersion || this.#view.liveCount <= 2 * this.#rings + 1) return true;
    return this.#watched.some((entry) => !entry.live);
  }

  watches(entry: Entry): boolean {
    return this.watched.includes(entry);
  }

  #choose(): Entry[] {
    const others = this.#view.entries.filter((entry) => entry.live && entry !== this.#self);
    if (others.length <= 2 * this.#rings) return others;
    const chosen = new Set<Entry>();
    for (let ring = 0; ring < this.#rings; ring++) {
      const salt = Math.imul(ring + 1, 0x9e3779b9);
      const own = mix(this.#self.place ^ salt);
      let next: Entry | undefined;
      let least = 0x1_0000_0000;
      for (const entry of others) {
        const distance = (mix(entry.place ^ salt) - own) >>> 0;
        if (distance < least || (distance === least && next && entry.id < next.id)) {
          least = distance;
          next = entry;
        }
      }
      if (next) chosen.add(next);
    }
    return [...chosen];
  }
}
