/**
 * When suspects have to be looked at again. Looking at one changes nothing before it is due, as long as the same number of
 * confirmations is asked for; so of hundreds only those are looked at that are due. The times lie side by side: to go over
 * them costs far less than to visit each suspect, wherever in memory it is.
 */
import type { Suspicion } from './suspicion.js';
import type { Entry } from './view.js';

/** So many places of suspicions that have ended are kept at least before the others move up. */
const GONE_MIN = 32;

export class Agenda {
  /** One place a suspicion, oldest first; those that have ended keep theirs for a while. */
  #entries: Entry[] = [];
  #suspicions: Suspicion[] = [];
  #dueAt: number[] = [];
  /** Whose turn is next, and when. */
  #first = -1;
  #firstAt = Number.POSITIVE_INFINITY;
  #confirmations = 0;
  #stands = false;
  /** Some are held, perhaps: what they wait for is a change of this node, which may come at any time. */
  someHeld = false;

  note(entry: Entry, suspicion: Suspicion, dueAt: number, confirmations: number): void {
    if (suspicion.held || confirmations !== this.#confirmations) this.#stands = false;
    if (suspicion.place < 0) {
      suspicion.place = this.#dueAt.length;
      this.#entries.push(entry);
      this.#suspicions.push(suspicion);
    }
    this.#dueAt[suspicion.place] = dueAt;
    this.#mayBeFirst(suspicion.place, dueAt);
  }

  /** Everyone was last looked at, or noted, under this number of confirmations, and nobody is held. */
  stands(confirmations: number): boolean {
    return this.#stands && this.#confirmations === confirmations;
  }

  /** A deadline was put off, or set by another rule. */
  void(): void {
    this.#stands = false;
  }

  /** Calls `look` for all that are due, oldest first, which returns when to look again; returns when the next one is due. */
  visit(now: number, confirmations: () => number, look: (entry: Entry, suspicion: Suspicion) => number): number {
    let all = !this.stands(confirmations());
    if (!all && now < this.#firstAt && this.#firstIsThere) return this.#firstAt;
    if (all) this.someHeld = false;
    this.#stands = true;
    this.#confirmations = confirmations();
    this.#first = -1;
    this.#firstAt = Number.POSITIVE_INFINITY;
    let gone = 0;
    for (let i = 0; i < this.#dueAt.length; i++) {
      let at = this.#dueAt[i] as number;
      if (at === Number.POSITIVE_INFINITY) gone += 1;
      else if (all || at <= now || at < this.#firstAt) {
        const suspicion = this.#suspicions[i] as Suspicion;
        const entry = this.#entries[i] as Entry;
        if (entry.suspicion !== suspicion) at = Number.POSITIVE_INFINITY;
        else if (all || at <= now) {
          at = look(entry, suspicion);
          if (suspicion.held) this.someHeld = true;
          // One less who could confirm: the younger ones are weighed anew at once, the others the next time.
          if (this.#confirmations !== confirmations()) all = true;
        }
        this.#dueAt[i] = at;
        this.#mayBeFirst(i, at);
      }
    }
    if (this.someHeld || this.#confirmations !== confirmations()) this.#stands = false;
    if (gone > GONE_MIN && gone > this.#dueAt.length / 2) this.#moveUp();
    return this.#firstAt;
  }

  #mayBeFirst(place: number, dueAt: number): void {
    if (dueAt >= this.#firstAt) return;
    this.#first = place;
    this.#firstAt = dueAt;
  }

  get #firstIsThere(): boolean {
    return this.#first < 0 || this.#entries[this.#first]?.suspicion === this.#suspicions[this.#first];
  }

  #moveUp(): void {
    const entries = this.#entries;
    const suspicions = this.#suspicions;
    const dueAt = this.#dueAt;
    this.#entries = [];
    this.#suspicions = [];
    this.#dueAt = [];
    this.#firstAt = Number.POSITIVE_INFINITY;
    for (const [i, suspicion] of suspicions.entries()) {
      const entry = entries[i] as Entry;
      if (entry.suspicion !== suspicion) continue;
      suspicion.place = -1;
      this.note(entry, suspicion, dueAt[i] as number, this.#confirmations);
    }
  }
}
