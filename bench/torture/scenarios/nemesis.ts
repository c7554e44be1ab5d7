/** Chooses and does the faults of a run, and ends them again; keeps within what the promises cover. */
import type { Arena } from '../harness/arena.js';
import type { NodeProcess } from '../harness/node-process.js';
import type { SeededRandom } from '../random.js';
import { pause } from '../scenario.js';

const MEAN_MS = 10_000;
/** Nothing has been wrong for so long before a kill. */
const QUIET_MS = 4_000;
const AGREED_MS = 60_000;
const DRAINED_MS = 90_000;
/** Nodes that join beyond the first ones. */
const JOINED_MAX = 2;
const PROGRESS_MS = 10_000;

type Fault = 'kill' | 'stop' | 'partition' | 'isolate' | 'drain' | 'join' | 'leave';

export class Nemesis {
  readonly counts = new Map<string, number>();
  readonly #arena: Arena;
  readonly #random: SeededRandom;
  readonly #say: (line: string) => void;
  #joined: string[] = [];
  #names = 0;

  constructor(arena: Arena, random: SeededRandom, say: (line: string) => void) {
    this.#arena = arena;
    this.#random = random;
    this.#say = say;
  }

  /** Faults until the time is over; each begins when the one before has ended. */
  async run(until: number): Promise<void> {
    const timer = setInterval(() => void this.#tell(), PROGRESS_MS);
    try {
      while (performance.now() < until) {
        // a fault lasts some seconds itself: the mean is that from one's beginning to the next's
        const startedAt = performance.now();
        const due = startedAt + this.#random.interval(MEAN_MS);
        await this.#one(this.#choose());
        await pause(Math.max(0, Math.min(due, until) - performance.now()));
      }
    } finally {
      clearInterval(timer);
    }
  }

  async calm(): Promise<void> {
    this.#arena.network.heal();
    for (const node of this.#arena.cluster.nodes.values()) if (node.state === 'stopped') node.signal('SIGCONT');
  }

  #choose(): Fault {
    const faults: Fault[] = ['kill', 'kill', 'stop', 'drain'];
    if (this.#arena.network.canCut) faults.push('partition', 'isolate');
    faults.push(this.#joined.length < JOINED_MAX && this.#random.next() < 0.5 ? 'join' : 'stop');
    if (this.#joined.length > 0) faults.push('leave');
    return this.#random.pick(faults);
  }

  async #one(fault: Fault): Promise<void> {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    switch (fault) {
      case 'kill':
        return this.#kill();
      case 'stop':
        return this.#stop();
      case 'partition':
        return this.#partition();
      case 'isolate':
        return this.#isolate();
      case 'drain':
        return this.#drain();
      case 'join':
        return this.#join();
      case 'leave':
        return this.#leave();
    }
  }

  async #kill(): Promise<void> {
    await this.#arena.cluster.agreed(AGREED_MS);
    await pause(QUIET_MS);
    const node = this.#random.pick(this.#arena.cluster.live);
    this.#begin('kill', node);
    await node.kill();
    // sooner than anyone can notice, or long after
    const downMs = this.#random.next() < 0.4 ? this.#random.between(20, 300) : this.#random.between(1_000, 6_000);
    await pause(downMs);
    await this.#arena.cluster.start(node.name);
    this.#say(`kill -9 ${node.name}, back after ${(downMs / 1_000).toFixed(1)} s`);
  }

  async #stop(): Promise<void> {
    const node = this.#random.pick(this.#arena.cluster.live);
    const stoppedMs =
      this.#random.next() < 0.5 ? this.#random.between(200, 1_500) : this.#random.between(3_000, 10_000);
    this.#begin('stop', node);
    node.signal('SIGSTOP');
    await pause(stoppedMs);
    node.signal('SIGCONT');
    this.#begin('continue', node);
    this.#say(`SIGSTOP ${node.name} for ${(stoppedMs / 1_000).toFixed(1)} s`);
  }

  async #partition(): Promise<void> {
    const nodes = this.#random.shuffled(this.#arena.cluster.live);
    const few = Math.max(
      1,
      Math.floor(this.#random.next() * Math.ceil(nodes.length / 2)) || Math.floor(nodes.length / 2),
    );
    const [a, b] = [nodes.slice(0, few), nodes.slice(few)];
    const cutMs = this.#random.between(2_000, 12_000);
    this.#begin('partition', ...a);
    for (const one of a) for (const other of b) this.#arena.network.cut(one.place, other.place);
    await pause(cutMs);
    this.#arena.network.heal();
    this.#begin('heal');
    const names = (side: readonly NodeProcess[]) => side.map(({ name }) => name).join('+');
    this.#say(`partition ${names(a)} | ${names(b)} for ${(cutMs / 1_000).toFixed(1)} s`);
  }

  /** One node loses its peers in one direction or both, and keeps its clients. */
  async #isolate(): Promise<void> {
    const nodes = this.#arena.cluster.live;
    const node = this.#random.pick(nodes);
    const way = this.#random.pick(['both', 'in', 'out'] as const);
    const cutMs = this.#random.between(1_000, 10_000);
    this.#begin(`isolate-${way}`, node);
    for (const other of nodes) {
      if (other === node) continue;
      if (way !== 'out') this.#arena.network.cutOneWay(other.place, node.place);
      if (way !== 'in') this.#arena.network.cutOneWay(node.place, other.place);
    }
    await pause(cutMs);
    this.#arena.network.heal();
    this.#begin('heal');
    this.#say(`isolate ${node.name} (${way}) for ${(cutMs / 1_000).toFixed(1)} s`);
  }

  async #drain(): Promise<void> {
    await this.#arena.cluster.agreed(AGREED_MS);
    const node = this.#random.pick(this.#arena.cluster.live);
    await this.#drained(node);
    await pause(this.#random.between(0, 2_000));
    await this.#arena.cluster.start(node.name);
    this.#say(`drain ${node.name} and rejoin`);
  }

  async #join(): Promise<void> {
    const name = `j${++this.#names}`;
    const node = await this.#arena.cluster.start(name);
    this.#begin('join', node);
    this.#joined.push(name);
    this.#say(`join ${name}`);
  }

  async #leave(): Promise<void> {
    await this.#arena.cluster.agreed(AGREED_MS);
    const name = this.#random.pick(this.#joined);
    this.#joined = this.#joined.filter((other) => other !== name);
    await this.#drained(this.#arena.cluster.node(name));
    this.#arena.cluster.remove(name);
    this.#say(`leave ${name}`);
  }

  async #drained(node: NodeProcess): Promise<void> {
    this.#begin('drain', node);
    node.signal('SIGTERM');
    const exit = await Promise.race([node.exited, pause(DRAINED_MS).then(() => undefined)]);
    if (exit !== 0)
      throw new Error(`${node.name} ended its drain with ${exit ?? 'nothing'}:\n${node.log.slice(-5).join('\n')}`);
  }

  #begin(fault: string, ...nodes: readonly NodeProcess[]): void {
    this.#arena.fault(fault, ...nodes.map(({ name }) => name));
  }

  async #tell(): Promise<void> {
    const { acked, delivered, pending, unknown, gaps } = await this.#arena.counts();
    this.#say(`  ${acked} acknowledged, ${pending} waiting, ${unknown} unknown, ${delivered} delivered, ${gaps} gaps`);
  }
}
