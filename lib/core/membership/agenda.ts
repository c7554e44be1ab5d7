/**
 * When suspects have to be looked at again. Looking at one changes nothing before it is due, as long as the same number of
 * confirmations is asked for; so of hundreds only the first that is due need be known between two looks at all of them.
 */
import type { Suspicion } from './suspicion.js';
import type { Entry } from './view.js';

export class Agenda {
  #first: Entry | undefined;
  #suspicion: Suspicion | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #confirmations = 0;
  #stands = false;

  /** When the first of them is due. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** All are looked at now, one `note` each. */
  begin(confirmations: number): void {
    this.#first = undefined;
    this.#suspicion = undefined;
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#confirmations = confirmations;
    this.#stands = true;
  }

  note(entry: Entry, suspicion: Suspicion, dueAt: number, confirmations: number): void {
    // Held ones are waiting for a change of this node, which may come at any time.
    if (suspicion.held || confirmations !== this.#confirmations) this.#stands = false;
    if (dueAt >= this.#dueAt) return;
    this.#first = entry;
    this.#suspicion = suspicion;
    this.#dueAt = dueAt;
  }

  /** A deadline was put off, or set by another rule. */
  void(): void {
    this.#stands = false;
  }

  /** Nobody is due, and looking at all of them would show nothing new. */
  stands(now: number, confirmations: number): boolean {
    return (
      this.#stands &&
      now < this.#dueAt &&
      confirmations === this.#confirmations &&
      this.#first?.suspicion === this.#suspicion
    );
  }
}
