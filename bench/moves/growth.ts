/** Three nodes become four, then three again, under load: who moves, how, and what each user notices. */
import type { ClusterInfo } from '../../lib/core/api.js';
import { monotonicMs } from '../torture/harness/recorder.js';
import { pause, percentile } from '../torture/scenario.js';
import { atMost, type Figure, figure, type Part, type PartOptions } from './part.js';
import { plot } from './plots.js';
import { homesOf, openStage, slotsMoved, untilHome } from './stage.js';
import { SessionWatch } from './watch.js';

const BEFORE_MS = 4_000;
const SETTLE_MS = 20_000;
const DRAIN_MS = 90_000;

interface Change {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly before: ClusterInfo;
  readonly after: ClusterInfo;
  readonly astray: number;
}

export async function growth(options: PartOptions): Promise<Part> {
  const { users, perSecond, say } = options;
  const stage = await openStage(3, users, perSecond);
  const { arena, names, source } = stage;
  const { cluster } = arena;
  try {
    const failures: string[] = [];
    const three = await cluster.agreed(30_000);
    await untilHome(stage, three);
    await source.publish();
    await pause(BEFORE_MS);
    const calmAt = monotonicMs();
    await pause(BEFORE_MS);

    say('a fourth node joins');
    const joinAt = monotonicMs();
    await cluster.start('n4');
    const four = await cluster.agreed(30_000);
    const astray = await untilHome(stage, four);
    const joinedAt = monotonicMs();
    say(`all at home after ${((joinedAt - joinAt) / 1_000).toFixed(1)} s`);
    await pause(BEFORE_MS);

    say('it leaves again');
    const leaveAt = monotonicMs();
    const leaving = cluster.node('n4');
    leaving.signal('SIGTERM');
    const exit = await Promise.race([leaving.exited, pause(DRAIN_MS).then(() => 'nothing')]);
    if (exit !== 0) failures.push(`the leaving node ended with ${exit}`);
    cluster.remove('n4');
    const again = await cluster.agreed(30_000);
    const astrayAgain = await untilHome(stage, again);
    const leftAt = monotonicMs();
    say(`gone, and all at home, after ${((leftAt - leaveAt) / 1_000).toFixed(1)} s`);
    await pause(BEFORE_MS);
    failures.push(...(await arena.settle(SETTLE_MS)));

    const watch = new SessionWatch();
    const verdict = await arena.judge({}, (event) => watch.on(event));
    watch.sort();
    failures.push(...verdict.violations.map(({ kind, detail }) => `${kind}: ${detail}`));
    const join: Change = { name: 'join', from: joinAt, to: joinedAt, before: three, after: four, astray };
    const leave: Change = { name: 'leave', from: leaveAt, to: leftAt, before: four, after: again, astray: astrayAgain };
    const figures = [
      figure('users', users, ''),
      figure('messages a second', perSecond, ''),
      ...figuresOf(join, names, watch),
      ...figuresOf(leave, names, watch),
      figure('publish to arrival, calm, p99', percentile(watch.latencies(calmAt, joinAt), 0.99), 'ms'),
      atMost('acknowledged and lost', verdict.count('lost'), '', 0),
      atMost('repeated', verdict.count('repeated'), '', 0),
      atMost('out of order', verdict.count('out-of-order'), '', 0),
      figure('delivered', verdict.counts.delivered, ''),
    ];
    const title = `Users by node while a fourth node joins (at ${seconds(joinAt - calmAt)} s) and leaves (at ${seconds(leaveAt - calmAt)} s)`;
    const shown = new Map([...cluster.nodes.values(), leaving].map(({ id, name }) => [id, name]));
    const points = watch.timeline(calmAt, leftAt + BEFORE_MS, 100);
    const lines = [...shown].map(([id, name]) => ({
      name,
      points: points.map(({ t, byNode }) => [t / 1_000, byNode.get(id) ?? 0] as const),
    }));
    const without = {
      name: 'without a live connection',
      points: points.map(({ t, byNode }) => [t / 1_000, byNode.get('') ?? 0] as const),
    };
    const svg = plot(title, `${users} users, ${perSecond} messages/s`, 's', 'users', [...lines, without]);
    return { name: 'growth', title: '3 → 4 → 3 nodes under load', figures, failures, plots: { growth: svg } };
  } finally {
    await arena.close();
  }
}

function figuresOf(change: Change, names: readonly string[], watch: SessionWatch): Figure[] {
  const { name, from, to, before, after, astray } = change;
  const [homes, next] = [homesOf(before, names), homesOf(after, names)];
  const mustMove = names.filter((user) => homes.get(user) !== next.get(user)).length;
  const reconnected = watch.reconnected(from, to);
  const outage = Math.max(0, ...watch.outages(from, to).values());
  // A join cannot move fewer slots than the joiner's share, nor a leave fewer than the leaver's.
  const least = before.slots / Math.max(before.nodes.filter(isOwner).length, after.nodes.filter(isOwner).length);
  const latencies = watch.latencies(from, to, reconnected);
  return [
    figure(`${name}: slots moved`, slotsMoved(before, after), ''),
    figure(
      `${name}: slots moved ÷ least possible`,
      slotsMoved(before, after) / least,
      '',
      '≤ 1.05',
      slotsMoved(before, after) <= least * 1.05,
    ),
    figure(`${name}: users whose slot moved`, mustMove, ''),
    figure(
      `${name}: users that reconnected`,
      reconnected.size,
      '',
      'those whose slot moved ± 5 %',
      Math.abs(reconnected.size / mustMove - 1) <= 0.05,
    ),
    figure(`${name}: share of the users`, (reconnected.size / names.length) * 100, '%'),
    atMost(`${name}: users not at home in the end`, astray, '', 0),
    atMost(`${name}: longest time without a live connection`, outage, 'ms', 0),
    figure(`${name}: until all were at home`, to - from, 'ms'),
    figure(`${name}: publish to arrival of those who moved, p50`, percentile(latencies, 0.5), 'ms'),
    figure(`${name}: the same, p99`, percentile(latencies, 0.99), 'ms'),
    figure(`${name}: the same, max`, percentile(latencies, 1), 'ms'),
  ];
}

function isOwner(node: { readonly slots: number }): boolean {
  return node.slots > 0;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(0);
}
