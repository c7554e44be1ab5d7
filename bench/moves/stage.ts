/** Users of their own channels on a cluster of real processes, with a publisher that writes to all in turn. */

import type { ClusterInfo } from '../../lib/core/api.js';
import { slotOf } from '../../lib/wire/slot.js';
import { dealt, users } from '../torture/crowd.js';
import { Arena, ENDLESS_HISTORY } from '../torture/harness/arena.js';
import type { Clients } from '../torture/harness/clients.js';
import { until } from '../torture/harness/cluster.js';
import { pause } from '../torture/scenario.js';

const CLIENTS_A_PROCESS = 1_000;
const HOME_MS = 90_000;

export interface Stage {
  readonly arena: Arena;
  readonly names: readonly string[];
  readonly source: Clients;
}

export async function openStage(
  nodes: number,
  count: number,
  perSecond: number,
  options: readonly string[] = [],
): Promise<Stage> {
  const arena = await Arena.open({ nodes, network: 'loopback', options: [...ENDLESS_HISTORY, ...options] });
  try {
    const readers = users(count);
    const hands = Math.max(2, Math.ceil(count / CLIENTS_A_PROCESS));
    for (const [i, hand] of dealt(readers, hands).entries())
      await arena.addClients({ name: `users${i + 1}`, readers: hand, atOnce: 100 });
    const channels = readers.map(({ user }) => `@${user}`);
    const plan = { p: 'p1', via: 'publisher', channels, perSecond, dataBytes: 128, order: 'turn' } as const;
    const source = await arena.addClients({ name: 'publisher', publishers: [plan] });
    return { arena, names: readers.map(({ client }) => client), source };
  } catch (error) {
    await arena.close();
    throw error;
  }
}

/** Where each user is connected; '' for nowhere. */
export async function placesOf({ arena }: Stage): Promise<Map<string, string>> {
  const all = await Promise.all(arena.clients.map((clients) => clients.where()));
  return new Map(all.flatMap((places) => Object.entries(places)));
}

/** Where each user belongs by this table. */
export function homesOf(view: ClusterInfo, names: readonly string[]): Map<string, string> {
  return new Map(names.map((name) => [name, view.nodes[view.owners[slotOf(`@${name}`, view.slots)]!]!.id]));
}

/** Waits until every user is where it belongs. Returns how many are not, should it take too long. */
export async function untilHome(stage: Stage, view: ClusterInfo): Promise<number> {
  const homes = homesOf(view, stage.names);
  let astray = 0;
  try {
    await until('all users are at home', HOME_MS, async () => {
      const places = await placesOf(stage);
      astray = stage.names.filter((name) => places.get(name) !== homes.get(name)).length;
      return astray === 0 ? true : undefined;
    });
  } catch {
    await pause(0);
  }
  return astray;
}

/** Slots whose owner differs. */
export function slotsMoved(before: ClusterInfo, after: ClusterInfo): number {
  return before.owners.filter((owner, slot) => before.nodes[owner]?.id !== after.nodes[after.owners[slot]!]?.id).length;
}
