/**
 * A cut through the middle for ten seconds, with clients on both sides. Of five nodes, 2|3: both sides keep acknowledging, and
 * after the heal every reader has the union. Of three, 1|2: the lone node acknowledges nothing.
 */
import type { HistoryEvent } from '../../../lib/sim/checkers/history.js';
import { mixedReaders, rooms } from '../crowd.js';
import { Arena } from '../harness/arena.js';
import { verdictLines } from '../harness/judge.js';
import type { NodeProcess } from '../harness/node-process.js';
import { monotonicMs } from '../harness/recorder.js';
import { SeededRandom } from '../random.js';
import { type Outcome, pause, type Scenario, type ScenarioOptions, within } from '../scenario.js';

const ROOMS = 8;
const READERS_A_SIDE = 24;
const PER_SECOND = 50;
const CUT_MS = 10_000;
const SETTLE_MS = 40_000;

export const split: Scenario = async (options) => {
  const first = await within(open(5, options), options, (arena) => run(arena, 2, options));
  const second = await within(open(3, options), options, (arena) => run(arena, 1, options));
  return {
    failures: [...first.failures, ...second.failures],
    figures: { ...prefixed('2|3 ', first.figures), ...prefixed('1|2 ', second.figures) },
    lines: ['2|3 of 5 nodes', ...first.lines, '', '1|2 of 3 nodes', ...second.lines],
  };
};

function open(nodes: number, { network }: ScenarioOptions): Promise<Arena> {
  return Arena.open({ nodes, network });
}

async function run(arena: Arena, few: number, { seed, say }: ScenarioOptions): Promise<Outcome> {
  if (!arena.network.canCut) throw new Error('a network that can be cut is needed: --network namespaces or proxy');
  const random = new SeededRandom(seed);
  const nodes = random.shuffled(arena.cluster.live);
  const sides = [nodes.slice(0, few), nodes.slice(few)] as const;
  const channels = rooms(ROOMS);
  for (const [i, side] of sides.entries()) {
    const name = `side${i + 1}`;
    const readers = mixedReaders(READERS_A_SIDE, channels, random).map((reader) => {
      return { ...reader, client: `${name}${reader.client}`, user: reader.user && `${name}${reader.user}` };
    });
    const publishers = (['client', 'publisher', 'http'] as const).map((via) => {
      const p = `${name}-${via}`;
      return { p, via, channels, perSecond: PER_SECOND / 3, dataBytes: 128, order: 'random' } as const;
    });
    const place = await arena.network.addClients(name);
    const urls = side.map((node) => node.url);
    await arena.addClients({ name, place, readers, publishers, urls });
  }
  for (const clients of arena.clients) await clients.publish();
  await pause(2_000);
  arena.fault('split', ...sides[0].map((node) => node.name));
  cutThrough(arena, sides);
  const cutAt = monotonicMs();
  say(`cut ${sides.map((side) => side.map((node) => node.name).join('+')).join(' | ')} for ${CUT_MS / 1_000} s`);
  await pause(CUT_MS);
  const healedAt = monotonicMs();
  arena.network.heal();
  arena.fault('heal');
  await arena.cluster.agreed(30_000);
  say(`healed: one table after ${((monotonicMs() - healedAt) / 1_000).toFixed(1)} s`);
  await pause(2_000);
  const missing = await arena.settle(SETTLE_MS);
  const acked = [0, 0];
  /** Published while cut: what was stored on both sides just before may still be acknowledged. */
  const published = new Set<string>();
  const verdict = await arena.judge({}, (event: HistoryEvent) => {
    if (!('p' in event) || event.t < cutAt || event.t > healedAt) return;
    const key = `${event.ch} ${event.p} ${event.n}`;
    if (event.kind === 'pub-invoke') published.add(key);
    else if (event.kind === 'pub-ok' && published.has(key)) acked[event.p.startsWith('side1') ? 0 : 1]!++;
  });
  const failures = verdict.violations.map(({ kind, detail }) => `${kind}: ${detail}`);
  if (few > 1 && acked[0] === 0) failures.push('the smaller side acknowledged nothing');
  if (few === 1 && acked[0]! > 0) failures.push(`the lone node acknowledged ${acked[0]} messages`);
  if (acked[1] === 0) failures.push('the larger side acknowledged nothing');
  return {
    failures: [...failures, ...missing],
    figures: { ackedFew: acked[0]!, ackedMany: acked[1]!, lost: verdict.count('lost') },
    lines: [
      `acknowledged while cut: ${acked[0]} by ${few} nodes, ${acked[1]} by ${sides[1].length}`,
      ...verdictLines(verdict),
    ],
  };
}

/** Nodes of one side reach nobody of the other, clients included. */
function cutThrough(arena: Arena, sides: readonly [readonly NodeProcess[], readonly NodeProcess[]]): void {
  const places = sides.map((side, i) => [...side.map((node) => node.place), arena.clients[i]!.place]);
  for (const a of places[0]!) for (const b of places[1]!) arena.network.cut(a, b);
}

function prefixed(prefix: string, figures: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${prefix}${name}`, value]));
}
