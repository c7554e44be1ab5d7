/**
 * One run: chaos while the checkers watch for what must never happen, then calm, by the end of which everything must be
 * well again; then one node is killed and one falls silent, and both must be noticed in time.
 */
import type { MembershipTiming } from '../../core/membership/options.js';
import type { NodeId } from '../../wire/ids.js';
import { LAN } from '../network-options.js';
import { World } from '../world.js';
import { SeededRandom } from '../world-random.js';
import { Checkers, type Rule, type Violation } from './checkers.js';
import { frameCodec, frameSize, frameType, idOfNumber, MemberProgram, type MembershipClass } from './member-program.js';
import type { Scenario } from './scenario.js';

export interface Outcome {
  readonly scenario: Scenario;
  readonly hash: string;
  readonly events: number;
  readonly violations: readonly Violation[];
  readonly counts: ReadonlyMap<string, number>;
  readonly convergedMs: number | undefined;
}

const SAMPLE_MS = 1_000;
const STABLE_MS = 6_000;
const FRAMES_A_SECOND_MAX = 25;

/**
 * By when a cluster without faults must agree: the lottery has found everyone (missed with a chance of 1e-6 by then), the
 * slowest suspicion has run out, a node with the worst local health has been through its round, views were compared.
 */
export function convergenceDeadlineMs(timing: MembershipTiming, hosts: number): number {
  const lotteryMs = Math.max(1_000, 500 * hosts) / timing.reconnectPerSecond;
  const reconnectMs = 14 * 2 * Math.max(500, lotteryMs / Math.max(1, hosts));
  const suspicionMs = timing.suspicionMinMs * timing.suspicionMaxFactor;
  const probeMs = timing.probeIntervalMs * (timing.healthMax + 1) * 3;
  const compareMs = timing.syncDelayMs * 2 * (4 + Math.ceil(Math.log2(hosts + 1)));
  return 5_000 + reconnectMs + suspicionMs + probeMs + compareMs;
}

export function runScenario(scenario: Scenario, type: MembershipClass, line?: (line: string) => void): Outcome {
  const checkers = new Checkers(
    scenario.faults,
    scenario.baseLoss,
    scenario.twins ? idOfNumber(scenario.hosts - 2) : undefined,
  );
  const { hosts, timing } = scenario;
  const url = (host: number): string => world.hosts[host]?.url ?? '';
  const world = new World({
    seed: scenario.seed,
    hosts,
    network: {
      ...LAN,
      idleMs: 8_000,
      sizeOf: frameSize,
      typeOf: frameType,
      ...(scenario.codec ? { codec: frameCodec } : {}),
    },
    faults: scenario.faults,
    triggers: scenario.triggers,
    program: (ports) =>
      new MemberProgram(
        {
          type,
          timing,
          seeds: () => scenario.seeds.map(url),
          nameOf: (host) => (scenario.twins && host === hosts - 1 ? hosts - 2 : host),
          weightOf: (host) => 1 + (host % 3),
        },
        ports,
        checkers,
      ),
    ...(line ? { line } : {}),
  });
  checkers.world = world;
  world.conditions.baseLoss = scenario.baseLoss;
  const random = new SeededRandom(scenario.seed, 4);
  const failed = () => checkers.violations.length > 0;
  const samplesUntil = (until: number) => {
    while (world.now < until && !failed()) {
      world.run(Math.min(until, world.now + SAMPLE_MS), failed);
      checkers.sample();
    }
  };
  samplesUntil(scenario.chaosMs);
  if (!failed()) calm(world, checkers, scenario, random, samplesUntil);
  const counts = new Map(checkers.counts);
  for (const [kind, times] of world.happened) counts.set(kind, times);
  const { counters } = world.network;
  for (const [name, times] of Object.entries(counters)) counts.set(`network ${name}`, times as number);
  return {
    scenario,
    hash: world.trace.hash,
    events: world.trace.events,
    violations: checkers.violations,
    counts,
    convergedMs: counts.get('converged'),
  };
}

function calm(
  world: World,
  checkers: Checkers,
  scenario: Scenario,
  random: SeededRandom,
  samplesUntil: (until: number) => void,
): void {
  const { timing, hosts } = scenario;
  world.conditions.clear();
  world.disarm();
  if (scenario.temper === 'heals') checkers.wellFrom = world.now;
  world.conditions.baseLoss = 0;
  // Most of the dead come back; the first, who is everybody's seed, always does.
  for (const host of world.hosts) {
    const back = random.chance(0.7) || host.index === 0;
    if (scenario.temper === 'heals') break;
    if (!host.process && back && !(scenario.twins && host.index === hosts - 1)) world.start(host.index);
  }
  const deadline = world.now + convergenceDeadlineMs(timing, hosts);
  let why: string | undefined = 'not looked';
  while (world.now < deadline && why !== undefined && checkers.violations.length === 0) {
    world.run(world.now + 250, () => checkers.violations.length > 0);
    why = checkers.disagreement();
  }
  if (checkers.violations.length > 0) return;
  if (why !== undefined) return checkers.violate('converges', why);
  checkers.counts.set('converged', world.now - scenario.chaosMs);
  const sentBefore = world.network.counters.messages;
  const stableFrom = world.now;
  samplesUntil(world.now + STABLE_MS);
  why = checkers.disagreement();
  // Someone may just have been forgotten: that news takes its time as any other.
  for (let step = 0; step < 12 && why !== undefined; step++) {
    world.run(world.now + 250);
    why = checkers.disagreement();
  }
  if (why !== undefined) checkers.violate('stays converged', why);
  const perNode = (world.network.counters.messages - sentBefore) / hosts / ((world.now - stableFrom) / 1_000);
  if (perNode > FRAMES_A_SECOND_MAX)
    checkers.violate('quiet when nothing happens', `${perNode.toFixed(0)} frames a second a node`);
  if (hosts < 2 || checkers.violations.length > 0) return;
  dropsInTime(world, checkers, random, false, 600, 'a killed node is dropped at once');
  samplesUntil(world.now + 3_000);
  const probesMs = timing.probeIntervalMs * (2 * Math.min(hosts, 2 * timing.neighbours) + 4) * 2;
  const silentMs = timing.suspicionMinMs + probesMs + 2_000;
  dropsInTime(world, checkers, random, true, silentMs, 'a silent node is dropped in time');
}

function dropsInTime(
  world: World,
  checkers: Checkers,
  random: SeededRandom,
  silently: boolean,
  withinMs: number,
  rule: Rule,
): void {
  const running = world.hosts.filter((host) => host.process);
  if (running.length < 2 || checkers.violations.length > 0) return;
  const victim = random.pick(running);
  const id = victim.process?.program.id as NodeId;
  world.stop(victim.index, silently);
  const until = world.now + withinMs;
  const holdsIt = () =>
    running.filter((host) => {
      const state = checkers.program(host.index)?.membership.get(id)?.state;
      return host !== victim && state !== undefined && state !== 'failed' && state !== 'left';
    });
  while (world.now < until && holdsIt().length > 0) world.run(world.now + 50);
  const late = holdsIt();
  if (late.length > 0) checkers.violate(rule, `${late.length} nodes still hold host ${victim.index}`);
}
