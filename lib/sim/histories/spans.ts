/**
 * For each slot and each node that serves: how long the owner that its table names has not been one. A named owner counts
 * when its process runs, is awake, can be reached, and its own table names it too. Spans are exact: they are looked at
 * whenever a process, a wire or a table changed.
 */
import type { MembershipTiming } from '../../core/membership/options.js';
import type { Table } from '../../core/table/types.js';
import type { NodeId } from '../../wire/ids.js';
import { type Cause, DIAL_MS, ownerlessBoundMs, troubledBoundMs } from './bounds.js';
import type { NodeProgram } from './node-program.js';
import type { Truth } from './truth.js';

/** Slots that one node gives to one other, and that nobody serves, since one moment. */
export interface Span {
  readonly observer: number;
  readonly owner: NodeId;
  readonly since: number;
  readonly firstSlot: number;
  readonly nodes: number;
  readonly side: number;
  readonly patience: number;
  readonly afterSilence: boolean;
  readonly cause: Cause;
  returned: boolean;
  health: number;
  /** The cluster was well before, and this is its only trouble. */
  clean: boolean;
  slots: number;
  endedAt: number;
}

export interface Judged {
  readonly span: Span;
  readonly ms: number;
  readonly boundMs: number;
}

interface Watched {
  readonly program: NodeProgram;
  readonly from: number;
  readonly open: (Span | undefined)[];
}

export class Spans {
  readonly judged: Judged[] = [];
  readonly #truth: Truth;
  readonly #timing: MembershipTiming;
  readonly #hosts: number;
  readonly #violate: (what: string) => void;
  readonly #watched = new Map<number, Watched>();
  readonly #answered = new Map<NodeId, number[]>();
  readonly #left = new Set<NodeId>();
  /** When an address was last seen to answer nothing. */
  readonly #silentAt = new Map<NodeId, number>();
  /** When all was well last, but for one trouble since. */
  #wellAt = Number.NEGATIVE_INFINITY;
  #troubleAt = 0;

  constructor(truth: Truth, timing: MembershipTiming, hosts: number, violate: (what: string) => void) {
    this.#truth = truth;
    this.#timing = timing;
    this.#hosts = hosts;
    this.#violate = violate;
  }

  /** Something went wrong just now; `well`: and nothing else was. */
  trouble(now: number, well: boolean): void {
    this.#troubleAt = now;
    this.#wellAt = well ? now : Number.NEGATIVE_INFINITY;
    for (const { open } of this.#watched.values()) for (const span of open) if (span) span.clean = false;
  }

  /** Everybody agrees with the truth: whatever was before counts no more. */
  settled(now: number): void {
    this.#wellAt = now;
  }

  /** A suspect answered in somebody's view. */
  answered(id: NodeId, now: number): void {
    const times = this.#answered.get(id) ?? [];
    times.push(now);
    this.#answered.set(id, times);
  }

  /** The process ended: because it had left, or not. */
  ended(id: NodeId, left: boolean): void {
    if (left) this.#left.add(id);
    else this.#left.delete(id);
  }

  look(now: number): void {
    for (let host = 0; host < this.#hosts; host++) {
      const program = this.#truth.running(host);
      const watched = this.#watched.get(host);
      if (program === undefined || !this.#observes(program)) {
        // what nobody looks at is no span
        this.#watched.delete(host);
        continue;
      }
      const kept = watched?.program === program ? watched : { program, from: now, open: [] };
      this.#watched.set(host, kept);
      this.#lookAt(kept, now);
    }
  }

  #observes({ host, core }: NodeProgram): boolean {
    return this.#truth.awake(host) && (core.state === 'serving' || core.state === 'draining');
  }

  #lookAt(watched: Watched, now: number): void {
    const { program, open } = watched;
    const { table } = program.core.placement;
    const states = table.members.map(({ id }) => this.#stateOf(program, id, now));
    const fresh = new Map<NodeId, Span>();
    const { health } = program.core.membership.sizes();
    for (let slot = 0; slot < table.owners.length; slot++) {
      const index = table.owners[slot]!;
      const owner = table.members[index]?.id;
      const state = owner === undefined ? 'served' : this.#served(states[index]!, owner, slot);
      let span = open[slot];
      if (span !== undefined && (state === 'served' || state === 'unclear' || span.owner !== owner)) {
        if (this.#isTooLong(span, now)) return this.#tooLong(span, now);
        this.#close(span, now, state !== 'unclear');
        open[slot] = undefined;
        span = undefined;
      }
      if (state === 'served' || state === 'unclear' || owner === undefined) continue;
      if (span === undefined) {
        span = fresh.get(owner) ?? this.#begin(watched, table, owner, state, slot, now);
        fresh.set(owner, span);
        span.slots++;
        open[slot] = span;
      } else if (state === 'handed' && span.cause !== 'handed') span.returned = true;
      if (health > span.health) span.health = health;
      if (this.#isTooLong(span, now)) return this.#tooLong(span, now);
    }
  }

  /** What there is to say of a member before one asks for a slot. */
  #stateOf({ host }: NodeProgram, id: NodeId, now: number): Cause | 'served' | 'unclear' {
    const other = this.#truth.hostOf(id);
    if (other === host) return 'served';
    const program = this.#truth.running(other);
    if (program === undefined && this.#truth.silent(other)) {
      this.#silentAt.set(id, now);
      return 'silent';
    }
    if (program !== undefined && this.#truth.paused(other)) return 'paused';
    const relation = this.#truth.relation(host, other);
    // nobody is told of one who goes behind a cut, nor refused by its address
    if (relation !== 'near') return relation === 'far' ? 'cut off' : 'unclear';
    if (program !== undefined) return 'served';
    return this.#left.has(id) ? 'left' : 'killed';
  }

  #served(state: Cause | 'served' | 'unclear', owner: NodeId, slot: number): Cause | 'served' | 'unclear' {
    if (state !== 'served') return state;
    const { table } = this.#truth.running(this.#truth.hostOf(owner))!.core.placement;
    return table.ownerOf(slot as Parameters<Table['ownerOf']>[0]) === owner ? 'served' : 'handed';
  }

  #begin({ program, from }: Watched, table: Table, owner: NodeId, cause: Cause, slot: number, now: number): Span {
    const answers = this.#answered.get(owner)?.filter((at) => now - at < 60_000).length ?? 0;
    return {
      observer: program.host,
      owner,
      since: now,
      firstSlot: slot,
      nodes: Math.max(2, table.members.filter((m) => m.live).length),
      side: this.#truth.sideOf(program.host),
      patience: answers,
      afterSilence: now - (this.#silentAt.get(owner) ?? Number.NEGATIVE_INFINITY) < DIAL_MS,
      cause,
      returned: false,
      health: 0,
      // who came after the trouble may not know what the others knew before
      clean: from < this.#wellAt && !(cause === 'handed' && this.#cameLate(owner)),
      slots: 0,
      endedAt: 0,
    };
  }

  #close(span: Span, now: number, counts: boolean): void {
    span.slots--;
    if (counts) span.endedAt = now;
    if (span.slots > 0 || span.endedAt === 0) return;
    this.judged.push({ span, ms: span.endedAt - span.since, boundMs: this.#boundOf(span) });
  }

  #cameLate(owner: NodeId): boolean {
    const watched = this.#watched.get(this.#truth.hostOf(owner));
    return watched === undefined || watched.from >= this.#wellAt;
  }

  /** Trouble on top starts the clock anew. */
  #isTooLong(span: Span, now: number): boolean {
    const from = span.clean ? span.since : Math.max(span.since, this.#troubleAt);
    return now - from > this.#boundOf(span);
  }

  #boundOf(span: Span): number {
    return span.clean ? ownerlessBoundMs(this.#timing, span) : troubledBoundMs(this.#timing, this.#hosts);
  }

  #tooLong(span: Span, now: number): void {
    const { observer, owner, firstSlot, cause, returned, clean, nodes, side, health, patience } = span;
    const bound = this.#boundOf(span).toFixed(0);
    this.#violate(
      `host ${observer} gives slot ${firstSlot} and others to host ${this.#truth.hostOf(owner)}, which is ${cause}${returned ? ' and returned' : ''}, for ${(now - span.since).toFixed(0)} ms; bound ${bound} (${clean ? 'clean' : 'troubled'}, ${nodes} nodes, side ${side}, health ${health}, patience ${patience})`,
    );
  }
}
