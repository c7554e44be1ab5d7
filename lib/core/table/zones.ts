/**
 * Zones are dealt like cards. Given nodes in base order: rank the nodes of each zone, take the zones in the order in
 * which they first appear, and lay down first all nodes of rank 0, then all of rank 1, and so on. So the first node
 * stays first, the next is in another zone when there is one, and as many zones follow each other as there are.
 */

export class ZoneDealer {
  /** Zone number of each node, and the nodes of each zone. */
  readonly zones: Int32Array;
  readonly members: readonly (readonly number[])[];
  // Scratch of one deal: zones in order of appearance, per zone its next and its last card, per card the zone's next one.
  readonly #appeared: Int32Array;
  readonly #next: Int32Array;
  readonly #last: Int32Array;
  readonly #after: Int32Array;
  readonly #seenIn: Int32Array;
  #deal = 0;

  constructor(zoneNames: readonly string[]) {
    const numbers = new Map<string, number>();
    const members: number[][] = [];
    this.zones = new Int32Array(zoneNames.length);
    for (const [node, name] of zoneNames.entries()) {
      const zone = numbers.get(name) ?? members.push([]) - 1;
      numbers.set(name, zone);
      this.zones[node] = zone;
      members[zone]!.push(node);
    }
    this.members = members;
    this.#appeared = new Int32Array(members.length);
    this.#next = new Int32Array(members.length);
    this.#last = new Int32Array(members.length);
    this.#after = new Int32Array(zoneNames.length);
    this.#seenIn = new Int32Array(members.length);
  }

  /**
   * Deals base[start] … base[start + length − 1] into `out` until that is full, or as far as the result is certain
   * when `base` lacks nodes: it may lack any, but holds the first of each zone that it holds at all. Answers how many.
   */
  deal(base: ArrayLike<number>, start: number, length: number, out: Int16Array): number {
    const appeared = this.#arrange(base, start, length);
    let dealt = 0;
    for (let rank = 0; dealt < out.length && dealt < length; rank++) {
      for (let i = 0; i < appeared; i++) {
        const zone = this.#appeared[i]!;
        const card = this.#next[zone]!;
        if (card >= 0) {
          out[dealt++] = base[start + card]!;
          if (dealt === out.length) return dealt;
          this.#next[zone] = this.#after[card]!;
        } else if (this.members[zone]!.length > rank) return dealt;
      }
      // A zone that has not appeared would come before anything of the next rank.
      if (appeared < this.members.length) return dealt;
    }
    return dealt;
  }

  /** The nodes, in ascending order, of all zones that none of these nodes is in. */
  missing(nodes: ArrayLike<number>): number[] {
    if (this.#arrange(nodes, 0, nodes.length) === this.members.length) return [];
    const absent = this.members.filter((_, zone) => this.#seenIn[zone] !== this.#deal);
    return absent.flat().sort((a, b) => a - b);
  }

  /** Links the cards of each zone; answers how many zones appear. */
  #arrange(base: ArrayLike<number>, start: number, length: number): number {
    this.#deal++;
    let appeared = 0;
    for (let card = 0; card < length; card++) {
      const zone = this.zones[base[start + card]!]!;
      this.#after[card] = -1;
      if (this.#seenIn[zone] === this.#deal) this.#after[this.#last[zone]!] = card;
      else {
        this.#seenIn[zone] = this.#deal;
        this.#appeared[appeared++] = zone;
        this.#next[zone] = card;
      }
      this.#last[zone] = card;
    }
    return appeared;
  }
}
