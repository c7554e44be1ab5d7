/** Events with types: a few lines, so that the client needs no package in a browser. */

export type Listener<T> = (event: T) => void;

export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Listener<never>[]>();

  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): this {
    // copied, so that a listener may add and remove listeners
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return this;
  }

  off<K extends keyof Events>(event: K, listener: Listener<Events[K]>): this {
    const left = (this.#listeners.get(event) ?? []).filter((other) => other !== listener);
    if (left.length > 0) this.#listeners.set(event, left);
    else this.#listeners.delete(event);
    return this;
  }

  once<K extends keyof Events>(event: K, listener: Listener<Events[K]>): this {
    const first: Listener<Events[K]> = (value) => {
      this.off(event, first);
      listener(value);
    };
    return this.on(event, first);
  }

  hears(event: keyof Events): boolean {
    return this.#listeners.has(event);
  }

  /** A listener that throws harms neither the others nor the client: the error surfaces as an uncaught one. */
  protected emit<K extends keyof Events>(event: K, value: Events[K]): void {
    const listeners = this.#listeners.get(event) as Listener<Events[K]>[] | undefined;
    if (listeners === undefined) return;
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
