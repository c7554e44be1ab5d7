/** One of three nodes is killed under thousands of connected clients: how they come back, and what it costs the others. */
import { pssBytes } from '../harness/proc.js';
import { until, viewOf } from '../torture/harness/cluster.js';
import { monotonicMs } from '../torture/harness/recorder.js';
import { pause, percentile } from '../torture/scenario.js';
import { atMost, figure, type Part, type PartOptions } from './part.js';
import { plot } from './plots.js';
import { openStage, placesOf, untilHome } from './stage.js';
import { busiest, SessionWatch } from './watch.js';

/** Clients a second that a node takes in; stated, so that the budget means something at this size. */
const BUDGET = 500;
const PER_SECOND = 200;
const IDLE_MS = 5_000;
const BACK_MS = 60_000;
const SETTLE_MS = 30_000;
const SAMPLE_MS = 250;

export async function crash({ clients, say }: PartOptions): Promise<Part> {
  const stage = await openStage(3, clients, PER_SECOND, ['--move-rate', String(BUDGET)]);
  const { arena, names, source } = stage;
  const { cluster } = arena;
  try {
    const failures: string[] = [];
    await untilHome(stage, await cluster.agreed(30_000));
    say(`${clients} clients are connected`);
    await pause(IDLE_MS);
    const [victim, ...survivors] = cluster.live;
    const idle = new Map(survivors.map((node) => [node.id, pssBytes(node.pid)]));
    const most = new Map(idle);
    const sampler = setInterval(() => {
      for (const { id, pid } of survivors) most.set(id, Math.max(most.get(id)!, pssBytes(pid)));
    }, SAMPLE_MS);
    const counter = new SessionCounter(survivors);
    await source.publish();
    await pause(2_000);
    const places = await placesOf(stage);
    const orphans = names.filter((name) => places.get(name) === victim!.id);
    say(`kill -9 of the node that serves ${orphans.length} of them`);
    const killAt = monotonicMs();
    arena.fault('kill', victim!.name);
    await victim!.kill();
    await until('all clients are back', BACK_MS, async () => {
      const now = await placesOf(stage);
      const back = orphans.every((name) => now.get(name) !== '' && now.get(name) !== victim!.id);
      return back ? true : undefined;
    }).catch((error: Error) => failures.push(error.message));
    const backAt = monotonicMs();
    say(`all are back after ${((backAt - killAt) / 1_000).toFixed(1)} s; one message to each`);
    await source.burst(1);
    failures.push(...(await arena.settle(SETTLE_MS)));
    clearInterval(sampler);
    counter.stop();
    const watch = new SessionWatch();
    const verdict = await arena.judge({}, (event) => watch.on(event));
    watch.sort();
    failures.push(...verdict.violations.map(({ kind, detail }) => `${kind}: ${detail}`));
    const outages = [...watch.outages(killAt - 1_000, backAt).values()];
    const arrivals = watch.arrivals(killAt, backAt);
    const seen = Math.max(0, ...[...arrivals.values()].map((times) => busiest(times, 1_000)));
    const growth = Math.max(...survivors.map(({ id }) => most.get(id)! / idle.get(id)!));
    const figures = [
      figure('clients', clients, ''),
      figure('clients of the killed node', orphans.length, ''),
      figure('until all were connected again', Math.max(...outages), 'ms'),
      figure('without a connection, p50', percentile(outages, 0.5), 'ms'),
      figure('without a connection, p99', percentile(outages, 0.99), 'ms'),
      atMost('let in by one node in its busiest second, by its own count', counter.busiestSecond(), '', BUDGET),
      figure('the same as the clients saw it, whose processes were late at times', seen, ''),
      figure('memory of a survivor, idle', Math.max(...idle.values()) / 2 ** 20, 'MiB'),
      atMost('memory of a survivor, most ÷ idle', growth, '', 2),
      atMost('acknowledged and lost', verdict.count('lost'), '', 0),
      atMost('repeated', verdict.count('repeated'), '', 0),
      figure('delivered', verdict.counts.delivered, ''),
    ];
    const shown = [...arrivals].map(([id, times]) => ({
      name: survivors.find((node) => node.id === id)?.name ?? 'killed',
      points: perSecond(times, killAt, backAt),
    }));
    const budget = {
      name: 'budget',
      dashed: true,
      points: [
        [0, BUDGET],
        [(backAt - killAt) / 1_000, BUDGET],
      ] as const,
    };
    const rates = plot(
      'Clients let in after a crash, by node',
      `${orphans.length} of ${clients} clients lost their node at 0 s; windows of one second`,
      's',
      'clients/s',
      [...shown, budget],
    );
    const points = watch.timeline(killAt - 1_000, backAt + 1_000, 50);
    const connected = points.map(({ t, byNode }) => [t / 1_000 - 1, clients - (byNode.get('') ?? 0)] as const);
    const back = plot('Connected clients after kill -9 of one of three nodes', `${clients} clients`, 's', 'clients', [
      { name: 'connected', points: connected },
    ]);
    return {
      name: 'crash',
      title: `kill -9 of one of three nodes with ${clients} clients`,
      figures,
      failures,
      plots: { 'crash-rate': rates, 'crash-connected': back },
    };
  } finally {
    await arena.close();
  }
}

/** What nodes themselves say of how many sessions they have, asked for again and again. */
class SessionCounter {
  readonly #samples = new Map<
    string,
    { readonly askedAt: number; readonly toldAt: number; readonly count: number }[]
  >();
  #isStopped = false;

  constructor(nodes: readonly { readonly id: string; readonly url: string }[]) {
    for (const { id, url } of nodes) void this.#watch(id, url);
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** The steepest rise over a span that is surely a second long or longer, as a rate. */
  busiestSecond(): number {
    let most = 0;
    for (const samples of this.#samples.values()) {
      for (const [i, from] of samples.entries()) {
        const to = samples.find((sample, j) => j > i && sample.askedAt - from.toldAt >= 1_000);
        if (to !== undefined) most = Math.max(most, ((to.count - from.count) * 1_000) / (to.toldAt - from.askedAt));
      }
    }
    return most;
  }

  async #watch(id: string, url: string): Promise<void> {
    const samples: { askedAt: number; toldAt: number; count: number }[] = [];
    this.#samples.set(id, samples);
    while (!this.#isStopped) {
      const askedAt = performance.now();
      const count = (await viewOf(url))?.nodes.find((node) => node.id === id)?.connections;
      if (count !== undefined) samples.push({ askedAt, toldAt: performance.now(), count });
      await pause(SAMPLE_MS);
    }
  }
}

/** How many of the times fall into the second before each moment. */
function perSecond(times: readonly number[], from: number, to: number): [number, number][] {
  const points: [number, number][] = [];
  for (let t = from; t <= to; t += 50)
    points.push([(t - from) / 1_000, times.filter((at) => at > t - 1_000 && at <= t).length]);
  return points;
}
