/**
 * One history: trouble, while it is watched that nobody owns too early and nothing lacks an owner for too long; then calm, by
 * whose derived deadline all nodes must have the same table, and keep it.
 */
import { LIFE_TIMES } from '../../core/life.js';
import { convergenceDeadlineMs } from '../membership/run.js';
import { LAN } from '../network-options.js';
import { World } from '../world.js';
import { endOf, type Fault } from '../world-faults.js';
import { SeededRandom } from '../world-random.js';
import { disagreement } from './agreement.js';
import { type CoreClass, NodeProgram } from './node-program.js';
import { OwnershipRules } from './ownership-rules.js';
import type { History } from './scenario.js';
import { type Judged, Spans } from './spans.js';
import { Truth } from './truth.js';

export type HistoryRule =
  | 'a newcomer owns nothing'
  | 'a newcomer knows the dead'
  | 'alive only when prepared'
  | 'a leaver owns until it has left'
  | 'the table follows the view'
  | 'every slot has an owner'
  | 'one table in the end'
  | 'the table stays'
  | 'no frame is refused'
  | 'no crash';

export interface HistoryViolation {
  readonly rule: HistoryRule;
  readonly time: number;
  readonly what: string;
}

export interface HistoryOutcome {
  readonly history: History;
  readonly hash: string;
  readonly events: number;
  readonly violations: readonly HistoryViolation[];
  readonly spans: readonly Judged[];
  readonly counts: ReadonlyMap<string, number>;
  readonly convergedMs: number | undefined;
}

const TICK_MS = 250;
const STAYS_MS = 1_500;
const FORGETTING_STEPS = 8;
/** Just before what is planned for a moment. */
const HAIR_MS = 1e-4;

export interface HistoryTweaks {
  /** Each line of the trace. */
  readonly line?: (line: string) => void;
  /** Judge by this rule alone. */
  readonly only?: HistoryRule;
}

export function runHistory(history: History, type: CoreClass, { line, only }: HistoryTweaks = {}): HistoryOutcome {
  const violations: HistoryViolation[] = [];
  const violate = (rule: HistoryRule, what: string): void => {
    if (violations.length < 20 && (only === undefined || only === rule))
      violations.push({ rule, time: world.now, what });
  };
  const { hosts } = history;
  const world: World = new World({
    seed: history.seed,
    hosts,
    network: { ...LAN, lossMode: 'break', killLosesSuffix: true, typeOf: () => 'frame' },
    faults: history.faults,
    ...(line === undefined ? {} : { line }),
    program: (ports) =>
      new NodeProgram(
        {
          type,
          table: history.table,
          channels: history.channels,
          timing: history.timing,
          seeds: history.seeds.map((seed) => world.hosts[seed]!.url),
          drainTimeoutMs: history.drainTimeoutMs,
          listener: rules,
        },
        ports,
      ),
  });
  const truth = new Truth(world);
  const spans = new Spans(truth, history.timing, hosts, (what) => violate('every slot has an owner', what));
  const rules = new OwnershipRules(world, truth, spans, violate);
  const watch = new Watch(world, truth, spans, rules, history, () => violations.length > 0);
  let convergedMs: number | undefined;
  try {
    watch.chaos();
    if (violations.length === 0) convergedMs = calm(world, truth, watch, history, violate);
  } catch (error) {
    violate('no crash', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const counts = new Map<string, number>(rules.counts);
  for (const [kind, times] of world.happened) counts.set(kind, times);
  return {
    history,
    hash: world.trace.hash,
    events: world.trace.events,
    violations,
    spans: spans.judged,
    counts,
    convergedMs,
  };
}

/** Runs the world so that nothing happens unseen. */
class Watch {
  readonly #world: World;
  readonly #truth: Truth;
  readonly #spans: Spans;
  readonly #rules: OwnershipRules;
  readonly #history: History;
  readonly #failed: () => boolean;

  constructor(
    world: World,
    truth: Truth,
    spans: Spans,
    rules: OwnershipRules,
    history: History,
    failed: () => boolean,
  ) {
    this.#world = world;
    this.#truth = truth;
    this.#spans = spans;
    this.#rules = rules;
    this.#history = history;
    this.#failed = failed;
  }

  chaos(): void {
    const { faults, chaosMs } = this.#history;
    const marks = faults.flatMap((fault) => [
      { at: fault.at, fault },
      ...(endOf(fault) > fault.at ? [{ at: endOf(fault), fault }] : []),
    ]);
    marks.sort((a, b) => a.at - b.at);
    for (const { at, fault } of marks) {
      if (at > chaosMs) break;
      if (!this.until(at - HAIR_MS)) return;
      const well = this.#well();
      const hits = this.#hits(fault);
      if (!this.until(at + HAIR_MS, () => hits && this.#spans.trouble(this.#world.now, well))) return;
    }
    this.until(chaosMs);
  }

  /** False when a rule was broken. */
  until(at: number, first?: () => void): boolean {
    const world = this.#world;
    let before = first;
    const look = (): boolean => {
      if (this.#rules.changed || before) {
        this.#rules.changed = false;
        before?.();
        before = undefined;
        this.#truth.refresh();
        this.#spans.look(world.now);
      }
      return this.#failed();
    };
    while (world.now < at) {
      world.run(Math.min(at, (Math.floor(world.now / TICK_MS) + 1) * TICK_MS), look);
      if (this.#failed()) return false;
      this.#truth.refresh();
      this.#spans.look(world.now);
      if (this.#well()) this.#spans.settled(world.now);
    }
    before?.();
    return !this.#failed();
  }

  /** Whether it takes something from somebody: a first start and a drain do not. */
  #hits(fault: Fault): boolean {
    if (fault.kind === 'command') return false;
    return fault.kind !== 'restart' || this.#truth.running(fault.host) !== undefined;
  }

  /** Everyone who serves holds everyone for what he is, and nobody is in doubt of himself. */
  #well(): boolean {
    const truth = this.#truth;
    truth.refresh();
    if (!truth.quiet) return false;
    const { programs } = truth;
    return programs.every(({ core }) => {
      if (core.state !== 'serving' && core.state !== 'draining') return true;
      const { health, suspects } = core.membership.sizes();
      if (health > 0 || suspects > 0) return false;
      const members = core.membership.members();
      return (
        members.every(({ id, state, record }) => {
          const other = truth.running(truth.hostOf(id));
          const isDead = state === 'failed' || state === 'left';
          return other === undefined ? isDead : !isDead && record.boot === other.boot;
        }) && programs.every((other) => other.core.state === 'joining' || core.membership.get(other.id) !== undefined)
      );
    });
  }
}

/** Nothing is wrong with the wires any more, most of the dead return, and everybody agrees in time. */
function calm(
  world: World,
  truth: Truth,
  watch: Watch,
  { seed, hosts, timing, drainTimeoutMs, table }: History,
  violate: (rule: HistoryRule, what: string) => void,
): number | undefined {
  const random = new SeededRandom(seed, 7);
  world.conditions.clear();
  const returns = world.hosts.map(({ index }) => index === 0 || random.chance(0.6));
  const from = world.now;
  const startMissing = (): void => {
    for (const host of world.hosts) if (host.process === undefined && returns[host.index]) world.start(host.index);
  };
  startMissing();
  const leavingMs = drainTimeoutMs + LIFE_TIMES.lingerMs + LIFE_TIMES.lingerMaxMs;
  const deadline = from + convergenceDeadlineMs(timing, hosts) + leavingMs + LIFE_TIMES.prepareMs + LIFE_TIMES.greetMs;
  let why: string | undefined = 'not looked';
  while (world.now < deadline && why !== undefined) {
    if (!watch.until(world.now + TICK_MS)) return undefined;
    startMissing();
    why = disagreement(truth, table);
  }
  if (why !== undefined) {
    violate('one table in the end', why);
    return undefined;
  }
  const convergedMs = world.now - from;
  if (!watch.until(world.now + STAYS_MS)) return undefined;
  why = disagreement(truth, table);
  // someone may just have been forgotten: that news takes its time as any other
  for (let step = 0; step < FORGETTING_STEPS && why !== undefined; step++) {
    if (!watch.until(world.now + TICK_MS)) return undefined;
    why = disagreement(truth, table);
  }
  if (why !== undefined) violate('the table stays', why);
  return convergedMs;
}
