/** The state of the wires at one moment, made from the faults in force; kept flat, since every message asks. */
import type { Fault } from './world-faults.js';

export class Conditions {
  readonly #active = new Set<Fault>();
  #group: Int32Array;
  #lossIn: Float64Array;
  #lossOut: Float64Array;
  #delay: Float64Array;
  readonly #cuts = new Set<number>();
  readonly #clogs = new Map<number, number>();
  readonly #muffles = new Map<number, number>();
  #partitioned = false;
  duplicateShare = 0;
  /** Loss on every path. */
  baseLoss = 0;

  constructor(hosts: number) {
    this.#group = new Int32Array(hosts).fill(-1);
    this.#lossIn = new Float64Array(hosts);
    this.#lossOut = new Float64Array(hosts);
    this.#delay = new Float64Array(hosts);
  }

  begin(fault: Fault): void {
    this.#active.add(fault);
    this.#rebuild();
  }

  end(fault: Fault): void {
    if (this.#active.delete(fault)) this.#rebuild();
  }

  clear(): void {
    this.#active.clear();
    this.#rebuild();
  }

  blocked(from: number, to: number): boolean {
    if (this.#partitioned) {
      const a = this.#group[from] as number;
      const b = this.#group[to] as number;
      if (a >= 0 && b >= 0 && a !== b) return true;
    }
    return this.#cuts.size > 0 && this.#cuts.has(from * 65_536 + to);
  }

  /** The probability that a message from `from` to `to` is lost. */
  loss(from: number, to: number): number {
    return 1 - (1 - this.baseLoss) * (1 - (this.#lossOut[from] as number)) * (1 - (this.#lossIn[to] as number));
  }

  extraDelay(from: number, to: number): number {
    return (this.#delay[from] as number) + (this.#delay[to] as number);
  }

  /** Until when messages of this direction are held back; 0 where they are not. */
  cloggedUntil(from: number, to: number): number {
    if (this.#clogs.size === 0 && this.#muffles.size === 0) return 0;
    const clogged = this.#clogs.get(from * 65_536 + to) ?? 0;
    return Math.max(clogged, this.#muffles.get(from) ?? 0, this.#muffles.get(to) ?? 0);
  }

  #rebuild(): void {
    this.#group.fill(-1);
    this.#lossIn.fill(0);
    this.#lossOut.fill(0);
    this.#delay.fill(0);
    this.#cuts.clear();
    this.#clogs.clear();
    this.#muffles.clear();
    this.#partitioned = false;
    this.duplicateShare = 0;
    for (const fault of this.#active) this.#apply(fault);
  }

  #apply(fault: Fault): void {
    switch (fault.kind) {
      case 'partition':
        this.#partitioned = true;
        // Two partitions at once cut finer: a host's group is the pair of both.
        fault.groups.forEach((hosts, group) => {
          for (const host of hosts)
            this.#group[host] = (Math.max(0, this.#group[host] as number) * 16 + group + 1) & 0xffff;
        });
        break;
      case 'cut':
        for (const from of fault.from) for (const to of fault.to) this.#cuts.add(from * 65_536 + to);
        break;
      case 'loss':
        this.#lossIn[fault.host] = Math.max(this.#lossIn[fault.host] as number, fault.in);
        this.#lossOut[fault.host] = Math.max(this.#lossOut[fault.host] as number, fault.out);
        break;
      case 'delay':
        this.#delay[fault.host] = (this.#delay[fault.host] as number) + fault.addMs;
        break;
      case 'clog':
        this.#clogs.set(fault.from * 65_536 + fault.to, fault.at + fault.forMs);
        break;
      case 'muffle':
        this.#muffles.set(fault.host, fault.at + fault.forMs);
        break;
      case 'duplicate':
        this.duplicateShare = Math.max(this.duplicateShare, fault.share);
        break;
      default:
        break;
    }
  }
}
