/**
 * A node's way through its cluster: it joins with everything it will hold already copied, serves, and leaves only when
 * others hold what it held and its clients have gone. Each step is one signed record of its own; nobody decides for it.
 */
import type { NodeId } from '../wire/ids.js';
import type { DrainProgress, NodeState } from './api.js';
import type { ChannelsApi } from './channel/channels.js';
import type { Member } from './membership/types.js';
import type { Placement } from './placement.js';
import type { Moves } from './session/moves.js';

export const LIFE_TIMES = {
  /** A joiner that could not fetch everything by then joins all the same: what is missing is pushed to it later. */
  prepareMs: 15_000,
  /** A joiner waits at most so long for another node to adopt the table with it. */
  greetMs: 1_000,
  /** Progress of a drain is looked at this often. */
  drainStepMs: 100,
  /** What came within this time needs no copy elsewhere before a node leaves: it sees to that while it lingers. */
  recentMs: 1_000,
  /** After it has left, a node goes on forwarding for those who do not know yet, … */
  lingerMs: 700,
  /** … and stays at most this much longer until others confirm what it held when it left. */
  lingerMaxMs: 5_000,
  /** By then others have heard that it left. */
  knownMs: 200,
} as const;

export interface LifePorts {
  readonly self: NodeId;
  readonly alone: boolean;
  members(): readonly Member[];
  /** True once this node's view is as good as its peers', or nobody answered for long enough. */
  joined(now: number): boolean;
  /** True once another node was seen to act by this node's table, which has this node in it. */
  adopted(): boolean;
  setState(state: 'alive' | 'draining' | 'left', now: number): void;
  sessions(): number;
  closeSessions(now: number): void;
  changed(state: NodeState): void;
  progress(progress: DrainProgress): void;
}

export class Life {
  state: NodeState = 'starting';
  readonly #ports: LifePorts;
  readonly #channels: ChannelsApi;
  readonly #placement: Placement;
  readonly #moves: Moves;
  readonly #drainTimeoutMs: number;
  #preparedFor = '';
  #prepareBy = Number.POSITIVE_INFINITY;
  #alive = false;
  #greetBy = 0;
  #drainBy = 0;
  #leftAt = 0;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(ports: LifePorts, channels: ChannelsApi, placement: Placement, moves: Moves, drainTimeoutMs: number) {
    this.#ports = ports;
    this.#channels = channels;
    this.#placement = placement;
    this.#moves = moves;
    this.#drainTimeoutMs = drainTimeoutMs;
  }

  start(now: number): void {
    this.#wakeAt = now;
    this.#enter(this.#ports.alone ? 'serving' : 'joining');
  }

  drain(now: number): void {
    if (this.state === 'draining' || this.state === 'left') return;
    const isNewcomer = this.state === 'joining' && !this.#alive;
    const alone = !this.#others().some((m) => isLive(m));
    this.#drainBy = now + (alone ? 0 : this.#drainTimeoutMs);
    this.#wakeAt = now + LIFE_TIMES.drainStepMs;
    this.#enter('draining');
    // who says `draining` still owns: a newcomer owns nothing, and just goes
    if (isNewcomer) return this.#depart(now);
    this.#ports.setState('draining', now);
    this.#moves.onTable();
  }

  nextWakeAt(): number {
    return this.#wakeAt;
  }

  tick(now: number): void {
    if (now < this.#wakeAt) return;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    if (this.state === 'joining') {
      if (this.#alive) this.#greet(now);
      else this.#join(now);
    } else if (this.state === 'draining') this.#leave(now);
  }

  #join(now: number): void {
    this.#wakeAt = now + 20;
    if (!this.#ports.joined(now)) return;
    if (!this.#others().some(isLive)) return this.#serve(now);
    const table = this.#placement.withSelf();
    if (table.iteration !== this.#preparedFor) {
      this.#preparedFor = table.iteration;
      this.#prepareBy = Math.min(this.#prepareBy, now + LIFE_TIMES.prepareMs);
      this.#channels.prepare(table, now);
    }
    if (this.#channels.prepared || now >= this.#prepareBy) this.#serve(now);
  }

  #serve(now: number): void {
    this.#ports.setState('alive', now);
    this.#alive = true;
    this.#greetBy = now + LIFE_TIMES.greetMs;
    this.#greet(now);
  }

  /** It says that it serves when another node's table has it too: what is published then is copied as it should be. */
  #greet(now: number): void {
    this.#wakeAt = now + 20;
    if (this.#others().some(isLive) && !this.#ports.adopted() && now < this.#greetBy) return;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#enter('serving');
  }

  #leave(now: number): void {
    this.#wakeAt = now + LIFE_TIMES.drainStepMs;
    if (this.#leftAt > 0) {
      const lingeredMs = now - this.#leftAt;
      // what its successors wrote since, and still send here for a while, is theirs to keep
      const { entriesLeft, oldestMs } = this.#channels.handover(now);
      const isHeldElsewhere = entriesLeft === 0 || oldestMs < lingeredMs - LIFE_TIMES.knownMs;
      if (lingeredMs < LIFE_TIMES.lingerMs) return;
      if (!isHeldElsewhere && lingeredMs < LIFE_TIMES.lingerMs + LIFE_TIMES.lingerMaxMs) return;
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.#enter('left');
      return this.#report('left', now);
    }
    const { slotsLeft, oldestMs } = this.#channels.handover(now);
    const copied = oldestMs < LIFE_TIMES.recentMs;
    // slots count as handed over only with this node's departure; what matters before is what they hold
    const gone = this.#moves.settled || this.#ports.sessions() === 0;
    this.#report(copied ? 'moving' : 'copying', now);
    if (!(copied && gone) && now < this.#drainBy) return;
    this.#report('leaving', now, slotsLeft);
    this.#depart(now);
  }

  #depart(now: number): void {
    this.#ports.closeSessions(now);
    this.#leftAt = now;
    this.#ports.setState('left', now);
  }

  #report(phase: DrainProgress['phase'], now: number, slots?: number): void {
    const { slotsLeft, entriesLeft } = this.#channels.handover(now);
    this.#ports.progress({ phase, slotsLeft: slots ?? slotsLeft, entriesLeft, sessionsLeft: this.#ports.sessions() });
  }

  #others(): Member[] {
    return this.#ports.members().filter((m) => m.id !== this.#ports.self);
  }

  #enter(state: NodeState): void {
    this.state = state;
    this.#ports.changed(state);
  }
}

function isLive(member: Member): boolean {
  return (
    member.state === 'alive' || member.state === 'joining' || member.state === 'suspect' || member.state === 'draining'
  );
}
