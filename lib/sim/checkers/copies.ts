/**
 * Who holds what, from what nodes said: an acknowledgement that speaks of k copies must find k live activations that
 * hold the entry at that moment. Needs events in the order of their times; without `hold` events it knows nothing.
 */

export class Holders {
  /** Lineage → holder (`node/boot`) → held up to. */
  readonly #held = new Map<string, Map<string, number>>();

  onHold(node: string, boot: number, lid: string, s: number): void {
    let holders = this.#held.get(lid);
    if (holders === undefined) {
      holders = new Map();
      this.#held.set(lid, holders);
    }
    const holder = `${node}/${boot}`;
    holders.set(holder, Math.max(s, holders.get(holder) ?? 0));
  }

  onGone(node: string, boot: number): void {
    for (const holders of this.#held.values()) holders.delete(`${node}/${boot}`);
  }

  /** undefined: nodes have said nothing of this lineage. */
  copiesOf(entry: string): number | undefined {
    const dot = entry.indexOf('.');
    const holders = this.#held.get(entry.slice(0, dot));
    if (holders === undefined) return undefined;
    const s = Number.parseInt(entry.slice(dot + 1), 36);
    let copies = 0;
    for (const upTo of holders.values()) if (upTo >= s) copies++;
    return copies;
  }
}
