/**
 * What happens next: a heap by time, and by order of arrival where times are equal. Four below each. Only numbers move in
 * it: the items stay at their places in a table, since each reference that is moved is one more for the collector to note.
 */
export interface Timed {
  readonly time: number;
  readonly order: number;
}

export class Queue<T extends Timed> {
  #size = 0;
  /** By place in the heap. */
  #times = new Float64Array(1_024);
  #seats = new Int32Array(1_024);
  /** By seat; free seats are in no order. */
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#size;
  }

  peek(): T | undefined {
    return this.#size > 0 ? this.#items[this.#seats[0] as number] : undefined;
  }

  push(item: T): void {
    const { time, order } = item;
    const seat = this.#free.pop() ?? this.#items.length;
    this.#items[seat] = item;
    let at = this.#size++;
    if (at === this.#times.length) this.#grow();
    const times = this.#times;
    const seats = this.#seats;
    while (at > 0) {
      const above = (at - 1) >> 2;
      const parent = times[above] as number;
      if (parent < time || (parent === time && this.#orderAt(above) < order)) break;
      seats[at] = seats[above] as number;
      times[at] = parent;
      at = above;
    }
    seats[at] = seat;
    times[at] = time;
  }

  pop(): T | undefined {
    if (this.#size === 0) return undefined;
    const seat = this.#seats[0] as number;
    const first = this.#items[seat];
    this.#items[seat] = undefined;
    this.#free.push(seat);
    this.#size -= 1;
    if (this.#size > 0) this.#sink(this.#times[this.#size] as number, this.#seats[this.#size] as number);
    return first;
  }

  /** Puts the item of this seat in at the top, where there is room for one. */
  #sink(time: number, seat: number): void {
    const times = this.#times;
    const seats = this.#seats;
    let at = 0;
    for (;;) {
      const first = 4 * at + 1;
      const end = Math.min(first + 4, this.#size);
      if (first >= end) break;
      let least = first;
      let leastTime = times[first] as number;
      for (let i = first + 1; i < end; i++) {
        const other = times[i] as number;
        if (other > leastTime || (other === leastTime && this.#orderAt(i) > this.#orderAt(least))) continue;
        least = i;
        leastTime = other;
      }
      if (leastTime > time || (leastTime === time && this.#orderAt(least) > this.#orderOf(seat))) break;
      seats[at] = seats[least] as number;
      times[at] = leastTime;
      at = least;
    }
    seats[at] = seat;
    times[at] = time;
  }

  #orderAt(place: number): number {
    return this.#orderOf(this.#seats[place] as number);
  }

  #orderOf(seat: number): number {
    return (this.#items[seat] as T).order;
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    const seats = new Int32Array(this.#seats.length * 2);
    times.set(this.#times);
    seats.set(this.#seats);
    this.#times = times;
    this.#seats = seats;
  }
}
