/**
 * The merged view: for each member the newest record that it signed, and the newest verdict that others passed on it. Both
 * are maxima over (boot, incarnation), so merging is commutative, associative and idempotent, and two views that saw the
 * same news in any order are equal. Suspicions are opinions under way and no part of what is merged or digested.
 */
import type { NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import type { MemberRecord } from '../../wire/membership.js';
import type { TableMember } from '../table/types.js';
import { combine, hashText, hex32 } from './hash.js';
import { Parts } from './parts.js';
import { compareVersions, type Version } from './record.js';
import type { Suspicion } from './suspicion.js';
import type { Member, MemberState } from './types.js';

export class Entry implements Member {
  readonly id: NodeId;
  // What every claim asks for comes first: hundreds of entries do not fit the processor's cache.
  record: MemberRecord;
  state: MemberState;
  suspicion: Suspicion | undefined = undefined;
  /** The newest version that was found failed. */
  failed: Version | undefined = undefined;
  failedBy: NodeId | undefined = undefined;
  since: number;
  /** Places the member on rings and in parts of a comparison. All hashes are kept as signed 32 bits, which need no box. */
  readonly place: number;
  readonly salt: number;
  /** The hash of its version and verdict. */
  low = 0;
  /** Accusations that it answered of late, and probes in a row that it has not answered now. */
  answers = 0;
  answeredAt = 0;
  misses = 0;

  constructor(record: MemberRecord, now: number) {
    this.id = record.id;
    this.record = record;
    this.state = record.state;
    this.since = now;
    this.place = hashText(record.id, 0) | 0;
    this.salt = hashText(record.id, 1) | 0;
  }

  /** Takes part: is watched, gossiped with and counted. */
  get live(): boolean {
    return isLive(this.state);
  }

  /** Has a place in the slot table, dead or alive. */
  get provisioned(): boolean {
    return isProvisioned(this.record);
  }
}

function isLive(state: MemberState): boolean {
  return state !== 'failed' && state !== 'left' && state !== 'forgotten';
}

function isProvisioned({ state }: MemberRecord): boolean {
  return state === 'alive' || state === 'draining';
}

/** What is left of a forgotten member: enough to know old rumours, and to try its address now and then. */
export interface Tombstone extends Version {
  readonly record: MemberRecord;
  readonly at: number;
}

export type Admission = 'newer' | 'same' | 'older' | 'buried' | 'full';

export interface ViewEvents {
  transition(entry: Entry, from: MemberState | undefined, to: MemberState, because: string): void;
  /** The table's inputs changed; `atOnce` where a member that has slots died or came back. */
  tableChanged(atOnce: boolean): void;
}

/** Finds members by id. */
export interface MemberIndex {
  get(id: NodeId): Entry | undefined;
  set(id: NodeId, entry: Entry): unknown;
  delete(id: NodeId): unknown;
}

export class View {
  /** In id order, those that came since it was last asked for left out. */
  readonly #entries: Entry[] = [];
  #fresh: Entry[] = [];
  readonly tombstones = new Map<NodeId, Tombstone>();
  readonly suspects = new Set<Entry>();
  readonly #byId: MemberIndex;
  /** For comparisons. */
  readonly parts = new Parts();
  readonly #events: ViewEvents;
  #high = 0;
  #low = 0;
  #digest: string | undefined;
  #live = 0;
  /** Counts changes of who is live: neighbours are chosen anew when it moved. */
  liveVersion = 0;
  /** Counts only those by which somebody became live. */
  grownVersion = 0;
  /** Counts all changes of a member's state. */
  stateVersion = 0;
  #provisioned = 0;

  constructor(events: ViewEvents, index: MemberIndex = new Map()) {
    this.#events = events;
    this.#byId = index;
  }

  get(id: NodeId): Entry | undefined {
    return this.#byId.get(id);
  }

  /** In id order. */
  get entries(): readonly Entry[] {
    if (this.#fresh.length > 0) this.#order();
    return this.#entries;
  }

  get size(): number {
    return this.#entries.length + this.#fresh.length;
  }

  get liveCount(): number {
    return this.#live;
  }

  get provisionedCount(): number {
    return this.#provisioned;
  }

  /** 16 hex digits over all members' versions and verdicts. */
  get digest(): string {
    this.#digest ??= hex32(this.#high) + hex32(this.#low);
    return this.#digest;
  }

  /** Merges a record whose signature was checked. */
  admit(record: MemberRecord, now: number, because: string): Admission {
    const entry = this.#byId.get(record.id);
    if (entry) {
      const order = compareVersions(record, entry.record);
      if (order <= 0) return order === 0 ? 'same' : 'older';
      const { record: before } = entry;
      entry.record = record;
      if (entry.suspicion && compareVersions(record, entry.suspicion.version) > 0) {
        entry.answers += 1;
        entry.answeredAt = now;
        this.#drop(entry);
      }
      this.#changed(entry, before, now, because);
      return 'newer';
    }
    const tombstone = this.tombstones.get(record.id);
    if (tombstone && compareVersions(record, tombstone) <= 0) return 'buried';
    if (this.size >= LIMITS.membersMax) return 'full';
    this.tombstones.delete(record.id);
    this.#insert(new Entry(record, now), because);
    return 'newer';
  }

  /** Whether an accusation of this version says something that is neither answered nor settled. */
  isOpen(entry: Entry, version: Version): boolean {
    if (entry.record.state === 'left' && compareVersions(version, entry.record) <= 0) return false;
    if (compareVersions(version, entry.record) < 0) return false;
    return entry.failed === undefined || compareVersions(version, entry.failed) > 0;
  }

  suspect(entry: Entry, suspicion: Suspicion, now: number, because: string): void {
    entry.suspicion = suspicion;
    this.suspects.add(entry);
    this.#changed(entry, entry.record, now, because);
  }

  fail(entry: Entry, version: Version, by: NodeId, now: number, because: string): void {
    if (entry.failed === undefined || compareVersions(version, entry.failed) > 0) entry.failed = version;
    entry.failedBy = by;
    this.#drop(entry);
    this.#changed(entry, entry.record, now, because);
  }

  forget(entry: Entry, version: Version, now: number): void {
    const latest = compareVersions(version, entry.record) > 0 ? version : entry.record;
    const from = entry.state;
    if (entry.live) this.#live -= 1;
    if (entry.provisioned) {
      this.#provisioned -= 1;
      this.#events.tableChanged(false);
    }
    this.#drop(entry);
    this.#digestWithout(entry);
    this.#byId.delete(entry.id);
    this.parts.delete(entry);
    if (this.#fresh.length > 0) this.#order();
    this.#entries.splice(this.#indexOf(entry.id, this.#entries.length), 1);
    this.liveVersion += 1;
    this.stateVersion += 1;
    this.#bury(entry.id, { record: entry.record, boot: latest.boot, incarnation: latest.incarnation, at: now });
    entry.state = 'forgotten';
    this.#events.transition(entry, from, 'forgotten', 'forgotten');
  }

  provisioned(): TableMember[] {
    const members: TableMember[] = [];
    for (const entry of this.entries)
      if (entry.provisioned)
        members.push({ id: entry.id, weight: entry.record.weight, zone: entry.record.zone, live: entry.live });
    return members;
  }

  #insert(entry: Entry, because: string): void {
    this.#fresh.push(entry);
    this.parts.add(entry);
    this.#byId.set(entry.id, entry);
    if (entry.live) this.#live += 1;
    this.liveVersion += 1;
    this.grownVersion += 1;
    this.stateVersion += 1;
    this.#digestWith(entry);
    if (entry.provisioned) {
      this.#provisioned += 1;
      this.#events.tableChanged(false);
    }
    this.#events.transition(entry, undefined, entry.state, because);
  }

  /** What follows from it: counts, digest, and the news for others. `before` is the record that it had. */
  #changed(entry: Entry, before: MemberRecord, now: number, because: string): void {
    const from = entry.state;
    const live = isLive(from);
    const provisioned = isProvisioned(before);
    this.#digestAnew(entry);
    const to = effectiveState(entry);
    if (to !== from) {
      this.stateVersion += 1;
      entry.state = to;
      entry.since = now;
    }
    if (entry.live !== live) {
      this.#live += entry.live ? 1 : -1;
      this.liveVersion += 1;
      if (entry.live) this.grownVersion += 1;
    }
    if (provisioned && entry.provisioned) {
      if (entry.live !== live) this.#events.tableChanged(true);
      else if (entry.record.weight !== before.weight || entry.record.zone !== before.zone)
        this.#events.tableChanged(false);
    } else if (provisioned !== entry.provisioned) {
      this.#provisioned += entry.provisioned ? 1 : -1;
      this.#events.tableChanged(false);
    }
    if (to !== from) this.#events.transition(entry, from, to, because);
  }

  #drop(entry: Entry): void {
    entry.suspicion = undefined;
    this.suspects.delete(entry);
  }

  #bury(id: NodeId, tombstone: Tombstone): void {
    this.tombstones.set(id, tombstone);
    for (const oldest of this.tombstones.keys()) {
      if (this.tombstones.size <= LIMITS.tombstonesMax) break;
      this.tombstones.delete(oldest);
    }
  }

  #digestWithout(entry: Entry): void {
    this.#high = (this.#high - highOf(entry)) >>> 0;
    this.#low = (this.#low - entry.low) >>> 0;
    this.parts.sum(entry.place, -entry.low);
    this.#digest = undefined;
  }

  #digestWith(entry: Entry, hash = hashNow(entry)): void {
    entry.low = hash | 0;
    this.#high = (this.#high + highOf(entry)) >>> 0;
    this.#low = (this.#low + entry.low) >>> 0;
    this.parts.sum(entry.place, entry.low);
    this.#digest = undefined;
  }

  /** Suspicions are no part of it: most changes leave it as it is. */
  #digestAnew(entry: Entry): void {
    const hash = hashNow(entry);
    if ((hash | 0) === entry.low) return;
    this.#digestWithout(entry);
    this.#digestWith(entry, hash);
  }

  /** Puts those that came among the others, from the last one on: each of the others moves once, however many came. */
  #order(): void {
    const all = this.#entries;
    const fresh = inIdOrder(this.#fresh);
    this.#fresh = [];
    let end = all.length;
    for (const entry of fresh) all.push(entry);
    for (let to = all.length, i = fresh.length - 1; i >= 0; i--) {
      const entry = fresh[i] as Entry;
      const at = this.#indexOf(entry.id, end);
      while (end > at) all[--to] = all[--end] as Entry;
      all[--to] = entry;
    }
  }

  /** Where the id is, or belongs, among the first `high`. */
  #indexOf(id: NodeId, high: number): number {
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] as Entry).id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Sorts in place: all that others see in some order is in this one. */
export function inIdOrder(entries: Entry[]): Entry[] {
  return entries.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The upper half of the digest adds up these. */
function highOf(entry: Entry): number {
  return combine(entry.low >>> 0, entry.salt);
}

function hashNow(entry: Entry): number {
  const { failed } = entry;
  return hashOf(entry, failed && compareVersions(failed, entry.record) >= 0 ? failed : undefined);
}

/** What a comparison sees of a member whose newest record is the one held here, with this verdict on it or none. */
export function hashOf(entry: Entry, failed: Version | undefined): number {
  const hash = combine(combine(entry.place, entry.record.boot), entry.record.incarnation);
  return failed ? combine(combine(hash, failed.boot), failed.incarnation + 1) : hash;
}

function effectiveState(entry: Entry): MemberState {
  if (entry.record.state === 'left') return 'left';
  if (entry.failed && compareVersions(entry.failed, entry.record) >= 0) return 'failed';
  return entry.suspicion ? 'suspect' : entry.record.state;
}
