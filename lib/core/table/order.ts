/**
 * The order in which nodes stand in for each other, slot by slot, frozen for a set of provisioned members.
 *
 * Base order: the assigned owner; the slot's other candidates by cost + price; all other nodes by cost + price. Zones
 * are then dealt like cards: rank the nodes of each zone by base order, take the zones in the order in which they first
 * appear, and lay down first all nodes of rank 0, then all of rank 1, and so on. So the owner stays first, the next
 * node is in another zone when there is one, and as many zones follow each other as there are.
 *
 * Because the order is fixed, a crash moves only what the dead node held, and always to the next in line.
 */
import type { ScoreKeys, Scores } from './scores.js';

export interface Ranking {
  readonly slots: number;
  readonly depth: number;
  readonly owners: Int16Array;
  readonly prices: Float64Array;
  readonly keys: readonly ScoreKeys[];
  readonly scores: Scores;
  /** Zone number of each node, and how many nodes each zone has. */
  readonly zones: Int32Array;
  readonly zoneSizes: Int32Array;
}

/** The whole order of a slot. It evaluates a score for every node, so it is for single slots. */
export function fullOrder(ranking: Ranking, slot: number): number[] {
  const { depth, owners, prices, keys, scores } = ranking;
  const owner = owners[slot]!;
  const byCost = keys.map((key, node) => ({ node, cost: scores.cost(key, slot) }));
  byCost.sort((a, b) => a.cost - b.cost || a.node - b.node);
  const ranked = byCost.map(({ node, cost }, place) => ({
    node,
    group: node === owner ? 0 : place < depth ? 1 : 2,
    value: cost + prices[node]!,
  }));
  ranked.sort((a, b) => a.group - b.group || a.value - b.value || a.node - b.node);
  return dealZones(
    ranked.map(({ node }) => node),
    ranking,
  );
}

/**
 * Deals the nodes of `base`, which is a prefix of the base order, into the final order, as far as it can be known
 * without the nodes that `base` lacks.
 */
export function dealZones(base: readonly number[], ranking: Pick<Ranking, 'zones' | 'zoneSizes'>): number[] {
  const { zones, zoneSizes } = ranking;
  if (zoneSizes.length <= 1) return [...base];
  const hands = new Map<number, number[]>();
  for (const node of base) {
    const zone = zones[node]!;
    const hand = hands.get(zone);
    if (hand === undefined) hands.set(zone, [node]);
    else hand.push(node);
  }
  const dealt: number[] = [];
  for (let rank = 0; dealt.length < base.length; rank++) {
    for (const [zone, hand] of hands) {
      const node = hand[rank];
      if (node !== undefined) dealt.push(node);
      else if (zoneSizes[zone]! > rank) return dealt;
    }
    // A zone that has not appeared yet would come before anything of the next rank.
    if (hands.size < zoneSizes.length) return dealt;
  }
  return dealt;
}
