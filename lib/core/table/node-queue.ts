/** The queue of a shortest-path search over nodes. */

const NONE = -1;

/** A binary heap of (distance, node); equal distances come out in node order, so that a search has one outcome. */
export class NodeQueue {
  readonly #nodes: number[] = [];
  readonly #distances: number[] = [];

  clear(): void {
    this.#nodes.length = 0;
    this.#distances.length = 0;
  }

  push(node: number, distance: number): void {
    const nodes = this.#nodes;
    const distances = this.#distances;
    let at = nodes.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(distance, node, distances[above]!, nodes[above]!)) break;
      nodes[at] = nodes[above]!;
      distances[at] = distances[above]!;
      at = above;
    }
    nodes[at] = node;
    distances[at] = distance;
  }

  /** The nearest node, or −1 when the queue is empty. */
  pop(): number {
    const nodes = this.#nodes;
    const distances = this.#distances;
    const top = nodes[0];
    if (top === undefined) return NONE;
    const node = nodes.pop()!;
    const distance = distances.pop()!;
    const size = nodes.length;
    if (size === 0) return top;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= size) break;
      if (below + 1 < size && isBefore(distances[below + 1]!, nodes[below + 1]!, distances[below]!, nodes[below]!))
        below++;
      if (!isBefore(distances[below]!, nodes[below]!, distance, node)) break;
      nodes[at] = nodes[below]!;
      distances[at] = distances[below]!;
      at = below;
    }
    nodes[at] = node;
    distances[at] = distance;
    return top;
  }
}

function isBefore(distanceA: number, nodeA: number, distanceB: number, nodeB: number): boolean {
  return distanceA < distanceB || (distanceA === distanceB && nodeA < nodeB);
}
