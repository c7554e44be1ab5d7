/**
 * What happens next: a heap by time, and by order of arrival where times are equal. Four below each, and the times in an
 * array of their own: a world asks millions of times, and most of the cost is memory that is not in the cache.
 */
export interface Timed {
  readonly time: number;
  readonly order: number;
}

export class Queue<T extends Timed> {
  readonly #heap: T[] = [];
  #times = new Float64Array(1_024);

  get size(): number {
    return this.#heap.length;
  }

  peek(): T | undefined {
    return this.#heap[0];
  }

  push(item: T): void {
    const heap = this.#heap;
    const { time } = item;
    let at = heap.length;
    heap.push(item);
    if (at === this.#times.length) this.#grow();
    const times = this.#times;
    while (at > 0) {
      const above = (at - 1) >> 2;
      const parent = times[above] as number;
      if (parent < time || (parent === time && (heap[above] as T).order < item.order)) break;
      heap[at] = heap[above] as T;
      times[at] = parent;
      at = above;
    }
    heap[at] = item;
    times[at] = time;
  }

  pop(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first !== undefined && last !== undefined && heap.length > 0) this.#sink(last);
    return first;
  }

  /** Puts the item in at the top, where there is room for one. */
  #sink(item: T): void {
    const heap = this.#heap;
    const times = this.#times;
    const { time } = item;
    let at = 0;
    for (;;) {
      const first = 4 * at + 1;
      const end = Math.min(first + 4, heap.length);
      if (first >= end) break;
      let least = first;
      let leastTime = times[first] as number;
      for (let i = first + 1; i < end; i++) {
        const other = times[i] as number;
        if (other > leastTime || (other === leastTime && (heap[i] as T).order > (heap[least] as T).order)) continue;
        least = i;
        leastTime = other;
      }
      if (leastTime > time || (leastTime === time && (heap[least] as T).order > item.order)) break;
      heap[at] = heap[least] as T;
      times[at] = leastTime;
      at = least;
    }
    heap[at] = item;
    times[at] = time;
  }

  #grow(): void {
    const grown = new Float64Array(this.#times.length * 2);
    grown.set(this.#times);
    this.#times = grown;
  }
}
