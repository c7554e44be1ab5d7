/**
 * `kill -9` of all three nodes within 50 ms while 500 messages a second go to 300 users, again and again; their history is
 * on disk. They start again together. Whatever was acknowledged is delivered, once, and no reader is told of a gap.
 */
import { Arena } from '../harness/arena.js';
import { verdictLines } from '../harness/judge.js';
import { monotonicMs } from '../harness/recorder.js';
import { SeededRandom } from '../random.js';
import { type Outcome, pause, percentile, row, type Scenario, type ScenarioOptions, within } from '../scenario.js';
import { KillWatch } from './kill.js';
import { addSteadyLoad } from './steady-load.js';

const WITHIN_MS = 50;
const DOWN_MS = 500;
const AFTER_MS = 4_000;
const SETTLE_MS = 30_000;

export const outage: Scenario = (options) =>
  within(Arena.open({ nodes: 3, network: 'loopback', onDisk: true }), options, (arena) => run(arena, options));

async function run(arena: Arena, { times, seed, say }: ScenarioOptions): Promise<Outcome> {
  const random = new SeededRandom(seed);
  const { channels, source } = await addSteadyLoad(arena);
  await pause(1_000);
  await source.publish();
  await pause(2_000);
  const kills: number[] = [];
  for (let i = 1; i <= times; i++) {
    const nodes = random.shuffled(arena.cluster.live);
    kills.push(monotonicMs());
    arena.fault('kill', ...nodes.map(({ name }) => name));
    await Promise.all(
      nodes.map(async (node) => {
        await pause(random.next() * WITHIN_MS);
        await node.kill();
      }),
    );
    await pause(DOWN_MS);
    // at their ports of before: nobody is left who could tell of others
    await Promise.all(nodes.map(({ name, url }) => arena.cluster.start(name, ['--port', new URL(url).port])));
    await arena.cluster.agreed(30_000);
    await pause(AFTER_MS);
    const { delivered, acked, pending, gaps } = await arena.counts();
    say(`outage ${i} of ${times}: ${acked} acknowledged, ${pending} waiting, ${delivered} delivered, ${gaps} gaps`);
  }
  const missing = await arena.settle(SETTLE_MS);
  const watch = new KillWatch(kills, channels);
  const verdict = await arena.judge({}, (event) => watch.on(event));
  const { servedMs } = watch.figures();
  return {
    failures: [
      ...verdict.violations.map(({ kind, detail }) => `${kind}: ${detail}`),
      ...missing.map((what) => `not delivered in ${SETTLE_MS / 1_000} s: ${what}`),
    ],
    figures: {
      outages: times,
      lost: verdict.count('lost'),
      repeated: verdict.count('repeated'),
      acknowledged: verdict.counts.acknowledged,
      delivered: verdict.counts.delivered,
      gaps: verdict.counts.gaps,
      servedP99Ms: percentile(servedMs, 0.99),
    },
    lines: [...verdictLines(verdict), row('outage to a user’s first message published after it', servedMs)],
  };
}
