/**
 * Who may own at all, judged in the moment in which a node takes a table or says something of itself: a newcomer not before
 * it said `alive`, and that not before it was prepared; a leaver until it said `left`; and no node acts by another table
 * than its own view gives.
 */
import type { NodeState } from '../../core/api.js';
import { LIFE_TIMES } from '../../core/life.js';
import type { NodeId } from '../../wire/ids.js';
import type { World } from '../world.js';
import { provisioned } from './agreement.js';
import type { Listener, NodeProgram } from './node-program.js';
import type { HistoryRule } from './run.js';
import type { Spans } from './spans.js';
import type { Truth } from './truth.js';

/** News of a verdict that is this old has reached everybody. */
const LONG_MS = 1_000;

export class OwnershipRules implements Listener {
  readonly counts = new Map<string, number>();
  /** Something happened that may have changed who serves what. */
  changed = false;
  readonly #world: World;
  readonly #truth: Truth;
  readonly #spans: Spans;
  readonly #violate: (rule: HistoryRule, what: string) => void;
  /** Boots that said `alive`, and that said `left`. */
  readonly #alive = new Set<string>();
  readonly #left = new Set<string>();
  readonly #joined = new WeakSet<NodeProgram>();

  constructor(world: World, truth: Truth, spans: Spans, violate: (rule: HistoryRule, what: string) => void) {
    this.#world = world;
    this.#truth = truth;
    this.#spans = spans;
    this.#violate = violate;
  }

  member(program: NodeProgram, text: string): void {
    const [id, from, , to] = text.split(/[ :]/) as [NodeId, string, string, string];
    this.#count(`${from}→${to}`);
    if (id !== program.id) {
      if (from === 'suspect' && to !== 'failed') this.#spans.answered(id, this.#world.now);
      return;
    }
    this.changed = true;
    const boot = `${id} ${program.boot}`;
    if (to === 'alive') {
      if (from === 'joining') {
        this.#judgeReadiness(program);
        this.#judgeKnowledge(program);
      }
      this.#alive.add(boot);
    }
    if (to === 'draining' && !this.#alive.has(boot))
      this.#violate('a newcomer owns nothing', `host ${program.host} drains and was never alive`);
    if (to === 'left') this.#left.add(boot);
  }

  table(program: NodeProgram): void {
    this.changed = true;
    this.#count('table');
    const { host, core } = program;
    const { members } = core.placement.table;
    for (const { id, live } of members) {
      const record = core.membership.get(id)?.record;
      if (record === undefined || !this.#alive.has(`${id} ${record.boot}`))
        this.#violate('a newcomer owns nothing', `host ${host} counts on ${id} (${live}), which never said alive`);
    }
    for (const { id, record, state } of core.membership.members()) {
      if (record.state !== 'draining' || state === 'failed') continue;
      if (!members.some((m) => m.id === id && m.live))
        this.#violate('a leaver owns until it has left', `host ${host} has no place for ${id} any more`);
    }
    const due = provisioned(program).map((m) => `${m.id} ${m.live}`);
    const has = members.map((m) => `${m.id} ${m.live}`);
    if (due.join() !== has.join())
      this.#violate('the table follows the view', `host ${host}: ${has.join()} where its view says ${due.join()}`);
  }

  state(program: NodeProgram, state: NodeState): void {
    this.changed = true;
    this.#count(state);
    if (state === 'joining') this.#joined.add(program);
    // a founder that returns is a cluster of its own, and the two have to find each other and merge
    if (state !== 'serving' || this.#joined.has(program)) return;
    this.#count('founded');
    this.#spans.trouble(this.#world.now, false);
  }

  misbehaved(program: NodeProgram, why: string): void {
    this.#violate('no frame is refused', `host ${program.host}: ${why}`);
  }

  ended(program: NodeProgram): void {
    this.changed = true;
    this.#spans.ended(program.id, this.#left.has(`${program.id} ${program.boot}`));
  }

  /** Whom all others have long found dead must not own anything by a newcomer's table. */
  #judgeKnowledge(newcomer: NodeProgram): void {
    const elders = this.#truth.programs.filter(
      ({ host, core }) =>
        host !== newcomer.host &&
        core.state === 'serving' &&
        this.#truth.awake(host) &&
        this.#truth.relation(host, newcomer.host) === 'near',
    );
    // who wakes runs what is due before it reads what came meanwhile
    const hasJustWoken = this.#world.stalls.some(
      (s) => s.host === newcomer.host && this.#world.now - s.until < LONG_MS,
    );
    if (elders.length === 0 || hasJustWoken) return;
    for (const { id, state } of newcomer.core.membership.members()) {
      const isKnown =
        state === 'failed' || state === 'left' || this.#truth.running(this.#truth.hostOf(id)) !== undefined;
      if (!isKnown && elders.every((elder) => this.#foundDead(elder, id)))
        this.#violate('a newcomer knows the dead', `host ${newcomer.host} turned alive and holds ${id} for ${state}`);
    }
  }

  #foundDead({ host, core }: NodeProgram, id: NodeId): boolean {
    const member = core.membership.get(id);
    const now = this.#world.now + this.#world.hosts[host]!.process!.offset;
    return member?.state === 'failed' && now - member.since >= LONG_MS;
  }

  #judgeReadiness({ core, host, id, startedAt }: NodeProgram): void {
    if (core.channels.prepared) return;
    const process = this.#world.hosts[host]!.process!;
    const age = this.#world.now + process.offset - startedAt;
    const others = core.membership.members().filter((m) => m.id !== id && m.state !== 'failed' && m.state !== 'left');
    if (others.length > 0 && age < LIFE_TIMES.prepareMs)
      this.#violate('alive only when prepared', `host ${host} turned alive after ${age.toFixed(0)} ms`);
    this.#count('alive unprepared');
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}
