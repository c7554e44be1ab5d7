/**
 * One run as data, drawn from its seed: the cluster, who reads and publishes, and what goes wrong when. Four tempers,
 * since noise hides what a quiet run shows: partitions and pauses spread accidental copies that mask a loss.
 * The budget of kills is independent of what the system believes of itself: after a kill there is no other until four
 * seconds have passed without any fault, so that `acks` copies must be enough.
 */
import { CLIENT_LIMITS } from '../../client/core/limits.js';
import { CHANNELS_DEFAULTS, type ChannelsOptions } from '../../core/channel/options.js';
import type { Fault, Trigger } from '../world-faults.js';
import { SeededRandom } from '../world-random.js';
import type { ClientPlan } from './client-program.js';

export const DELIVERY_TEMPERS = [
  'noisy',
  'quiet',
  'triggered',
  'short-history',
  'planned',
  'split',
  'cut-off',
  'leaky',
  'outage',
] as const;
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
  /** Within this long after the last fault all must be well. Most runs are judged sooner: see run.ts. */
  readonly calmMs: number;
  /** Gaps are expected: history is smaller than the run. */
  readonly smallHistory: boolean;
  /** Nodes keep a journal, which outlives them. */
  readonly journal?: boolean;
  /** What nodes say to clients may be lost inside a stream. */
  readonly leaky?: boolean;
}

/** Without any fault for this long, one more node may die. */
const BETWEEN_KILLS_MS = 4_000;
/** Nodes start at 0, clients at CLIENTS_MS, trouble at START_MS. */
export const CLIENTS_MS = 400;
export const START_MS = 1_200;

/** So that it is written anew several times a run. */
const SHORT_JOURNAL = { journalGrowth: 1.2, journalBytesMin: 4_000 } as const;

const SIZES: Partial<Record<DeliveryTemper, readonly number[]>> = {
  quiet: [3, 3, 4, 5],
  split: [4, 5, 5],
  'cut-off': [3, 3, 4],
};
const LONG: ReadonlySet<DeliveryTemper> = new Set(['quiet', 'planned', 'split', 'cut-off', 'outage']);

export function makeDeliveryScenario(seed: number, temper: DeliveryTemper): DeliveryScenario {
  const random = new SeededRandom(seed, 5);
  const nodes = random.pick(SIZES[temper] ?? [2, 3, 3, 3, 5, 5]);
  // copies = acks leaves no slack: an extra copy masks a loss
  const noSlack = temper === 'quiet' || temper === 'cut-off' || random.chance(0.4);
  const copies = noSlack ? 2 : 3;
  const chaosMs = START_MS + (LONG.has(temper) ? 8_000 : 5_000) + random.below(5_000);
  const smallHistory = temper === 'short-history' || (temper === 'outage' && random.chance(0.4));
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
      ...(temper === 'outage' ? SHORT_JOURNAL : {}),
    },
    clients: [...makeClients(nodes, random), ...makeBareClients(new SeededRandom(seed, 6))],
    faults: makeFaults(temper, nodes, chaosMs, random),
    triggers: makeTriggers(temper, random),
    ...(temper === 'leaky' ? { leaky: true } : {}),
    ...(temper === 'outage' ? { journal: true } : {}),
    chaosMs,
    // a client whose greeting's answer was lost waits as long as a node may let it stand at the door
    calmMs: temper === 'leaky' ? CLIENT_LIMITS.greetMs + 15_000 : 25_000,
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
      everyMs: random.between(80, 300),
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

/** Over plain HTTP: one publishes without numbers, two poll, one of them at nodes that do not own its channel. */
function makeBareClients(random: SeededRandom): ClientPlan[] {
  const everyMs = random.between(80, 300);
  return [
    { user: '', reads: [], writes: ['room:1', 'room:2'], everyMs, window: 4, bare: 'redirected' },
    { user: '', reads: ['room:1'], writes: [], everyMs: 1_000, window: 1, bare: 'redirected' },
    { user: '', reads: ['room:1', 'room:2'], writes: [], everyMs: 1_000, window: 1, bare: 'relayed' },
  ];
}

function makeFaults(temper: DeliveryTemper, nodes: number, chaosMs: number, random: SeededRandom): Fault[] {
  switch (temper) {
    case 'quiet':
      return kills(nodes, chaosMs, random, true);
    case 'planned':
      return planned(nodes, chaosMs, random);
    case 'triggered':
      // half of them with trouble that moves slots, so that the moments of a takeover come about
      return [...(random.chance(0.5) ? upheaval(nodes, chaosMs, random) : []), ...awayTimes(nodes, chaosMs, random, 2)];
    case 'split':
      return [...splits(nodes, chaosMs, random), ...awayTimes(nodes, chaosMs, random, 2)];
    case 'cut-off':
      return cutOff(nodes, chaosMs, random);
    case 'outage':
      return [...outages(nodes, chaosMs, random), ...awayTimes(nodes, chaosMs, random, 3)];
    case 'leaky':
      return [...leaks(nodes, chaosMs, random), ...noise(nodes, chaosMs, random).slice(0, 3)];
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

/**
 * Two sides of at least two nodes each, long enough that both take the other's slots over, while clients lose their
 * connections and find the other side.
 */
function splits(nodes: number, chaosMs: number, random: SeededRandom): Fault[] {
  const faults: Fault[] = [];
  const at = START_MS + random.between(0, 500);
  const mixed = random.shuffled(Array.from({ length: nodes }, (_, i) => i));
  const forMs = Math.min(chaosMs - at - 500, random.between(6_500, 8_500));
  faults.push({ at, kind: 'partition', groups: [mixed.slice(0, 2), mixed.slice(2)], forMs });
  if (random.chance(0.6))
    faults.push({
      at: at + random.between(0, forMs),
      kind: 'delay',
      host: mixed[0]!,
      addMs: random.between(20, 150),
      forMs,
    });
  for (let i = 4 + random.below(8); i > 0; i--) {
    const client = nodes + random.below(7);
    const broken = at + random.between(0, forMs + 800);
    // whoever served it is out of its reach for a moment, so that it goes elsewhere
    const host = random.below(nodes);
    faults.push({ at: broken, kind: 'cut', from: [client], to: [host], forMs: random.between(100, 2_000) });
    faults.push({ at: broken, kind: 'break', a: host, b: client });
  }
  return faults.sort((a, b) => a.at - b.at);
}

/** A node is cut off from the others, not from its clients, and dies in there or just as it comes back. */
function cutOff(nodes: number, chaosMs: number, random: SeededRandom): Fault[] {
  const faults: Fault[] = [];
  for (let at = START_MS + random.between(0, 1_000); at < chaosMs - 4_000; at += random.between(7_000, 9_000)) {
    const host = random.below(nodes);
    const forMs = random.between(600, 4_500);
    const others = Array.from({ length: nodes }, (_, i) => i).filter((i) => i !== host);
    faults.push({ at, kind: 'partition', groups: [[host], others], forMs });
    for (let i = random.below(8); i > 0; i--) {
      faults.push({ at: at + random.between(0, forMs), kind: 'break', a: host, b: nodes + random.below(7) });
    }
    const killAt = at + (random.chance(0.7) ? random.between(50, forMs) : forMs + random.between(0, 150));
    faults.push({ at: killAt, kind: 'kill', host });
    faults.push({ at: killAt + random.between(300, 3_000), kind: 'restart', host, memory: true });
  }
  return faults.sort((a, b) => a.at - b.at);
}

/**
 * All nodes die at once and come back one after the other, with what they wrote down; between such times any of them may
 * die alone, and wires are cut. No budget of kills: whatever was acknowledged is written down on two nodes. One of the
 * disks may be lost.
 */
function outages(nodes: number, chaosMs: number, random: SeededRandom): Fault[] {
  const faults: Fault[] = [];
  let lost = random.chance(0.3) ? random.below(nodes) : -1;
  const all = Array.from({ length: nodes }, (_, i) => i);
  for (let at = START_MS + random.between(300, 2_000); at < chaosMs - 2_000; at += random.between(1_500, 6_000)) {
    const victims = random.chance(0.6) ? all : [random.below(nodes)];
    if (random.chance(0.3)) {
      const cut = random.below(nodes);
      const groups = [[cut], all.filter((n) => n !== cut)];
      const cutAt = Math.max(START_MS, at - random.between(0, 1_500));
      faults.push({ at: cutAt, kind: 'partition', groups, forMs: random.between(300, 3_000) });
    }
    for (const host of victims) {
      const killAt = at + random.between(0, 50);
      faults.push({ at: killAt, kind: 'kill', host });
      // sometimes before the others have gone
      const downMs = random.chance(0.2) ? random.between(1, 50) : random.between(100, 4_000);
      faults.push({ at: killAt + downMs, kind: 'restart', host, memory: host !== lost });
      if (host === lost) lost = -1;
    }
  }
  return faults.sort((a, b) => a.at - b.at);
}

/** Frames to clients vanish one by one. */
function leaks(nodes: number, chaosMs: number, random: SeededRandom): Fault[] {
  return Array.from({ length: 3 }, () => ({
    at: random.between(START_MS, chaosMs - 1_000),
    kind: 'loss' as const,
    host: random.below(nodes),
    in: 0,
    out: random.between(0.02, 0.3),
    forMs: random.between(500, 4_000),
  }));
}

/** What moves slots about and loses nothing. A node leaves only where enough stay, whoever is killed besides. */
function upheaval(nodes: number, chaosMs: number, random: SeededRandom): Fault[] {
  const all = Array.from({ length: nodes }, (_, i) => i);
  let mayLeave = nodes >= 4;
  return Array.from({ length: 1 + random.below(3) }, (): Fault => {
    const at = random.between(START_MS, chaosMs - 2_500);
    const host = random.below(nodes);
    if (mayLeave && random.chance(0.4)) {
      mayLeave = false;
      return { at, kind: 'command', host, command: 'drain' };
    }
    const forMs = random.between(1_000, 3_500);
    if (random.chance(0.4)) return { at, kind: 'stall', host, forMs };
    return { at, kind: 'partition', groups: [[host], all.filter((n) => n !== host)], forMs };
  }).sort((a, b) => a.at - b.at);
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

/**
 * Joins, drains, restarts of one node after the other: what happens a thousand times as often as failures. Clocks of
 * dates are wrong, so hosts remember their last boot.
 */
function planned(nodes: number, chaosMs: number, random: SeededRandom): Fault[] {
  const faults: Fault[] = [];
  let at = START_MS + random.between(200, 1_000);
  for (let host = random.below(nodes); at < chaosMs - 2_000 && nodes > 1; host = (host + 1) % nodes) {
    // a copy that has just started anew holds nothing, whatever it confirmed before
    if (nodes > 2 && random.chance(0.4))
      faults.push({ at: at + random.between(-100, 150), kind: 'restart', host: (host + 1) % nodes, memory: true });
    faults.push({ at, kind: 'command', host, command: 'drain' });
    at += random.between(3_000, 6_000);
    faults.push({ at, kind: 'restart', host, memory: true });
    at += random.between(1_500, 3_000);
  }
  for (let i = 0; i < 2; i++) {
    const ms = Math.round(random.between(-2, 2) * 3_600_000);
    faults.push({ at: random.between(0, chaosMs), kind: 'skew', host: random.below(nodes), ms });
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

const MOMENTS = ['published', 'push', 'have', 'acquire', 'acquired', 'message', 'forwarded', 'digest', 'fence'];
const RARE: ReadonlySet<string> = new Set(['acquire', 'acquired', 'digest', 'fence']);

/** Kill who just sent it. One a run, as the budget of kills has it. */
function makeTriggers(temper: DeliveryTemper, random: SeededRandom): Trigger[] {
  if (temper !== 'triggered' && temper !== 'split') return [];
  const on = temper === 'split' ? random.pick(['fence', 'fence', 'published']) : random.pick(MOMENTS);
  const nth = 1 + random.below(RARE.has(on) ? 8 : 160);
  return [{ on, nth, after: START_MS, do: random.chance(0.8) ? 'kill' : 'stall', forMs: random.between(300, 4_000) }];
}
