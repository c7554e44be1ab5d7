/**
 * What is really the case, as only the world knows: which processes run, which stand still, who can talk to whom. Nothing
 * here asks a node what it believes.
 */
import type { NodeId } from '../../wire/ids.js';
import { idOfNumber } from '../membership/member-program.js';
import type { World } from '../world.js';
import type { NodeProgram } from './node-program.js';

/** `unclear`: only paths that work one way join them, so that they may or may not hold each other for dead. */
export type Relation = 'near' | 'far' | 'unclear';

export class Truth {
  readonly #world: World;
  readonly #hostOf = new Map<NodeId, number>();
  #open: boolean[][] = [];
  #near: boolean[][] = [];
  #reaches: boolean[][] = [];

  constructor(world: World) {
    this.#world = world;
    for (const { index } of world.hosts) this.#hostOf.set(idOfNumber(index), index);
  }

  hostOf(id: NodeId): number {
    return this.#hostOf.get(id)!;
  }

  running(host: number): NodeProgram | undefined {
    return this.#world.hosts[host]?.process?.program as NodeProgram | undefined;
  }

  paused(host: number): boolean {
    return (this.#world.hosts[host]?.process?.stalledUntil ?? 0) > this.#world.now;
  }

  /** Its address answers nothing at all, not even that nobody is there. */
  silent(host: number): boolean {
    return this.#world.hosts[host]!.silent;
  }

  awake(host: number): boolean {
    return this.running(host) !== undefined && !this.paused(host);
  }

  get programs(): NodeProgram[] {
    return this.#world.hosts.map(({ index }) => this.running(index)).filter((p) => p !== undefined);
  }

  /** To be called when wires or processes changed. */
  refresh(): void {
    const { hosts, conditions, now } = this.#world;
    const open = hosts.map((from) =>
      hosts.map(
        (to) =>
          from === to ||
          (!conditions.blocked(from.index, to.index) && conditions.cloggedUntil(from.index, to.index) <= now),
      ),
    );
    const awake = hosts.map(({ index }) => this.awake(index));
    this.#open = open;
    this.#reaches = closure(open, awake);
    this.#near = closure(
      open.map((row, from) => row.map((way, to) => way && open[to]![from]!)),
      awake,
    );
  }

  relation(a: number, b: number): Relation {
    if (this.#near[a]![b]) return 'near';
    return this.#reaches[a]![b] && this.#reaches[b]![a] ? 'unclear' : 'far';
  }

  /** Nodes that are awake and near, this one included. */
  sideOf(host: number): number {
    return this.#world.hosts.filter(({ index }) => this.awake(index) && this.relation(host, index) === 'near').length;
  }

  /** No wire is cut or clogged between those who run, and nobody stands still. */
  get quiet(): boolean {
    const running = this.programs.map(({ host }) => host);
    return running.every((a) => !this.paused(a) && running.every((b) => this.#open[a]![b]));
  }
}

/** Who gets to whom over any number of others that are awake. */
function closure(open: readonly (readonly boolean[])[], awake: readonly boolean[]): boolean[][] {
  const reach = open.map((row) => [...row]);
  for (let over = 0; over < reach.length; over++) {
    if (!awake[over]) continue;
    for (let from = 0; from < reach.length; from++) {
      if (!reach[from]![over]) continue;
      for (let to = 0; to < reach.length; to++) if (reach[over]![to]) reach[from]![to] = true;
    }
  }
  return reach;
}
