/** All nodes are drained and started again, one after the other, under load. */
import { viewOf } from '../torture/harness/cluster.js';
import { monotonicMs } from '../torture/harness/recorder.js';
import { pause, percentile } from '../torture/scenario.js';
import { atMost, figure, type Part, type PartOptions } from './part.js';
import { plot } from './plots.js';
import { openStage, placesOf, untilHome } from './stage.js';
import { SessionWatch } from './watch.js';

const DRAIN_MS = 90_000;
const SETTLE_MS = 20_000;

export async function rolling({ users, perSecond, say }: PartOptions): Promise<Part> {
  const stage = await openStage(3, users, perSecond);
  const { arena, source } = stage;
  const { cluster } = arena;
  try {
    const failures: string[] = [];
    await untilHome(stage, await cluster.agreed(30_000));
    await source.publish();
    await pause(3_000);
    const from = monotonicMs();
    const drains: number[] = [];
    for (const { name } of cluster.live) {
      const node = cluster.node(name);
      const startedAt = monotonicMs();
      node.signal('SIGTERM');
      const exit = await Promise.race([node.exited, pause(DRAIN_MS).then(() => 'nothing')]);
      drains.push(monotonicMs() - startedAt);
      if (exit !== 0) failures.push(`${name} ended its drain with ${exit}`);
      await cluster.start(name);
      await untilHome(stage, await cluster.agreed(30_000));
      say(`${name}: drained in ${(drains.at(-1)! / 1_000).toFixed(1)} s, back`);
    }
    const to = monotonicMs();
    const view = (await viewOf(cluster.live[0]!.url))!;
    const places = await placesOf(stage);
    failures.push(...(await arena.settle(SETTLE_MS)));
    const watch = new SessionWatch();
    const verdict = await arena.judge({}, (event) => watch.on(event));
    watch.sort();
    failures.push(...verdict.violations.map(({ kind, detail }) => `${kind}: ${detail}`));
    const owners = view.nodes.filter((node) => node.slots > 0);
    const off = Math.max(...owners.map((node) => Math.abs((node.slots * owners.length) / view.slots - 1))) * 100;
    const byNode = owners.map(({ id }) => [...places.values()].filter((node) => node === id).length);
    const figures = [
      figure('users', users, ''),
      figure('longest drain', Math.max(...drains), 'ms'),
      atMost('longest time without a live connection', Math.max(0, ...watch.outages(from, to).values()), 'ms', 0),
      atMost('slots off the fair share at the end', off, '%', 5),
      figure('users of the fullest node ÷ fair share at the end', Math.max(...byNode) / (users / owners.length), ''),
      figure('publish to arrival, p50', percentile(watch.latencies(from, to), 0.5), 'ms'),
      figure('publish to arrival, p99', percentile(watch.latencies(from, to), 0.99), 'ms'),
      figure('publish to arrival, max', percentile(watch.latencies(from, to), 1), 'ms'),
      atMost('acknowledged and lost', verdict.count('lost'), '', 0),
      atMost('repeated', verdict.count('repeated'), '', 0),
      figure('delivered', verdict.counts.delivered, ''),
    ];
    const points = watch.timeline(from, to, 100);
    const lines = [...cluster.nodes.values()].map(({ id, name }) => ({
      name,
      points: points.map(({ t, byNode: at }) => [t / 1_000, at.get(id) ?? 0] as const),
    }));
    const without = {
      name: 'without a live connection',
      points: points.map(({ t, byNode: at }) => [t / 1_000, at.get('') ?? 0] as const),
    };
    const svg = plot(
      'Users by node during a rolling restart',
      `${users} users, ${perSecond} messages/s`,
      's',
      'users',
      [...lines, without],
    );
    return {
      name: 'rolling',
      title: 'rolling restart of three nodes under load',
      figures,
      failures,
      plots: { rolling: svg },
    };
  } finally {
    await arena.close();
  }
}
