/**
 * `npm run torture`: real processes, real faults, every transport; what all of them record is judged by the checkers of the
 * simulators. Exits with 1 where a promise was broken.
 */
import { parseArgs } from 'node:util';
import type { NetworkKind } from './harness/open-network.js';
import { saveOutcome } from './results.js';
import type { Scenario, ScenarioOptions } from './scenario.js';
import { away } from './scenarios/away.js';
import { faults } from './scenarios/faults.js';
import { kill } from './scenarios/kill.js';
import { outage } from './scenarios/outage.js';
import { rolling } from './scenarios/rolling.js';
import { split } from './scenarios/split.js';

const SCENARIOS: Readonly<Record<string, Scenario>> = { faults, kill, outage, away, split, rolling };

const TIMES: Readonly<Record<string, string>> = { kill: '30', outage: '10' };

const HELP = `npm run torture -- [options]

  --minutes M        how long faults go on (1)
  --scenario NAME    faults   random faults, one every 10 s on average (the default)
                     kill     kill -9 of one of 3 nodes at 500 messages/s to 300 users, --times over
                     outage   kill -9 of all 3 nodes, history on disk, at the same load, --times over
                     away     2 s away, 1,000 messages missed
                     split    2|3 of 5 nodes and 1|2 of 3 for 10 s, clients on both sides
                     rolling  every node restarted in turn under load, --times over
  --nodes N          nodes of the faults (5)
  --subscribers N    readers of the faults (200)
  --publishers N     publishers of the faults (20)
  --rate N           messages a second, all publishers together (200)
  --times N          kills, outages or rounds (30, 10, 1)
  --seed S           chooses the faults
  --network KIND     namespaces (as root), proxy, or loopback where nothing is cut
  --keep             keep the histories
  --save             write the verdict to bench/results`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    scenario: { type: 'string', default: 'faults' },
    nodes: { type: 'string', default: '5' },
    subscribers: { type: 'string', default: '200' },
    publishers: { type: 'string', default: '20' },
    rate: { type: 'string', default: '200' },
    times: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    network: { type: 'string', default: 'auto' },
    keep: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const startedAt = performance.now();
const say = (line: string) => {
  const seconds = Math.floor((performance.now() - startedAt) / 1_000);
  console.log(`${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')}  ${line}`);
};

function whole(name: 'nodes' | 'subscribers' | 'publishers' | 'rate' | 'times' | 'seed', missing: string): number {
  const value = Number(values[name] ?? missing);
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`--${name} must be a whole number from 1`);
  return value;
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const scenario = SCENARIOS[values.scenario];
  if (scenario === undefined || !(Number(values.minutes) > 0)) {
    console.error(HELP);
    return 2;
  }
  const options: ScenarioOptions = {
    minutes: Number(values.minutes),
    nodes: whole('nodes', '5'),
    subscribers: whole('subscribers', '200'),
    publishers: whole('publishers', '20'),
    perSecond: whole('rate', '200'),
    times: whole('times', TIMES[values.scenario] ?? '1'),
    seed: whole('seed', '1'),
    network: values.network as NetworkKind,
    keep: values.keep,
    say,
  };
  say(`${values.scenario}, seed ${options.seed}`);
  const outcome = await scenario(options);
  const { failures, lines } = outcome;
  if (values.save) saveOutcome(values.scenario, `npm run torture -- ${process.argv.slice(2).join(' ')}`, outcome);
  console.log(`\n${lines.join('\n')}\n`);
  for (const failure of failures.slice(0, 40)) console.log(`  broken: ${failure}`);
  if (failures.length > 40) console.log(`  … and ${failures.length - 40} more`);
  console.log(failures.length === 0 ? 'All promises held.' : `${failures.length} promises were broken.`);
  console.log(
    `Again: npm run torture -- ${process.argv.slice(2).join(' ')}${values.seed && !process.argv.includes('--seed') ? ` --seed ${values.seed}` : ''}`,
  );
  return failures.length === 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof TypeError ? error.message : error);
    process.exit(error instanceof TypeError ? 2 : 1);
  },
);
