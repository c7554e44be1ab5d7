/** Clusters of real processes for one test each: closed when it ends, however it ends. */
import type { ExecutionContext } from 'ava';
import { Arena, type ArenaSettings } from '../../bench/torture/harness/arena.js';
import { Cluster, viewOf } from '../../bench/torture/harness/cluster.js';
import { LoopbackNetwork } from '../../bench/torture/harness/network.js';
import type { MemberState } from '../../lib/core/membership/types.js';

/** Short enough for a test, and far beyond what any of it takes. */
export const PATIENCE_MS = 30_000;

export async function startCluster(
  t: ExecutionContext,
  count: number,
  options: readonly string[] = [],
): Promise<Cluster> {
  const cluster = new Cluster({ network: new LoopbackNetwork(), options: ['--preset', 'local', ...options] });
  t.teardown(() => cluster.close());
  await cluster.startAll(count);
  return cluster;
}

export async function openArena(t: ExecutionContext, settings: ArenaSettings): Promise<Arena> {
  const arena = await Arena.open(settings);
  t.teardown(() => arena.close());
  return arena;
}

/** How the node at `url` sees the one with this id. */
export async function stateOf(url: string, id: string): Promise<MemberState | undefined> {
  return (await viewOf(url))?.nodes.find((node) => node.id === id)?.state;
}
