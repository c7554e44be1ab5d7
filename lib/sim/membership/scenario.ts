/**
 * What goes wrong in one run, drawn from its seed: how many nodes, which faults, when. Several temperaments, since noise hides
 * what a quiet run shows: stalls only, deaths and restarts only, the wires only, and everything at once; then some special
 * ones: two processes with one key, faults set off by a message, many joins at once, a long partition that heals.
 */
import type { MembershipTiming } from '../../core/membership/options.js';
import { TIMINGS } from '../../core/membership/options.js';
import type { Fault, Trigger } from '../world-faults.js';
import { SeededRandom } from '../world-random.js';

export const TEMPERS = [
  'stalls',
  'deaths',
  'wires',
  'everything',
  'twins',
  'triggered',
  'growth',
  'heals',
  'crowd',
] as const;
export type Temper = (typeof TEMPERS)[number];
/** The last one takes as long as all others together and is run when asked for. */
const IN_TURN = TEMPERS.length - 1;

export interface Scenario {
  readonly seed: number;
  readonly temper: Temper;
  readonly hosts: number;
  readonly timing: MembershipTiming;
  /** Hosts given as seeds to each node. */
  readonly seeds: readonly number[];
  readonly faults: readonly Fault[];
  readonly triggers: readonly Trigger[];
  /** Chaos until here, then calm. */
  readonly chaosMs: number;
  /** The last host runs with the key of the last but one. */
  readonly twins: boolean;
  /** Messages go through their bytes. */
  readonly codec: boolean;
  readonly baseLoss: number;
}

const SIZES = [1, 2, 2, 3, 3, 4, 5, 6, 8, 10, 12, 16];

export function makeScenario(seed: number, temper: Temper = TEMPERS[seed % IN_TURN] as Temper): Scenario {
  const random = new SeededRandom(seed, 3);
  const hosts = sizeFor(temper, random);
  const chaosMs = 20_000 + random.below(30_000);
  const shortMemory = random.chance(0.3);
  const timing: MembershipTiming = {
    ...TIMINGS.lan,
    // Small rings, so that small worlds have members that nobody near them watches.
    neighbours: random.chance(0.5) ? 2 + random.below(3) : TIMINGS.lan.neighbours,
    ...(shortMemory ? { forgetAfterMs: 8_000 + random.below(10_000), forgetLeftAfterMs: 5_000 } : {}),
  };
  const seeds = random.chance(0.5) || hosts < 2 || temper === 'twins' ? [0] : [0, 1];
  return {
    seed,
    temper,
    hosts,
    timing,
    seeds,
    faults: makeFaults(temper, hosts, chaosMs, random),
    triggers: temper === 'triggered' ? makeTriggers(random) : [],
    chaosMs,
    twins: temper === 'twins',
    codec: random.chance(0.05),
    baseLoss: temper === 'wires' && random.chance(0.3) ? random.between(0.01, 0.2) : 0,
  };
}

function sizeFor(temper: Temper, random: SeededRandom): number {
  if (temper === 'crowd') return 60;
  if (temper === 'twins' || temper === 'growth' || temper === 'heals') return 4 + random.below(5);
  return random.pick(SIZES);
}

function makeFaults(temper: Temper, hosts: number, chaosMs: number, random: SeededRandom): Fault[] {
  const faults: Fault[] = [];
  // The first member starts alone or with all others; late ones join in the middle of it.
  for (let host = 0; host < hosts; host++) {
    const late =
      host > 0 && temper !== 'heals' && temper !== 'crowd' && random.chance(temper === 'growth' ? 0.8 : 0.15);
    const at = late ? random.between(3_000, chaosMs * 0.7) : random.between(0, temper === 'growth' ? 50 : 500);
    faults.push({
      at: temper === 'growth' && late ? 6_000 + random.between(0, 60) : at,
      kind: 'restart',
      host,
      memory: true,
    });
  }
  const count = temper === 'growth' || temper === 'crowd' ? 0 : 2 + random.below(hosts + 6);
  for (let i = 0; i < count; i++) {
    const at = random.between(4_000, chaosMs - 1_000);
    const leftMs = chaosMs - at;
    if (temper === 'heals' && i > 0) break;
    const kind = random.pick(MENU[temper]);
    faults.push(...make(kind, at, leftMs, hosts, random));
  }
  return faults.sort((a, b) => a.at - b.at);
}

type Dish =
  | 'short-stall'
  | 'long-stall'
  | 'kill'
  | 'silence'
  | 'bounce'
  | 'leave'
  | 'cut'
  | 'one-way'
  | 'partition'
  | 'long-partition'
  | 'loss'
  | 'clog'
  | 'swizzle'
  | 'muffle'
  | 'duplicate'
  | 'delay'
  | 'break'
  | 'skew';

const DEATHS: readonly Dish[] = ['kill', 'silence', 'bounce', 'bounce', 'leave', 'skew'];
const WIRES: readonly Dish[] = [
  'cut',
  'one-way',
  'partition',
  'loss',
  'clog',
  'swizzle',
  'muffle',
  'duplicate',
  'delay',
  'break',
];
const STALLS: readonly Dish[] = ['short-stall', 'short-stall', 'long-stall'];

const MENU: Record<Temper, readonly Dish[]> = {
  stalls: STALLS,
  deaths: DEATHS,
  wires: WIRES,
  everything: [...STALLS, ...DEATHS, ...WIRES],
  twins: ['short-stall', 'break', 'bounce'],
  triggered: [...DEATHS, 'break', 'duplicate'],
  growth: ['break'],
  heals: ['long-partition'],
  crowd: [],
};

function make(dish: Dish, at: number, leftMs: number, hosts: number, random: SeededRandom): Fault[] {
  const host = random.below(hosts);
  const other = hosts > 1 ? (host + 1 + random.below(hosts - 1)) % hosts : host;
  const forMs = Math.min(leftMs, random.between(500, 15_000));
  switch (dish) {
    case 'short-stall':
      return [{ at, kind: 'stall', host, forMs: Math.min(leftMs, random.between(100, 2_900)) }];
    case 'long-stall':
      return [{ at, kind: 'stall', host, forMs: Math.min(leftMs, random.between(3_000, 32_000)) }];
    case 'kill':
    case 'silence':
      return [{ at, kind: dish, host }];
    case 'bounce': {
      const kind = random.chance(0.7) ? 'kill' : 'silence';
      const backAt = at + Math.min(leftMs, random.chance(0.5) ? random.between(20, 500) : random.between(500, 12_000));
      return [
        { at, kind, host },
        { at: backAt, kind: 'restart', host, memory: random.chance(0.5) },
      ];
    }
    case 'leave':
      return [
        { at, kind: 'command', host, command: 'leave' },
        ...(random.chance(0.6)
          ? [{ at: at + Math.min(leftMs, random.between(2_000, 9_000)), kind: 'restart', host, memory: true } as const]
          : []),
      ];
    case 'skew':
      return [
        { at, kind: 'skew', host, ms: random.between(-3_600_000, 3_600_000) },
        { at: at + 100, kind: 'kill', host },
        {
          at: at + 100 + Math.min(leftMs, random.between(50, 4_000)),
          kind: 'restart',
          host,
          memory: random.chance(0.5),
        },
      ];
    case 'cut':
      return [
        { at, kind: 'cut', from: [host], to: [other], forMs },
        { at, kind: 'cut', from: [other], to: [host], forMs },
      ];
    case 'one-way':
      return [{ at, kind: 'cut', from: [host], to: [other], forMs }];
    case 'partition':
    case 'long-partition': {
      const mixed = random.shuffled(Array.from({ length: hosts }, (_, i) => i));
      const cutAt = 1 + random.below(Math.max(1, hosts - 1));
      const groups = [mixed.slice(0, cutAt), mixed.slice(cutAt)];
      if (dish === 'partition') return [{ at, kind: 'partition', groups, forMs }];
      // Ends with the chaos, long after each side has given the other up: no verdict may follow.
      // Half of them without their seed, so that only the lottery can bring the sides together.
      return [
        ...(random.chance(0.5) ? [{ at: 4_000, kind: 'kill', host: 0 } as const] : []),
        { at: 5_000, kind: 'partition', groups, forMs: at + leftMs - 5_000 },
      ];
    }
    case 'loss':
      return [{ at, kind: 'loss', host, in: random.between(0, 0.9), out: random.between(0, 0.9), forMs }];
    case 'clog':
      return [{ at, kind: 'clog', from: host, to: other, forMs }];
    case 'swizzle':
      // Paths of some hosts are clogged one after the other and freed in another order.
      return random
        .shuffled(Array.from({ length: hosts }, (_, i) => i))
        .slice(0, Math.ceil(hosts / 2))
        .map((from, i) => ({
          at: Math.min(at + i * 200, at + leftMs),
          kind: 'clog' as const,
          from,
          to: (from + 1 + random.below(Math.max(1, hosts - 1))) % hosts,
          forMs: Math.max(1, Math.min(leftMs - i * 200, random.between(500, 8_000))),
        }));
    case 'muffle':
      return [{ at, kind: 'muffle', host, forMs }];
    case 'duplicate':
      return [{ at, kind: 'duplicate', share: random.between(0.05, 0.5), forMs }];
    case 'delay':
      return [{ at, kind: 'delay', host, addMs: random.between(1, 100), forMs }];
    case 'break':
      return [{ at, kind: 'break', a: host, b: other }];
  }
}

function makeTriggers(random: SeededRandom): Trigger[] {
  return Array.from({ length: 1 + random.below(3) }, () => ({
    on: random.pick(['news', 'ping', 'ack', 'ping-request', 'nack', 'indirect-ack', 'sync', 'want']),
    nth: 20 + random.below(300),
    do: random.pick(['kill', 'silence', 'stall'] as const),
    forMs: random.between(200, 5_000),
  }));
}
