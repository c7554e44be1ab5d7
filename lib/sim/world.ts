/**
 * A world of hosts under virtual time: programs run in processes on hosts, talk over links, and suffer faults. Everything
 * that happens follows from a seed, the programs and the list of faults. The world knows nothing of what the programs do:
 * messages are opaque, and whatever judges the programs stands outside.
 */
import type { Random } from '../core/random.js';
import { Network } from './network.js';
import { Conditions } from './network-conditions.js';
import type { Attachment } from './network-link.js';
import type { NetworkOptions } from './network-options.js';
import { describeFault, endOf, type Fault, type FaultKind, type Trigger } from './world-faults.js';
import { Happening } from './world-happening.js';
import { Queue } from './world-queue.js';
import { SeededRandom } from './world-random.js';
import { Trace } from './world-trace.js';

export type DownReason = 'closed' | 'refused' | 'timeout' | 'idle';

/** What runs in a process. All times are on the process's own clock, which starts anywhere. */
export interface Program {
  /** Who it is to its peers; must be known once the program is made. */
  readonly id: string;
  readonly boot: number;
  start(now: number): void;
  tick(now: number): void;
  nextWakeAt(): number;
  onLinkUp(peer: string, boot: number, now: number, dialed?: string): void;
  onLinkDown(peer: string, why: DownReason, now: number): void;
  onDialFailed(url: string, why: 'refused' | 'timeout' | 'self', now: number): void;
  onMessage(from: string, message: unknown, now: number): void;
  onCommand?(command: string, now: number): void;
  /** The process is about to vanish; for bookkeeping of the test only. */
  onKilled?(): void;
}

/** What a program may use of the world. */
export interface ProcessPorts {
  readonly host: number;
  readonly url: string;
  readonly random: Random;
  /** What the host remembers across restarts, unless the restart is without memory. */
  readonly memory: Map<string, unknown>;
  wallNow(): number;
  send(peer: string, url: string, message: unknown): void;
  dial(url: string): void;
  /** Something came about inside the program that a trigger may wait for. */
  moment(name: string): void;
  close(peer: string): void;
  /** Ends the process as `exit` does: links close. */
  exit(): void;
  /** Replaces the process by a new one on the same host. */
  restart(): void;
}

export type ProgramFactory = (ports: ProcessPorts) => Program;

export interface WorldOptions {
  readonly seed: number;
  readonly hosts: number;
  readonly network: NetworkOptions;
  readonly program: ProgramFactory;
  readonly faults?: readonly Fault[];
  readonly triggers?: readonly Trigger[];
  /** Each line of the trace, where someone listens. */
  readonly line?: (line: string) => void;
}

export class Process {
  readonly host: number;
  readonly program: Program;
  /** Own clock minus world time. */
  readonly offset: number;
  alive = true;
  stalledUntil = 0;
  /** What arrived during a stall. */
  readonly inbox: (() => void)[] = [];
  wakeScheduledAt = Number.POSITIVE_INFINITY;
  /** Its side of the network, while it runs. */
  attachment: Attachment | undefined = undefined;

  constructor(host: number, program: Program, offset: number) {
    this.host = host;
    this.program = program;
    this.offset = offset;
  }
}

export interface Host {
  readonly index: number;
  readonly url: string;
  process: Process | undefined;
  /** No packet gets in or out, as when the power is cut. */
  silent: boolean;
  memory: Map<string, unknown>;
  skewMs: number;
  starts: number;
}

class Deed extends Happening {
  readonly #run: () => void;

  constructor(time: number, run: () => void) {
    super(time);
    this.#run = run;
  }

  run(): void {
    this.#run();
  }
}

/** A process is woken when it wanted to be, unless it wanted otherwise since. */
class Wake extends Happening {
  readonly #process: Process;
  readonly #wake: (process: Process, at: number) => void;

  constructor(time: number, process: Process, wake: (process: Process, at: number) => void) {
    super(time);
    this.#process = process;
    this.#wake = wake;
  }

  run(): void {
    this.#wake(this.#process, this.time);
  }
}

/** World time 0 as a date: only differences matter. */
const EPOCH_MS = 1_700_000_000_000;

export class World {
  now = 0;
  readonly hosts: Host[] = [];
  readonly network: Network;
  readonly conditions: Conditions;
  readonly trace: Trace;
  /** How often each kind of fault really took effect. */
  readonly happened = new Map<FaultKind | `on-${string}`, number>();
  /** Every stall so far, whatever caused it. */
  readonly stalls: { readonly host: number; readonly at: number; readonly until: number }[] = [];
  readonly #options: WorldOptions;
  readonly #queue = new Queue<Happening>();
  readonly #random: SeededRandom;
  readonly #wakeUp = (process: Process, at: number) => this.#wake(process, at);
  #order = 0;
  readonly #sent = new Map<Trigger, number>();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed, 1);
    this.trace = new Trace(options.line);
    this.conditions = new Conditions(options.hosts);
    for (let index = 0; index < options.hosts; index++)
      this.hosts.push({
        index,
        url: `http://10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:7400`,
        process: undefined,
        silent: false,
        memory: new Map(),
        // No two clocks agree.
        skewMs: (index * 37) % 101,
        starts: 0,
      });
    this.network = new Network(this, options.network, new SeededRandom(options.seed, 2));
    for (const fault of options.faults ?? []) this.inject(fault);
    if (options.triggers) this.network.onSend = (host, type) => this.#trigger(host, type);
  }

  at(time: number, run: () => void): void {
    this.add(new Deed(time, run));
  }

  add(happening: Happening): void {
    happening.order = this.#order++;
    this.#queue.push(happening);
  }

  /** Runs until this time, or until `done` says so. Returns the time reached. */
  run(until: number, done?: () => boolean): number {
    for (let next = this.#queue.peek(); next && next.time <= until; next = this.#queue.peek()) {
      this.#queue.pop();
      this.now = next.time;
      next.run();
      if (done?.()) return this.now;
    }
    this.now = until;
    return until;
  }

  start(index: number): void {
    const host = this.hosts[index] as Host;
    if (host.process) return;
    host.silent = false;
    host.starts += 1;
    const offset = Math.floor(this.#random.between(0, 1e6));
    const ports = this.network.portsFor(host, new SeededRandom(this.#options.seed, 1_000 + index * 64 + host.starts));
    const process = new Process(index, this.#options.program(ports), offset);
    host.process = process;
    this.network.attach(process);
    this.trace.add(
      this.now,
      'start',
      index,
      index,
      host.starts,
      process,
      (p) => `${p.program.id} boot ${p.program.boot}`,
    );
    this.call(process, () => process.program.start(this.now + offset));
  }

  /** Ends a process; `silently`: nobody is told. */
  stop(index: number, silently: boolean, killed = false): boolean {
    const host = this.hosts[index] as Host;
    const { process } = host;
    if (silently) host.silent = true;
    if (!process) return false;
    process.alive = false;
    process.program.onKilled?.();
    host.process = undefined;
    this.trace.add(this.now, 'stop', index, index, silently ? 1 : 0);
    this.network.detach(process, silently, killed);
    return true;
  }

  stall(index: number, forMs: number): boolean {
    const { process } = this.hosts[index] as Host;
    if (!process) return false;
    const until = this.now + forMs;
    if (until <= process.stalledUntil) return true;
    process.stalledUntil = until;
    this.stalls.push({ host: index, at: this.now, until });
    this.trace.add(this.now, 'stall', index, index, Math.round(forMs));
    this.at(until, () => {
      if (!process.alive || process.stalledUntil !== until) return;
      process.stalledUntil = 0;
      // As in Node: timers that fell due run first, then what waits in the sockets.
      if (process.program.nextWakeAt() <= this.now + process.offset)
        this.call(process, () => process.program.tick(this.now + process.offset));
      for (let i = 0; i < process.inbox.length && process.alive; i++) (process.inbox[i] as () => void)();
      process.inbox.length = 0;
      this.schedule(process);
    });
    return true;
  }

  wallOf(index: number): number {
    return EPOCH_MS + this.now + (this.hosts[index] as Host).skewMs;
  }

  /** Calls into a program, then sees when it wants to be woken. */
  call(process: Process, run: () => void): void {
    run();
    this.schedule(process);
  }

  /** Runs now, or when the process's stall is over. */
  deliver(process: Process, run: () => void): void {
    if (!process.alive) return;
    if (process.stalledUntil > this.now) process.inbox.push(run);
    else {
      run();
      this.schedule(process);
    }
  }

  schedule(process: Process): void {
    if (!process.alive || process.stalledUntil > this.now) return;
    const at = Math.max(this.now, process.program.nextWakeAt() - process.offset);
    if (at >= process.wakeScheduledAt || at === Number.POSITIVE_INFINITY) return;
    process.wakeScheduledAt = at;
    this.add(new Wake(at, process, this.#wakeUp));
  }

  /** Nothing is triggered any more. */
  disarm(): void {
    this.network.onSend = undefined;
  }

  inject(fault: Fault): void {
    this.at(fault.at, () => this.#begin(fault));
  }

  count(kind: FaultKind | `on-${string}`): void {
    this.happened.set(kind, (this.happened.get(kind) ?? 0) + 1);
  }

  #wake(process: Process, at: number): void {
    if (!process.alive || process.wakeScheduledAt !== at) return;
    process.wakeScheduledAt = Number.POSITIVE_INFINITY;
    if (process.stalledUntil > this.now) return;
    const own = this.now + process.offset;
    // A float's last digit may put the wake a hair before what was asked for.
    if (process.program.nextWakeAt() <= own + 1e-6) process.program.tick(Math.max(own, process.program.nextWakeAt()));
    this.schedule(process);
  }

  #begin(fault: Fault): void {
    this.trace.add(this.now, 'fault', 0, 0, fault.kind.length, fault, describeFault);
    switch (fault.kind) {
      case 'kill':
        if (this.stop(fault.host, false, true)) this.count('kill');
        return;
      case 'silence':
        if (this.stop(fault.host, true)) this.count('silence');
        return;
      case 'restart': {
        const host = this.hosts[fault.host] as Host;
        if (host.process) this.stop(fault.host, false);
        if (!fault.memory) host.memory = new Map();
        this.start(fault.host);
        this.count('restart');
        return;
      }
      case 'stall':
        if (this.stall(fault.host, fault.forMs)) this.count('stall');
        return;
      case 'break':
        if (this.network.break(fault.a, fault.b)) this.count('break');
        return;
      case 'skew':
        (this.hosts[fault.host] as Host).skewMs = fault.ms;
        this.count('skew');
        return;
      case 'command': {
        const { process } = this.hosts[fault.host] as Host;
        if (!process) return;
        this.count('command');
        this.deliver(process, () => process.program.onCommand?.(fault.command, this.now + process.offset));
        return;
      }
      default:
        this.count(fault.kind);
        this.conditions.begin(fault);
        this.at(endOf(fault), () => this.conditions.end(fault));
    }
  }

  #trigger(host: number, type: string): void {
    for (const trigger of this.#options.triggers ?? []) {
      if (trigger.on !== type || this.now < (trigger.after ?? 0)) continue;
      const times = (this.#sent.get(trigger) ?? 0) + 1;
      this.#sent.set(trigger, times);
      if (trigger.nth !== times) continue;
      this.count(`on-${type}`);
      // After the call that sent it has returned, before anything else happens.
      this.at(this.now, () => {
        if (trigger.do === 'stall') this.stall(host, trigger.forMs ?? 1_000);
        else this.stop(host, trigger.do === 'silence', true);
      });
    }
  }
}
