/**
 * Members by id, as an array over the numbers that ids get as they come up. A world of a thousand nodes holds a million
 * entries, and each message finds those of its receiver outside the cache: an array costs one miss where a map costs three.
 */
import type { Entry, MemberIndex } from '../../core/membership/view.js';
import type { NodeId } from '../../wire/ids.js';

/** Shared by all views of this process, and so always at hand. */
const numbers = new Map<NodeId, number>();

export class DenseIndex implements MemberIndex {
  readonly #entries: (Entry | undefined)[] = [];

  get(id: NodeId): Entry | undefined {
    const number = numbers.get(id);
    return number === undefined ? undefined : this.#entries[number];
  }

  set(id: NodeId, entry: Entry): void {
    let number = numbers.get(id);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(id, number);
    }
    // Never a hole, which would make it a slow one.
    while (this.#entries.length <= number) this.#entries.push(undefined);
    this.#entries[number] = entry;
  }

  delete(id: NodeId): void {
    const number = numbers.get(id);
    if (number !== undefined && number < this.#entries.length) this.#entries[number] = undefined;
  }
}
