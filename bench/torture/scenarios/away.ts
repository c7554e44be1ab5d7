/**
 * Users whose connection is gone for two seconds, in which 1,000 messages are published to each; then it is back. Measured
 * from the first dial to the last missed message. Bare WebSocket readers are cut by closing their sockets; library clients
 * stand in a place of their own that is cut off from every node, where the network can be cut.
 */
import type { HistoryEvent } from '../../../lib/sim/checkers/history.js';
import type { ReaderPlan } from '../clients/plan.js';
import { Arena } from '../harness/arena.js';
import { verdictLines } from '../harness/judge.js';
import { monotonicMs } from '../harness/recorder.js';
import { ms, type Outcome, pause, percentile, row, type Scenario, type ScenarioOptions, within } from '../scenario.js';

const READERS = 5;
const MISSED = 1_000;
const AWAY_MS = 2_000;
const SETTLE_MS = 20_000;
const GOAL_MS = 100;

export const away: Scenario = (options) =>
  within(Arena.open({ nodes: 3, network: 'loopback' }), options, (arena) => run(arena, options));

async function run(arena: Arena, { times, say }: ScenarioOptions): Promise<Outcome> {
  const readers = Array.from({ length: READERS }, (_, i): ReaderPlan => {
    return { client: `a${i + 1}`, transport: 'ws-json', user: '', channels: [`away:${i + 1}`], relay: false };
  });
  const names = readers.map(({ client }) => client);
  const channels = readers.flatMap((reader) => reader.channels);
  const crowd = await arena.addClients({ name: 'readers', readers });
  const publisher = { p: 'p1', via: 'publisher', channels, perSecond: 1, dataBytes: 128, order: 'turn' } as const;
  const source = await arena.addClients({ name: 'publisher', publishers: [publisher] });
  await source.burst(60);
  const backAt: number[] = [];
  for (let i = 1; i <= times; i++) {
    await pause(500);
    await crowd.away(names);
    const left = performance.now();
    await pause(200);
    await source.burst(MISSED);
    await pause(Math.max(0, AWAY_MS - (performance.now() - left)));
    backAt.push(monotonicMs());
    await crowd.return(names);
    const missing = await crowd.awaitAll(await source.settle(), SETTLE_MS);
    say(`away ${i} of ${times}: ${missing.length === 0 ? 'caught up' : missing.join('; ')}`);
  }
  const missing = await arena.settle(SETTLE_MS);
  const caughtUp = new CaughtUp(backAt);
  const verdict = await arena.judge({}, (event) => caughtUp.on(event));
  const all = caughtUp.all();
  const p50 = percentile(all, 0.5);
  return {
    failures: [
      ...verdict.violations.map(({ kind, detail }) => `${kind}: ${detail}`),
      ...missing,
      ...(verdict.counts.bareRepeats > 0 ? [`${verdict.counts.bareRepeats} repeated`] : []),
      ...(p50 <= GOAL_MS ? [] : [`caught up after ${ms(p50)} p50, ${GOAL_MS} ms is the goal`]),
    ],
    figures: { caughtUpP50Ms: p50, caughtUpMaxMs: Math.max(...all), lost: verdict.count('lost') },
    lines: [...verdictLines(verdict), row('back to the last missed message', all)],
  };
}

/** By reader and absence, from the return to the last message that was missed. */
class CaughtUp {
  readonly #backAt: readonly number[];
  readonly #last = new Map<string, number>();

  constructor(backAt: readonly number[]) {
    this.#backAt = backAt;
  }

  on(event: HistoryEvent): void {
    if (event.kind !== 'callback') return;
    const round = this.#backAt.findLastIndex((at) => at < event.t);
    if (round < 0) return;
    const key = `${round} ${event.client}`;
    this.#last.set(key, Math.max(event.t - this.#backAt[round]!, this.#last.get(key) ?? 0));
  }

  all(): number[] {
    return [...this.#last.values()];
  }
}
