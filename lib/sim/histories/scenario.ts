/**
 * One history, drawn from its seed: which nodes there are, who joins, leaves, crashes, is stopped, cut off and returns, and
 * when. Four tempers: one thing at a time with time to recover, so that each is held to its own bound; much coming and
 * going over sound wires; partitions, some long enough that both sides give each other up; and everything at once.
 */
import { CHANNELS_DEFAULTS, type ChannelsOptions } from '../../core/channel/options.js';
import { type MembershipTiming, TIMINGS } from '../../core/membership/options.js';
import type { TableParameters } from '../../core/table/types.js';
import type { Fault } from '../world-faults.js';
import { SeededRandom } from '../world-random.js';

export const HISTORY_TEMPERS = ['single', 'churn', 'split', 'storm'] as const;
export type HistoryTemper = (typeof HISTORY_TEMPERS)[number];

export interface History {
  readonly seed: number;
  readonly temper: HistoryTemper;
  readonly hosts: number;
  /** Hosts given to every node as seeds; who is the only one founds a cluster of its own at each start. */
  readonly seeds: readonly number[];
  readonly table: TableParameters;
  readonly channels: ChannelsOptions;
  readonly timing: MembershipTiming;
  readonly drainTimeoutMs: number;
  readonly faults: readonly Fault[];
  /** Trouble until here, then calm. */
  readonly chaosMs: number;
}

type Dish =
  | 'join'
  | 'joins'
  | 'falter'
  | 'drain'
  | 'kill'
  | 'silence'
  | 'bounce'
  | 'pause'
  | 'blink'
  | 'split'
  | 'half'
  | 'clog'
  | 'break';

const COMING: readonly Dish[] = ['join', 'joins', 'falter', 'drain'];
const GOING: readonly Dish[] = ['kill', 'silence', 'bounce', 'pause'];
const SINGLE: readonly Dish[] = [...GOING, 'kill', 'silence', 'blink', 'drain', 'join', 'split', 'half', 'break'];
const CHURN: readonly Dish[] = [...COMING, 'join', 'joins', ...GOING, 'bounce'];
const DURING_SPLIT: readonly Dish[] = ['join', 'drain', 'kill', 'bounce', 'pause', 'half', 'break'];
const AFTER_SPLIT: readonly Dish[] = ['kill', 'silence', 'drain', 'join', 'split', 'half'];
const STORM: readonly Dish[] = [...COMING, ...GOING, 'blink', 'split', 'half', 'clog', 'break'];

/** The first nodes start together; trouble begins when they have found each other. */
export const START_MS = 5_000;

export function makeHistory(seed: number, temper: HistoryTemper = HISTORY_TEMPERS[seed % 4]!): History {
  const random = new SeededRandom(seed, 6);
  const hosts = random.pick([3, 3, 4, 4, 5, 5, 6, 8]);
  const forgetsSoon = random.chance(0.25);
  const copies = Math.min(hosts, 1 + random.below(3));
  const first = temper === 'churn' ? 1 + random.below(hosts) : Math.max(2, hosts - random.below(3));
  const draft = new Draft(hosts, random);
  for (let host = 0; host < first; host++) draft.start(host, random.between(0, 300));
  draft.at = START_MS;
  draft[temper]();
  return {
    seed,
    temper,
    hosts,
    seeds: random.pick([[0], [0, 1], Array.from({ length: hosts }, (_, i) => i)]),
    table: { slots: random.pick([16, 64, 64, 128]), copies, tolerance: 0 },
    channels: { ...CHANNELS_DEFAULTS, copies, acks: Math.min(2, copies) },
    timing: forgetsSoon
      ? { ...TIMINGS.local, forgetAfterMs: 6_000 + random.below(10_000), forgetLeftAfterMs: 3_000 }
      : TIMINGS.local,
    drainTimeoutMs: 4_000,
    faults: draft.faults.sort((a, b) => a.at - b.at),
    chaosMs: draft.at,
  };
}

/** Knows who runs by plan, so that what it adds does something. What really happens is the world's business. */
class Draft {
  readonly faults: Fault[] = [];
  at = 0;
  readonly #hosts: number;
  readonly #random: SeededRandom;
  readonly #up = new Set<number>();

  constructor(hosts: number, random: SeededRandom) {
    this.#hosts = hosts;
    this.#random = random;
  }

  start(host: number, at: number): void {
    this.#up.add(host);
    this.faults.push({ at, kind: 'restart', host, memory: this.#random.chance(0.6) });
  }

  single(): void {
    const random = this.#random;
    for (let i = 2 + random.below(3); i > 0; i--) {
      const kind = random.pick(SINGLE);
      this.#add(kind);
      this.at += random.chance(0.5) ? random.between(5_500, 8_000) : random.between(1_500, 5_500);
    }
  }

  churn(): void {
    const random = this.#random;
    for (let i = 4 + random.below(8); i > 0; i--) {
      this.#add(random.pick(CHURN));
      this.at += random.chance(0.4) ? random.between(0, 150) : random.between(150, 4_000);
    }
    this.at += random.between(500, 3_000);
  }

  split(): void {
    const random = this.#random;
    const forMs = random.chance(0.25) ? random.between(20_000, 32_000) : random.between(1_000, 12_000);
    const endsAt = this.at + forMs;
    this.#split(forMs);
    while (this.at < endsAt && random.chance(0.6)) {
      this.at += random.between(200, 9_000);
      this.#add(random.pick(DURING_SPLIT));
    }
    this.at = Math.max(this.at, endsAt);
    if (random.chance(0.5)) {
      this.at += random.between(0, 3_000);
      this.#add(random.pick(AFTER_SPLIT));
    }
    this.at += random.between(500, 4_000);
  }

  storm(): void {
    const random = this.#random;
    for (let i = 5 + random.below(8); i > 0; i--) {
      this.#add(random.pick(STORM));
      this.at += random.between(0, 2_500);
    }
    this.at += random.between(500, 5_000);
  }

  #add(kind: Dish): void {
    const random = this.#random;
    const { at } = this;
    const up = [...this.#up];
    const down = Array.from({ length: this.#hosts }, (_, i) => i).filter((i) => !this.#up.has(i));
    const host = up.length > 0 ? random.pick(up) : 0;
    switch (kind) {
      case 'join':
        if (down.length > 0) this.start(random.pick(down), at);
        return;
      case 'joins':
        for (const one of random.shuffled(down).slice(0, 2 + random.below(3)))
          this.start(one, at + random.between(0, 80));
        return;
      case 'falter':
        // asked to leave before it has joined
        if (down.length === 0) return;
        this.start(down[0]!, at);
        this.faults.push({ at: at + random.between(5, 400), kind: 'command', host: down[0]!, command: 'drain' });
        this.#up.delete(down[0]!);
        return;
      case 'drain':
        // it has gone when it has handed over; until then a return would be a crash of it
        this.faults.push({ at, kind: 'command', host, command: 'drain' });
        this.#up.delete(host);
        if (random.chance(0.4)) this.#returns(host, at + random.between(300, 6_000));
        return;
      case 'kill':
      case 'silence':
        this.#ends(kind, host);
        if (random.chance(0.3)) this.#returns(host, at + random.between(1_000, 8_000));
        return;
      case 'bounce':
        this.#ends(random.chance(0.7) ? 'kill' : 'silence', host);
        this.#returns(host, at + (random.chance(0.5) ? random.between(2, 400) : random.between(400, 5_000)));
        return;
      case 'pause':
        this.faults.push({ at, kind: 'stall', host, forMs: random.between(1_000, 8_000) });
        return;
      case 'blink':
        this.faults.push({ at, kind: 'stall', host, forMs: random.between(50, 1_000) });
        return;
      case 'split':
        return this.#split(random.chance(0.3) ? random.between(200, 1_500) : random.between(1_500, 14_000));
      case 'half':
        return this.#half(random.between(500, 9_000));
      case 'clog': {
        const to = (host + 1 + random.below(this.#hosts - 1)) % this.#hosts;
        this.faults.push({ at, kind: 'clog', from: host, to, forMs: random.between(300, 5_000) });
        return;
      }
      case 'break': {
        const b = (host + 1 + random.below(this.#hosts - 1)) % this.#hosts;
        this.faults.push({ at, kind: 'break', a: host, b });
        return;
      }
    }
  }

  #ends(kind: 'kill' | 'silence', host: number): void {
    this.faults.push({ at: this.at, kind, host });
    this.#up.delete(host);
  }

  #returns(host: number, at: number): void {
    this.start(host, at);
    this.at = Math.max(this.at, at);
  }

  /** No path between two groups. */
  #split(forMs: number): void {
    const mixed = this.#random.shuffled(Array.from({ length: this.#hosts }, (_, i) => i));
    const cutAt = 1 + this.#random.below(this.#hosts - 1);
    const groups = [mixed.slice(0, cutAt), mixed.slice(cutAt)];
    this.faults.push({ at: this.at, kind: 'partition', groups, forMs });
  }

  /** Paths that work one way: from one node to some or all others, or back. */
  #half(forMs: number): void {
    const random = this.#random;
    const [one, ...others] = random.shuffled(Array.from({ length: this.#hosts }, (_, i) => i));
    const some = random.chance(0.5) ? others : others.slice(0, 1 + random.below(others.length));
    const [from, to] = random.chance(0.5) ? [[one!], some] : [some, [one!]];
    this.faults.push({ at: this.at, kind: 'cut', from, to, forMs });
  }
}

/** A joiner stands still in the middle of joining, falls under suspicion, and then somebody dies. */
export const STUCK_JOINER: History = {
  ...makeHistory(4, 'single'),
  hosts: 4,
  seeds: [0, 1, 2, 3],
  faults: [
    ...[0, 1, 2].map((host) => ({ at: 10 * host, kind: 'restart', host, memory: true }) as const),
    { at: 6_000, kind: 'restart', host: 3, memory: true },
    { at: 6_008, kind: 'stall', host: 3, forMs: 6_000 },
    { at: 7_000, kind: 'kill', host: 2 },
  ],
  chaosMs: 13_000,
};
