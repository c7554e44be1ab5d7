/**
 * One run as data, drawn from its seed: the cluster, who reads and publishes, and what goes wrong when. Four tempers,
 * since noise hides what a quiet run shows: partitions and pauses spread accidental copies that mask a loss.
 * The budget of kills is independent of what the system believes of itself: after a kill there is no other until four
 * seconds have passed without any fault, so that `acks` copies must be enough.
 */
import { CHANNELS_DEFAULTS, type ChannelsOptions } from '../../core/channel/options.js';
import type { Fault, Trigger } from '../world-faults.js';
import { SeededRandom } from '../world-random.js';
import type { ClientPlan } from './client-program.js';

export const DELIVERY_TEMPERS = ['noisy', 'quiet', 'triggered', 'short-history', 'planned'] as const;
export type DeliveryTemper = (typeof DELIVERY_TEMPERS)[number];

export interface DeliveryScenario {
  readonly seed: number;
  readonly temper: string;
  /** Hosts 0 to nodes − 1 run nodes, the others clients. */
  readonly nodes: number;
  readonly slots: number;
  readonly channels: ChannelsOptions;
  readonly clients: readonly ClientPlan[];
  readonly faults: readonly Fault[];
  readonly triggers: readonly Trigger[];
  readonly chaosMs: number;
  readonly calmMs: number;
  /** Gaps are expected: history is smaller than the run. */
  readonly smallHistory: boolean;
}

/** Without any fault for this long, one more node may die. */
const BETWEEN_KILLS_MS = 4_000;
export const START_MS = 3_000;

export function makeDeliveryScenario(seed: number, temper: DeliveryTemper): DeliveryScenario {
  const random = new SeededRandom(seed, 5);
  const nodes = temper === 'quiet' ? random.pick([3, 3, 4, 5]) : random.pick([2, 3, 3, 3, 5, 5]);
  // copies = acks leaves no slack: an extra copy masks a loss
  const noSlack = temper === 'quiet' || random.chance(0.4);
  const copies = noSlack ? 2 : 3;
  const chaosMs = START_MS + 8_000 + random.below(10_000);
  const smallHistory = temper === 'short-history';
  return {
    seed,
    temper,
    nodes,
    slots: 16,
    channels: {
      ...CHANNELS_DEFAULTS,
      copies,
      acks: 2,
      whenShort: 'refuse',
      history: { messages: smallHistory ? 10 + random.below(30) : 100_000, bytes: 1 << 24, ageMs: 3_600_000 },
      unknownMs: 8_000,
    },
    clients: makeClients(nodes, random),
    faults: makeFaults(temper, nodes, chaosMs, random),
    triggers: temper === 'triggered' ? makeTriggers(random) : [],
    chaosMs,
    calmMs: 25_000,
    smallHistory,
  };
}

function makeClients(nodes: number, random: SeededRandom): ClientPlan[] {
  const channels = ['room:1', 'room:2', 'room:3'];
  const plans: ClientPlan[] = [];
  for (let i = 0; i < 3; i++) {
    const writes = i === 0 ? ['room:1'] : random.shuffled(channels).slice(0, 2);
    plans.push({
      user: `writer${i}`,
      reads: [],
      writes,
      everyMs: random.between(60, 250),
      window: 1 + random.below(6),
    });
  }
  for (let i = 0; i < 3; i++) {
    const reads = i === 0 ? channels : random.shuffled(channels).slice(0, 1 + random.below(3));
    plans.push({ user: `reader${i}`, reads, writes: [], everyMs: 1_000, window: 1 });
  }
  plans.push({ user: '', reads: ['room:1'], writes: ['room:1'], everyMs: 400, window: nodes });
  return plans;
}

function makeFaults(temper: DeliveryTemper, nodes: number, chaosMs: number, random: SeededRandom): Fault[] {
  switch (temper) {
    case 'quiet':
      return kills(nodes, chaosMs, random, true);
    case 'planned':
      return planned(nodes, chaosMs, random);
    case 'triggered':
      return awayTimes(nodes, chaosMs, random, 2);
    default:
      return [...noise(nodes, chaosMs, random), ...awayTimes(nodes, chaosMs, random, temper === 'noisy' ? 3 : 6)];
  }
}

/** Kills with an empty restart, each after the cluster had the time to make its copies whole again. */
function kills(nodes: number, chaosMs: number, random: SeededRandom, fast: boolean): Fault[] {
  const faults: Fault[] = [];
  let at = START_MS + random.between(500, 3_000);
  while (at < chaosMs - 1_000) {
    const host = random.below(nodes);
    const downMs = fast && random.chance(0.5) ? random.between(50, 400) : random.between(400, 3_000);
    faults.push({ at, kind: 'kill', host });
    faults.push({ at: at + downMs, kind: 'restart', host, memory: random.chance(0.5) });
    at += downMs + BETWEEN_KILLS_MS + random.between(500, 2_500);
  }
  return faults;
}

function noise(nodes: number, chaosMs: number, random: SeededRandom): Fault[] {
  const faults: Fault[] = [];
  const all = Array.from({ length: nodes }, (_, i) => i);
  const count = 3 + random.below(7);
  // one kill, early, and after four quiet seconds at most one more
  const killAt = random.chance(0.6) ? START_MS + random.between(0, 4_000) : Number.POSITIVE_INFINITY;
  if (killAt < chaosMs) {
    const host = random.below(nodes);
    faults.push({ at: killAt, kind: 'kill', host });
    faults.push({ at: killAt + random.between(50, 3_000), kind: 'restart', host, memory: random.chance(0.5) });
  }
  for (let i = 0; i < count; i++) {
    const at = random.between(START_MS, chaosMs - 500);
    const forMs = Math.min(chaosMs - at, random.between(200, 6_000));
    const host = random.below(nodes);
    const other = (host + 1 + random.below(nodes - 1)) % nodes;
    const mixed = random.shuffled(all);
    const cutAt = 1 + random.below(nodes - 1);
    switch (random.below(8)) {
      case 0:
        faults.push({ at, kind: 'partition', groups: [mixed.slice(0, cutAt), mixed.slice(cutAt)], forMs });
        break;
      case 1:
        faults.push({ at, kind: 'partition', groups: [[host], all.filter((n) => n !== host)], forMs });
        break;
      case 2:
        faults.push({ at, kind: 'cut', from: [host], to: [other], forMs });
        break;
      case 3:
        faults.push({ at, kind: 'clog', from: host, to: other, forMs });
        break;
      case 4:
        faults.push({ at, kind: 'stall', host, forMs: Math.min(forMs, 5_000) });
        break;
      case 5:
        faults.push({ at, kind: 'break', a: host, b: other });
        break;
      case 6:
        faults.push({ at, kind: 'delay', host, addMs: random.between(1, 120), forMs });
        break;
      case 7:
        faults.push({ at, kind: 'break', a: host, b: nodes + random.below(7) });
        break;
    }
  }
  return faults.sort((a, b) => a.at - b.at);
}

/** Joins, drains, restarts of one node after the other: what happens a thousand times as often as failures. */
function planned(nodes: number, chaosMs: number, random: SeededRandom): Fault[] {
  const faults: Fault[] = [];
  let at = START_MS + random.between(200, 1_000);
  for (let host = random.below(nodes); at < chaosMs - 2_000 && nodes > 1; host = (host + 1) % nodes) {
    faults.push({ at, kind: 'command', host, command: 'drain' });
    at += random.between(3_000, 6_000);
    faults.push({ at, kind: 'restart', host, memory: random.chance(0.5) });
    at += random.between(1_500, 3_000);
  }
  return [...faults, ...awayTimes(nodes, chaosMs, random, 2)];
}

/** Readers that go away for a while and resume with what they had exported. */
function awayTimes(nodes: number, chaosMs: number, random: SeededRandom, count: number): Fault[] {
  return Array.from({ length: count }, () => ({
    at: random.between(START_MS, chaosMs),
    kind: 'command' as const,
    host: nodes + 3 + random.below(3),
    command: `away ${Math.round(random.between(200, 5_000))}`,
  }));
}

const MOMENTS = ['published', 'push', 'have', 'acquire', 'acquired', 'message', 'forwarded', 'digest'];

/** Kill who just sent it. One a run, as the budget of kills has it. */
function makeTriggers(random: SeededRandom): Trigger[] {
  const on = random.pick(MOMENTS);
  const rare = on === 'acquire' || on === 'acquired';
  const nth = rare ? 1 + random.below(12) : 20 + random.below(250);
  return [{ on, nth, do: random.chance(0.8) ? 'kill' : 'stall', forMs: random.between(300, 4_000) }];
}
