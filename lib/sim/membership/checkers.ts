/**
 * What must hold, judged from outside the protocol: from every single change of every view as it happens (an illegal state
 * that is overwritten a moment later is still seen), from samples, and from the truth that only the world knows.
 */
import type { MemberState } from '../../core/membership/types.js';
import type { NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import type { MemberRecord } from '../../wire/membership.js';
import type { World } from '../world.js';
import type { Fault } from '../world-faults.js';
import { type Frame, frameSize, type MemberProgram, type Watcher } from './member-program.js';

export type Rule =
  | 'no resurrection'
  | 'incarnations grow'
  | 'one record a version'
  | 'only the subject signs'
  | 'no healthy member removed'
  | 'never doubts itself'
  | 'bounded'
  | 'one process a key'
  | 'converges'
  | 'stays converged'
  | 'same digest, same table'
  | 'table follows the view'
  | 'joins are bundled'
  | 'a killed node is dropped at once'
  | 'a silent node is dropped in time'
  | 'quiet when nothing happens';

export interface Violation {
  readonly rule: Rule;
  readonly time: number;
  readonly what: string;
}

interface Seen {
  boot: number;
  incarnation: number;
  /** The newest version that was seen dead here. */
  deadBoot: number;
  deadIncarnation: number;
  suspectBoot: number;
  suspectIncarnation: number;
}

/** Trouble of a host that excuses a verdict against it for so long after. */
const EXCUSE_MS = 30_000;
/** Stalls that a member must be forgiven, summed over the time of a suspicion. */
const FORGIVEN_STALL_MS = 2_900;
const OWN_WAIT_MS = 3_000;
const OWN_WAIT_TOLD_MS = 1_000;
const FRAME_BYTES_MAX = 64 * 1024;

export class Checkers implements Watcher {
  readonly violations: Violation[] = [];
  readonly counts = new Map<string, number>();
  world!: World;
  readonly #views = new Map<object, Map<NodeId, Seen>>();
  readonly #ownWaits = new Map<NodeId, number>();
  readonly #contents = new Map<string, string>();
  readonly #lastRebuild = new Map<object, { at: number; livened: boolean; table: string }>();
  readonly #wired: readonly { from: number; until: number; hosts: ReadonlySet<number> | undefined }[];

  /** The key that two processes run with: what holds for a key in one pair of hands is not asked of it. */
  readonly #shared: NodeId | undefined;
  /** From here on the wires are well and no running member may be failed, whatever was before. */
  wellFrom = Number.POSITIVE_INFINITY;

  constructor(faults: readonly Fault[], baseLoss: number, shared?: NodeId) {
    this.#shared = shared;
    this.#wired = faults.flatMap((fault) => wiresOf(fault));
    if (baseLoss > 0) this.#wired = [{ from: 0, until: Number.POSITIVE_INFINITY, hosts: undefined }];
  }

  program(host: number): MemberProgram | undefined {
    return this.world.hosts[host]?.process?.program as MemberProgram | undefined;
  }

  violate(rule: Rule, what: string): void {
    if (this.violations.length < 20) this.violations.push({ rule, time: this.world.now, what });
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  transition(
    host: number,
    id: NodeId,
    from: MemberState | undefined,
    to: MemberState,
    record: MemberRecord,
    because: string,
  ): void {
    const program = this.program(host);
    // The very first change is the node's own birth, before the world knows its process.
    if (!program) return;
    this.count(`${from ?? 'new'}→${to}`);
    this.world.trace.add(
      this.world.now,
      'note',
      host,
      record.incarnation,
      to.length,
      undefined,
      () => `${id} ${from}→${to} ${because}`,
    );
    if (id === program.id && (to === 'suspect' || to === 'failed' || to === 'forgotten'))
      this.violate('never doubts itself', `host ${host} calls itself ${to}`);
    const seen = this.#seen(program, id);
    const dead = to === 'failed' || to === 'left' || to === 'forgotten';
    if (dead) {
      if (newer(record, seen.deadBoot, seen.deadIncarnation)) {
        seen.deadBoot = record.boot;
        seen.deadIncarnation = record.incarnation;
      }
      const last = this.#lastRebuild.get(program);
      if (last) last.livened = true;
      if (to === 'failed') this.#judge(host, id, record, because);
    } else {
      if (!newer(record, seen.deadBoot, seen.deadIncarnation))
        this.violate('no resurrection', `host ${host}: ${id} ${from}→${to} at ${record.boot}.${record.incarnation}`);
      if (to === 'suspect') {
        seen.suspectBoot = record.boot;
        seen.suspectIncarnation = record.incarnation;
      } else if (from === 'suspect' && !newer(record, seen.suspectBoot, seen.suspectIncarnation))
        this.violate('no resurrection', `host ${host}: suspicion of ${id} dropped without an answer`);
      if (from === 'failed') {
        const last = this.#lastRebuild.get(program);
        if (last) last.livened = true;
      }
    }
    this.#checkRecord(host, program, record);
  }

  sent(host: number, frame: Frame): void {
    const { message } = frame;
    if (message.type !== 'news' && message.type !== 'sync' && message.type !== 'want') return;
    this.count(message.type);
    const size = frameSize(frame);
    if (size > FRAME_BYTES_MAX) this.violate('bounded', `host ${host} sends a frame of ${size} bytes`);
    if (message.type === 'news') {
      if (message.records.length > LIMITS.newsRecordsMax || message.claims.length > LIMITS.newsClaimsMax)
        this.violate(
          'bounded',
          `host ${host}: ${message.records.length} records, ${message.claims.length} claims in one frame`,
        );
    }
  }

  rebuilt(host: number): void {
    const program = this.program(host);
    if (!program) return;
    const last = this.#lastRebuild.get(program);
    const { now } = this.world;
    const gapMs = program.membership.self.state === 'joining' ? 0 : 95;
    if (last && !last.livened && now - last.at < gapMs)
      this.violate(
        'joins are bundled',
        `host ${host} rebuilds its table ${(now - last.at).toFixed(1)} ms after the last time`,
      );
    this.#lastRebuild.set(program, { at: now, livened: false, table: tableKey(program) });
    this.count('rebuild');
  }

  superseded(host: number, exits: boolean): void {
    this.count(exits ? 'superseded' : 'started over');
    this.world.trace.add(this.world.now, 'note', host, host, exits ? 1 : 0, 'superseded');
  }

  /** Everything that holds at any moment. */
  sample(): void {
    const tables = new Map<string, string>();
    for (const host of this.world.hosts) {
      const program = this.program(host.index);
      if (!program) continue;
      const { membership } = program;
      for (const member of membership.members()) this.#checkRecord(host.index, program, member.record);
      const sizes = membership.sizes();
      const max = sizes.members;
      if (
        sizes.news > 2 * max + LIMITS.tombstonesMax ||
        sizes.suspects > max ||
        sizes.probes > 400 ||
        sizes.links > this.world.hosts.length ||
        sizes.tombstones > LIMITS.tombstonesMax ||
        max > this.world.hosts.length
      )
        this.violate('bounded', `host ${host.index}: ${JSON.stringify(sizes)}`);
      const key = tableKey(program);
      const same = tables.get(membership.digest());
      if (same !== undefined && same !== key) this.violate('same digest, same table', `host ${host.index}`);
      tables.set(membership.digest(), key);
    }
  }

  /** Why the views do not agree with each other and with the truth; undefined when they do. */
  disagreement(): string | undefined {
    const running = new Map<NodeId, MemberProgram>();
    for (const host of this.world.hosts) {
      const program = this.program(host.index);
      if (!program) continue;
      if (running.has(program.id)) return `two processes run ${program.id}`;
      running.set(program.id, program);
    }
    let digest: string | undefined;
    for (const program of running.values()) {
      const { membership } = program;
      digest ??= membership.digest();
      if (membership.digest() !== digest) return `digests differ at ${program.id}`;
      let live = 0;
      for (const member of membership.members()) {
        const truth = running.get(member.id);
        const dead = member.state === 'failed' || member.state === 'left';
        if (!truth && !dead) return `${program.id} holds ${member.id} for ${member.state}, but it does not run`;
        if (!truth) continue;
        if (dead) return `${program.id} holds ${member.id} for ${member.state}, but it runs`;
        if (member.state === 'suspect' || member.state === 'joining')
          return `${program.id} still holds ${member.id} for ${member.state}`;
        if (member.record.boot !== truth.boot) return `${program.id} holds another boot of ${member.id}`;
        live += 1;
      }
      if (live !== running.size) return `${program.id} sees ${live} of ${running.size}`;
      const rebuilt = this.#lastRebuild.get(program)?.table;
      if (rebuilt !== tableKey(program)) return `${program.id} has a table of another view`;
    }
    return undefined;
  }

  #seen(program: object, id: NodeId): Seen {
    const view = this.#views.get(program) ?? new Map<NodeId, Seen>();
    this.#views.set(program, view);
    const known = view.get(id);
    if (known) return known;
    const seen: Seen = {
      boot: 0,
      incarnation: 0,
      deadBoot: -1,
      deadIncarnation: -1,
      suspectBoot: -1,
      suspectIncarnation: -1,
    };
    view.set(id, seen);
    return seen;
  }

  #checkRecord(host: number, program: MemberProgram, record: MemberRecord): void {
    const seen = this.#seen(program, record.id);
    if (record.boot < seen.boot || (record.boot === seen.boot && record.incarnation < seen.incarnation))
      this.violate('incarnations grow', `host ${host}: ${record.id} fell back to ${record.boot}.${record.incarnation}`);
    seen.boot = record.boot;
    seen.incarnation = record.incarnation;
    const version = `${record.id}/${record.boot}/${record.incarnation}`;
    const content = `${record.state} ${record.url} ${record.weight} ${record.zone} ${record.signature.join()}`;
    const known = this.#contents.get(version);
    if (record.id === this.#shared) return;
    if (known !== undefined && known !== content) this.violate('one record a version', version);
    this.#contents.set(version, content);
    for (const other of this.world.hosts) {
      const subject = this.program(other.index);
      if (subject?.id !== record.id || subject.boot !== record.boot) continue;
      if (subject.membership.self.incarnation < record.incarnation)
        this.violate('only the subject signs', `${version} is unknown to its subject`);
    }
  }

  /** A verdict against a process that runs needs an excuse. */
  #judge(host: number, id: NodeId, record: MemberRecord, because: string): void {
    const { now } = this.world;
    if (id === this.#shared) return;
    for (const subject of this.world.hosts) {
      const program = this.program(subject.index);
      if (program?.id !== id || program.boot !== record.boot) continue;
      this.count('running member failed');
      // What a cut-off node has waited for in vain all the time may run out just after the heal, and be told.
      if (now < this.wellFrom + OWN_WAIT_MS && because === 'no answer in time') this.#ownWaits.set(id, now);
      const ownWait = now - (this.#ownWaits.get(id) ?? Number.NEGATIVE_INFINITY) < OWN_WAIT_TOLD_MS;
      if ((now < this.wellFrom || ownWait) && this.#troubled(subject.index, host, now)) return;
      this.violate('no healthy member removed', `host ${host} fails host ${subject.index}: ${because}`);
    }
  }

  #troubled(subject: number, accuser: number, now: number): boolean {
    // Whoever stalls reads old verdicts late.
    let lateMs = 0;
    for (const stall of this.world.stalls) if (stall.host === accuser) lateMs += stall.until - stall.at;
    let stalledMs = 0;
    for (const stall of this.world.stalls)
      if (stall.host === subject && now - stall.until < EXCUSE_MS + lateMs) stalledMs += stall.until - stall.at;
    if (stalledMs > FORGIVEN_STALL_MS) return true;
    return this.#wired.some(
      (w) => w.from <= now && now - w.until < EXCUSE_MS && (!w.hosts || w.hosts.has(subject) || w.hosts.has(accuser)),
    );
  }
}

function wiresOf(fault: Fault): { from: number; until: number; hosts: ReadonlySet<number> | undefined }[] {
  const from = fault.at;
  switch (fault.kind) {
    case 'partition':
      return [{ from, until: from + fault.forMs, hosts: undefined }];
    case 'cut':
      return [{ from, until: from + fault.forMs, hosts: new Set([...fault.from, ...fault.to]) }];
    case 'clog':
      return [{ from, until: from + fault.forMs, hosts: new Set([fault.from, fault.to]) }];
    case 'loss':
    case 'delay':
    case 'muffle':
      return [{ from, until: from + fault.forMs, hosts: new Set([fault.host]) }];
    default:
      return [];
  }
}

function newer(record: MemberRecord, boot: number, incarnation: number): boolean {
  return record.boot > boot || (record.boot === boot && record.incarnation > incarnation);
}

function tableKey(program: MemberProgram): string {
  return program.membership
    .provisioned()
    .map((m) => `${m.id}:${m.weight}:${m.zone}:${m.live}`)
    .join();
}
