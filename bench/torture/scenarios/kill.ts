/**
 * `kill -9` of one of three nodes while 500 messages a second go to 300 users in turn, again and again. A user is served
 * again with the first message that was published after the kill; as each is written to every 0.6 s, that alone takes 0.3 s
 * on average and 0.6 s at most, so the time that readers waited for messages already published is printed too.
 */
import type { HistoryEvent } from '../../../lib/sim/checkers/history.js';
import { plot } from '../../moves/plots.js';
import { Arena } from '../harness/arena.js';
import { verdictLines } from '../harness/judge.js';
import { monotonicMs } from '../harness/recorder.js';
import { SeededRandom } from '../random.js';
import { ms, type Outcome, pause, percentile, row, type Scenario, type ScenarioOptions, within } from '../scenario.js';
import { addSteadyLoad } from './steady-load.js';

const BEFORE_MS = 2_000;
const AFTER_MS = 3_000;
/** Between the return of the killed node and the next kill: what was on two nodes only is on three again. */
const REPAIR_MS = 4_000;
const SETTLE_MS = 20_000;
const SERVED_P99_MS = 1_000;

export interface KillFigures {
  /** From the kill to a user's next message, whatever that is. */
  readonly nextMs: readonly number[];
  /** From the kill to a user's first message that was published after it. */
  readonly servedMs: readonly number[];
  /** From publish to arrival, of messages published from a second before to three seconds after a kill. */
  readonly latencyMs: readonly number[];
  /** From publish to acknowledgement, of the same. */
  readonly ackMs: readonly number[];
  readonly neverServed: number;
}

export const kill: Scenario = (options) =>
  within(Arena.open({ nodes: 3, network: 'loopback' }), options, (arena) => run(arena, options));

async function run(arena: Arena, { times, seed, say }: ScenarioOptions): Promise<Outcome> {
  const random = new SeededRandom(seed);
  const { channels, source } = await addSteadyLoad(arena);
  await pause(BEFORE_MS);
  await source.publish();
  await pause(BEFORE_MS);
  const kills: number[] = [];
  for (let i = 1; i <= times; i++) {
    const victim = random.pick(arena.cluster.live);
    kills.push(monotonicMs());
    arena.fault('kill', victim.name);
    await victim.kill();
    await pause(AFTER_MS);
    await arena.cluster.start(victim.name);
    await arena.cluster.agreed(30_000);
    await pause(REPAIR_MS);
    const { delivered, acked, pending } = await arena.counts();
    say(`kill ${i} of ${times}: ${victim.name}; ${acked} acknowledged, ${pending} waiting, ${delivered} delivered`);
  }
  const missing = await arena.settle(SETTLE_MS);
  const watch = new KillWatch(kills, channels);
  const verdict = await arena.judge({}, (event) => watch.on(event));
  const figures = watch.figures();
  const p99 = percentile(figures.servedMs, 0.99);
  return {
    failures: [
      ...verdict.violations.map(({ kind, detail }) => `${kind}: ${detail}`),
      ...missing.map((what) => `not delivered in ${SETTLE_MS / 1_000} s: ${what}`),
      ...(p99 > SERVED_P99_MS ? [`users were served again after ${ms(p99)} p99, ${SERVED_P99_MS} ms is the goal`] : []),
      ...(figures.neverServed > 0
        ? [`${figures.neverServed} times a user was not served again before the next kill`]
        : []),
    ],
    figures: {
      kills: times,
      servedP50Ms: percentile(figures.servedMs, 0.5),
      servedP99Ms: p99,
      servedMaxMs: Math.max(...figures.servedMs),
      latencyP99Ms: percentile(figures.latencyMs, 0.99),
      ackMaxMs: Math.max(...figures.ackMs),
      lost: verdict.count('lost'),
      repeated: verdict.count('repeated'),
      acknowledged: verdict.counts.acknowledged,
      delivered: verdict.counts.delivered,
      unknown: verdict.counts.unknown,
    },
    lines: [
      ...verdictLines(verdict),
      row('kill to a user’s next message', figures.nextMs),
      row('kill to a user’s first message published after it', figures.servedMs),
      row('publish to arrival around a kill', figures.latencyMs),
      row('publish to acknowledgement around a kill', figures.ackMs),
      ...histogram(figures.servedMs),
    ],
    plots: { kill: distribution(figures, times) },
  };
}

/** Takes the figures out of the histories: files come one after the other, so all is kept until the end. */
export class KillWatch {
  readonly #kills: readonly number[];
  readonly #channels: ReadonlySet<string>;
  /** By channel and number: published, acknowledged, arrived. */
  readonly #published = new Map<string, number>();
  readonly #acked = new Map<string, number>();
  readonly #arrived: { readonly client: string; readonly key: string; readonly t: number }[] = [];

  constructor(kills: readonly number[], channels: readonly string[]) {
    this.#kills = kills;
    this.#channels = new Set(channels);
  }

  on(event: HistoryEvent): void {
    if (!('n' in event) || !this.#channels.has(event.ch)) return;
    const key = `${event.ch} ${event.p} ${event.n}`;
    if (event.kind === 'pub-invoke') this.#published.set(key, event.t);
    else if (event.kind === 'pub-ok') this.#acked.set(key, event.t);
    else if (event.kind === 'callback') this.#arrived.push({ client: event.client, key, t: event.t });
  }

  figures(): KillFigures {
    const nextMs: number[] = [];
    const servedMs: number[] = [];
    let neverServed = 0;
    const clients = new Set(this.#arrived.map(({ client }) => client));
    for (const [i, at] of this.#kills.entries()) {
      const end = this.#kills[i + 1] ?? Number.POSITIVE_INFINITY;
      const next = new Map<string, number>();
      const served = new Map<string, number>();
      for (const { client, key, t } of this.#arrived) {
        if (t <= at || t >= end) continue;
        keepLeast(next, client, t - at);
        if ((this.#published.get(key) ?? 0) > at) keepLeast(served, client, t - at);
      }
      nextMs.push(...next.values());
      servedMs.push(...served.values());
      neverServed += clients.size - served.size;
    }
    const latencyMs = this.#arrived.flatMap(({ key, t }) => this.#since(key, t));
    const ackMs = [...this.#acked].flatMap(([key, t]) => this.#since(key, t));
    return { nextMs, servedMs, latencyMs, ackMs, neverServed };
  }

  /** From publish to arrival, of every message. */
  latencies(): number[] {
    return this.#arrived.map(({ key, t }) => t - (this.#published.get(key) ?? t));
  }

  #since(key: string, t: number): number[] {
    const published = this.#published.get(key);
    if (published === undefined) return [];
    const isNear = this.#kills.some((at) => published > at - 1_000 && published < at + 3_000);
    return isNear ? [t - published] : [];
  }
}

/** Share of users, and of messages, that had waited no longer than so long. */
function distribution({ servedMs, latencyMs }: KillFigures, times: number): string {
  const lines = [
    { name: 'kill to first message published after it', values: servedMs },
    { name: 'publish to arrival around a kill', values: latencyMs },
  ].map(({ name, values }) => ({
    name,
    points: Array.from({ length: 101 }, (_, i): [number, number] => [percentile(values, i / 100), i]),
  }));
  const title = 'kill -9 of one of three nodes, 500 messages/s to 300 users';
  return plot(title, `${times} kills; a user is written to every 600 ms`, 'ms', '% of users, of messages', lines);
}

function keepLeast(map: Map<string, number>, key: string, value: number): void {
  const known = map.get(key);
  if (known === undefined || value < known) map.set(key, value);
}

function histogram(values: readonly number[]): string[] {
  const edges = [100, 200, 300, 400, 500, 600, 700, 800, 1_000, 1_500, 2_000, Number.POSITIVE_INFINITY];
  let from = 0;
  return edges.flatMap((to) => {
    const count = values.filter((value) => value >= from && value < to).length;
    const label = `${from}–${Number.isFinite(to) ? to : ''} ms`.padEnd(12);
    from = to;
    if (count === 0) return [];
    const share = count / values.length;
    return [`  ${label} ${'█'.repeat(Math.ceil(share * 50))} ${(share * 100).toFixed(1)} %`];
  });
}
