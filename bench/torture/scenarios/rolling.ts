/** Every node is drained and started again, one after the other, while 300 users get 500 messages a second. */
import { Arena } from '../harness/arena.js';
import { viewOf } from '../harness/cluster.js';
import { verdictLines } from '../harness/judge.js';
import { type Outcome, pause, row, type Scenario, type ScenarioOptions, within } from '../scenario.js';
import { KillWatch } from './kill.js';
import { addSteadyLoad } from './steady-load.js';

const SETTLE_MS = 20_000;
const EXIT_MS = 60_000;
/** Each node's share of the slots may differ by so much at the end. */
const BALANCE = 0.05;

export const rolling: Scenario = (options) =>
  within(Arena.open({ nodes: 3, network: 'loopback' }), options, (arena) => run(arena, options));

async function run(arena: Arena, { times, say }: ScenarioOptions): Promise<Outcome> {
  const { channels, source } = await addSteadyLoad(arena);
  await source.publish();
  await pause(1_000);
  const failures: string[] = [];
  for (let round = 1; round <= times; round++) {
    for (const { name } of arena.cluster.live) {
      const node = arena.cluster.node(name);
      const startedAt = performance.now();
      arena.fault('drain', name);
      node.signal('SIGTERM');
      const exit = await Promise.race([node.exited, pause(EXIT_MS).then(() => 'nothing')]);
      const tookMs = performance.now() - startedAt;
      if (exit !== 0) failures.push(`${name} ended its drain with ${exit}`);
      if (exit === 'nothing') await node.kill();
      await arena.cluster.start(name);
      await arena.cluster.agreed(30_000);
      say(`${name}: drained in ${(tookMs / 1_000).toFixed(1)} s with exit code ${exit}, started again`);
    }
  }
  const view = await viewOf(arena.cluster.live[0]!.url);
  const fair = view!.slots / view!.nodes.filter((node) => node.slots > 0).length;
  const off = Math.max(...view!.nodes.filter((node) => node.slots > 0).map((node) => Math.abs(node.slots / fair - 1)));
  if (off > BALANCE) failures.push(`slots are ${(off * 100).toFixed(1)} % off their share at the end`);
  const missing = await arena.settle(SETTLE_MS);
  const watch = new KillWatch([], channels);
  const verdict = await arena.judge({}, (event) => watch.on(event));
  return {
    failures: [...failures, ...verdict.violations.map(({ kind, detail }) => `${kind}: ${detail}`), ...missing],
    figures: { lost: verdict.count('lost'), repeated: verdict.count('repeated'), balanceOff: off },
    lines: [
      ...verdictLines(verdict),
      row('publish to arrival, all messages', watch.latencies()),
      `slots at the end: at most ${(off * 100).toFixed(2)} % off a node's share`,
    ],
  };
}
