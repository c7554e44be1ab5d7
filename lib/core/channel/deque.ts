/**
 * A list that grows at the end and is consumed at the front, both in constant time. Items keep their absolute index for
 * ever, so an index taken now still names the same item after the front was removed.
 */
const COMPACT_AT = 64;

export class Deque<T> {
  /** What was consumed is let go of at once, though its place stays for a while. */
  #items: (T | undefined)[] = [];
  #head = 0;
  /** Absolute index of `#items[0]`. */
  #base = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Absolute index of the first item. */
  get first(): number {
    return this.#base + this.#head;
  }

  /** Absolute index after the last item. */
  get end(): number {
    return this.#base + this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The item at an absolute index; undefined where it is gone or not there yet. */
  at(index: number): T | undefined {
    const i = index - this.#base;
    return i >= this.#head ? this.#items[i] : undefined;
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#head >= this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#items.length) this.#compact();
    return item;
  }

  /** Forgets everything; indices go on from where they were. */
  clear(): void {
    this.#base = this.end;
    this.#items = [];
    this.#head = 0;
  }

  /** Absolute index of the first item for which `is` holds; it must hold for all that follow. */
  search(is: (item: T) => boolean): number {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (is(this.#items[middle]!)) high = middle;
      else low = middle + 1;
    }
    return this.#base + low;
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }
}
