/**
 * Faults in random order, one every ten seconds on average, under load over every transport. A kill is only done four
 * seconds after the last fault ended and with all nodes up: `acks` copies survive one loss within one repair time, and that
 * rule is kept by the clock, not by what the system believes of itself.
 */
import { dealt, mixedPublishers, mixedReaders, rooms } from '../crowd.js';
import { Arena } from '../harness/arena.js';
import { verdictLines } from '../harness/judge.js';
import { SeededRandom } from '../random.js';
import { type Outcome, pause, type Scenario, type ScenarioOptions, within } from '../scenario.js';
import { Nemesis } from './nemesis.js';

const ROOMS = 20;
const SETTLE_MS = 40_000;
const AGREED_MS = 60_000;

export const faults: Scenario = (options) =>
  within(Arena.open({ nodes: options.nodes, network: options.network }), options, (arena) => run(arena, options));

async function run(arena: Arena, options: ScenarioOptions): Promise<Outcome> {
  const { seed, say, minutes } = options;
  const random = new SeededRandom(seed);
  const channels = rooms(ROOMS);
  const readers = mixedReaders(options.subscribers, channels, random);
  const publishers = mixedPublishers(options.publishers, options.perSecond, channels, random);
  for (const [i, hand] of dealt(readers, 3).entries())
    await arena.addClients({ name: `readers${i + 1}`, readers: hand });
  await arena.addClients({ name: 'publishers', publishers });
  say(`${options.nodes} nodes (${arena.network.kind}), ${readers.length} readers, ${publishers.length} publishers`);
  for (const clients of arena.clients) await clients.publish();
  const nemesis = new Nemesis(arena, random, say);
  const problems: string[] = [];
  const until = performance.now() + minutes * 60_000;
  try {
    await nemesis.run(until);
    await nemesis.calm();
    await arena.cluster.agreed(AGREED_MS);
    say('calm: all nodes agree');
  } catch (error) {
    problems.push((error as Error).message);
    say((error as Error).message);
  }
  arena.history.record({ kind: 'calm' });
  await pause(1_000);
  problems.push(
    ...(await arena.settle(SETTLE_MS)).map((what) => `not delivered ${SETTLE_MS / 1_000} s after the calm: ${what}`),
  );
  say('judging');
  const verdict = await arena.judge();
  const isTwofold = nemesis.counts.has('partition') || nemesis.counts.has('isolate') || nemesis.counts.has('stop');
  if (verdict.counts.bareRepeats > 0 && !isTwofold)
    problems.push(`${verdict.counts.bareRepeats} repeated on bare transports although no slot can have had two owners`);
  return {
    failures: [...verdict.violations.map(({ kind, detail }) => `${kind}: ${detail}`), ...problems],
    figures: {},
    lines: [
      `faults        ${[...nemesis.counts].map(([kind, count]) => `${count} ${kind}`).join(', ') || 'none'}`,
      ...verdictLines(verdict),
    ],
  };
}
