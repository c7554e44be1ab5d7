/**
 * What an iterator has not taken yet. It does not grow without end: when it is full it says so, the subscription pauses,
 * and goes on from the same position once there is room. The node's history is the buffer.
 */
import { CLIENT_LIMITS } from './core/limits.js';

export class Backlog<T> implements AsyncIterableIterator<T> {
  #items: T[] = [];
  #at = 0;
  #waiting: { resolve(result: IteratorResult<T>): void; reject(error: Error): void }[] = [];
  #end: { readonly error: Error | undefined } | undefined;
  readonly #drained: () => void;
  readonly #left: () => void;

  /** `drained` is called when it has come down to the low mark, `left` when its reader has gone. */
  constructor(drained: () => void, left: () => void) {
    this.#drained = drained;
    this.#left = left;
  }

  get size(): number {
    return this.#items.length - this.#at;
  }

  get full(): boolean {
    return this.size >= CLIENT_LIMITS.backlogMax;
  }

  get low(): boolean {
    return this.size <= CLIENT_LIMITS.backlogLow;
  }

  push(item: T): void {
    if (this.#end !== undefined) return;
    const reader = this.#waiting.shift();
    if (reader !== undefined) reader.resolve({ done: false, value: item });
    else this.#items.push(item);
  }

  /** What is there is still read; then it ends, or fails. */
  finish(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const reader of this.#waiting.splice(0)) this.#finish(reader);
  }

  takeAll(): T[] {
    const items = this.#items.slice(this.#at);
    this.#items = [];
    this.#at = 0;
    return items;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#at < this.#items.length) {
      const value = this.#items[this.#at++]!;
      if (this.#at > 256) {
        this.#items = this.#items.slice(this.#at);
        this.#at = 0;
      }
      if (this.size === CLIENT_LIMITS.backlogLow) this.#drained();
      return Promise.resolve({ done: false, value });
    }
    return new Promise((resolve, reject) => {
      if (this.#end === undefined) this.#waiting.push({ resolve, reject });
      else this.#finish({ resolve, reject });
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.#items = [];
    this.#at = 0;
    this.finish();
    this.#left();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(reader: { resolve(result: IteratorResult<T>): void; reject(error: Error): void }): void {
    const error = this.#end?.error;
    if (error === undefined) reader.resolve({ done: true, value: undefined });
    else reader.reject(error);
  }
}
