/** What an operator should know of a node: told to whoever listens, the same thing not again and again. */
import type { EventEmitter } from 'node:events';
import type { NodeEvents } from './events.js';

/** The same warning is not repeated sooner. */
const REPEAT_MS = 30_000;
const KNOWN_MAX = 100;

export class Warnings {
  readonly #events: EventEmitter<NodeEvents>;
  readonly #now: () => number;
  readonly #log: (text: string) => void;
  readonly #told = new Map<string, number>();

  constructor(events: EventEmitter<NodeEvents>, now: () => number, log: (text: string) => void) {
    this.#events = events;
    this.#now = now;
    this.#log = log;
  }

  warn(text: string): void {
    const now = this.#now();
    if (now - (this.#told.get(text) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    if (this.#told.size > KNOWN_MAX) this.#told.clear();
    this.#told.set(text, now);
    this.#log(text);
    this.#events.emit('warning', text, false);
  }

  alarm(text: string, nodeId: string): void {
    // listeners may call the core: not inside its step
    setImmediate(() => {
      if (!this.#events.emit('warning', text, true)) process.stderr.write(`halod ${nodeId} ${text}\n`);
    });
  }
}
