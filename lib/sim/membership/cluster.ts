/** A simulated cluster to measure and to test: hosts 0 to N−1, host 0 everyone's seed unless told, and views as they change. */
import { Membership } from '../../core/membership/membership.js';
import { type MembershipFeatures, type MembershipTiming, TIMINGS } from '../../core/membership/options.js';
import type { MemberState } from '../../core/membership/types.js';
import type { NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import { LAN } from '../network-options.js';
import { World } from '../world.js';
import { frameSize, frameType, idOfNumber, MemberProgram } from './member-program.js';

export interface Change {
  readonly time: number;
  readonly host: number;
  readonly subject: number;
  readonly from: MemberState | undefined;
  readonly to: MemberState;
}

export interface ClusterOptions {
  readonly seed: number;
  readonly size: number;
  readonly timing?: MembershipTiming;
  readonly features?: MembershipFeatures;
  /** Hosts given as seeds to each node; host 0 unless told. */
  readonly seedsOf?: (host: number) => readonly number[];
  /** Hosts with the same name share a key. */
  readonly nameOf?: (host: number) => number;
  readonly line?: (line: string) => void;
  /** Members from the start, for `warm`. */
  readonly alive?: boolean;
}

export class Cluster {
  readonly world: World;
  readonly size: number;
  /** By host: the sizes of the views from which a table was built. */
  readonly tableSizes: Set<number>[] = [];
  readonly rebuilds: number[] = [];
  /** Sets what is called for each change. */
  changed: ((change: Change) => void) | undefined;
  readonly #subjectOf = new Map<NodeId, number>();

  constructor(options: ClusterOptions) {
    const { size } = options;
    this.size = size;
    for (let host = 0; host < size; host++) {
      this.#subjectOf.set(idOfNumber(host), host);
      this.tableSizes.push(new Set());
      this.rebuilds.push(0);
    }
    const watcher = {
      transition: (host: number, id: NodeId, from: MemberState | undefined, to: MemberState) =>
        this.changed?.({ time: this.world.now, host, subject: this.#subjectOf.get(id) as number, from, to }),
      sent: () => undefined,
      superseded: () => undefined,
      rebuilt: (host: number) => {
        this.rebuilds[host] = (this.rebuilds[host] as number) + 1;
        const members = this.program(host)?.membership.sizes().provisioned;
        if (members !== undefined) this.tableSizes[host]?.add(members);
      },
    };
    const seedsOf = options.seedsOf ?? (() => [0]);
    const nameOf = options.nameOf;
    this.world = new World({
      seed: options.seed,
      hosts: size,
      network: { ...LAN, sizeOf: frameSize, typeOf: frameType },
      program: (ports) =>
        new MemberProgram(
          {
            type: Membership,
            timing: options.timing ?? TIMINGS.lan,
            ...(options.features ? { features: options.features } : {}),
            seeds: (host) => seedsOf(host).map((seed) => this.world.hosts[seed]?.url ?? ''),
            ...(nameOf ? { nameOf } : {}),
            alive: options.alive ?? false,
          },
          ports,
          watcher,
        ),
      ...(options.line ? { line: options.line } : {}),
    });
  }

  program(host: number): MemberProgram | undefined {
    return this.world.hosts[host]?.process?.program as MemberProgram | undefined;
  }

  id(host: number): NodeId {
    return idOfNumber(host);
  }

  /** Starts everyone at once; returns when every view holds everyone alive, or undefined where that takes too long. */
  bootstrap(withinMs = 60_000): number | undefined {
    const from = this.world.now;
    for (let host = 0; host < this.size; host++) this.world.start(host);
    return this.until(() => this.complete(), from + withinMs) ? this.world.now - from : undefined;
  }

  /** Starts everyone with the whole view given, which saves the time of a bootstrap; then lets it settle. */
  warm(settleMs = 5_000): void {
    for (let host = 0; host < this.size; host++) this.world.start(host);
    const records = Array.from(
      { length: this.size },
      (_, host) => (this.program(host) as MemberProgram).membership.self,
    );
    for (const host of this.world.hosts) {
      const { process } = host;
      if (!process) continue;
      for (let i = 0; i < records.length; i += LIMITS.newsRecordsMax) {
        const news = { type: 'news', records: records.slice(i, i + LIMITS.newsRecordsMax), claims: [] } as const;
        const from = this.id((host.index + 1) % this.size);
        const { membership } = process.program as MemberProgram;
        this.world.call(process, () => membership.onMessage(from, news, this.world.now + process.offset));
      }
    }
    this.world.run(this.world.now + settleMs);
  }

  /** Every running node holds every running node alive, and nobody else alive. */
  complete(): boolean {
    let running = 0;
    for (const host of this.world.hosts) if (host.process) running += 1;
    let digest: string | undefined;
    for (let host = this.size - 1; host >= 0; host--) {
      const membership = this.program(host)?.membership;
      if (!membership) continue;
      if (membership.sizes().live !== running) return false;
      digest ??= membership.digest();
      if (membership.digest() !== digest) return false;
    }
    const first = this.world.hosts.find((host) => host.process)?.index ?? 0;
    const members = this.program(first)?.membership.members() ?? [];
    return members.filter((member) => member.state === 'alive').length === running;
  }

  /** What a host's node holds of another host's. */
  stateOf(subject: number, at: number): MemberState | undefined {
    return this.program(at)?.membership.get(this.id(subject))?.state;
  }

  start(...hosts: number[]): void {
    for (const host of hosts) this.world.start(host);
  }

  run(ms: number): void {
    this.world.run(this.world.now + ms);
  }

  /** Runs in small steps until `done`, or the time is over. */
  until(done: () => boolean, until: number, stepMs = 20): boolean {
    while (this.world.now < until) {
      if (done()) return true;
      this.world.run(Math.min(until, this.world.now + stepMs));
    }
    return done();
  }
}
