/**
 * One run's world: a fresh cluster, a fresh generator, a directory, all gone afterwards. Measures between two marks: what
 * was delivered, what CPU the servers, the broker, the generator and strangers took meanwhile.
 */
import type { Peer, StartedCluster } from '../peers/peer.js';
import type { ChannelKind } from '../peers/wires/wire.js';
import { ackedLostOf, lostOf } from './checker.js';
import type { FinishAnswer, PublisherState } from './commands.js';
import { Generator } from './generator.js';
import { cpuMsOf, machineBusyMs, pssBytes } from './proc.js';
import { removeDirectory, type ServerProcess, stopServers, temporaryDirectory } from './processes.js';

export interface StageOptions {
  readonly nodes: number;
  readonly root: string;
  readonly kind: ChannelKind;
  readonly readers: number;
  readonly channels: number;
  readonly payloadBytes: number;
  readonly texts?: readonly (readonly string[])[];
  readonly wantsAcks?: boolean;
  readonly hasPublisher?: boolean;
  readonly redialMs?: number;
}

interface Mark {
  readonly delivered: number;
  readonly atMicros: number;
  readonly nodesMs: readonly number[];
  readonly brokersMs: number;
  readonly generatorMs: number;
  readonly machineMs: number;
}

export interface Interval {
  readonly seconds: number;
  readonly delivered: number;
  readonly perSecond: number;
  /** CPU ms of all servers, broker included. */
  readonly serverMs: number;
  readonly brokerMs: number;
  readonly generatorMs: number;
  readonly nodesMs: readonly number[];
  /** Cores that other processes of the machine used meanwhile. */
  readonly strangerCores: number;
}

export interface Outcome {
  readonly finish: FinishAnswer;
  readonly published: PublisherState;
  readonly lost: number;
  readonly ackedLost: number;
  readonly faults: readonly string[];
}

const PATIENCE_MS = 3_000;

export class Stage {
  readonly cluster: StartedCluster;
  readonly generator: Generator;
  /** In which its servers run. */
  readonly directory: string;
  readonly #options: StageOptions;

  private constructor(options: StageOptions, directory: string, cluster: StartedCluster, generator: Generator) {
    this.#options = options;
    this.directory = directory;
    this.cluster = cluster;
    this.generator = generator;
  }

  static async open(peer: Peer, options: StageOptions): Promise<Stage> {
    const directory = temporaryDirectory();
    const cluster = await peer.start(options.nodes, directory, options.root).catch(async (error: unknown) => {
      await stopServers();
      removeDirectory(directory);
      throw error;
    });
    const generator = new Generator(directory);
    const stage = new Stage(options, directory, cluster, generator);
    try {
      const shared = { wire: peer.wire, endpoints: cluster.endpoints, kind: options.kind, channels: options.channels };
      if (options.hasPublisher !== false) {
        await generator.openPublisher({
          ...shared,
          payloadBytes: options.payloadBytes,
          readersPerChannel: options.readers / options.channels,
          wantsAcks: options.wantsAcks === true,
          ...(options.texts === undefined ? {} : { texts: options.texts }),
        });
      }
      await generator.setUpReaders({ ...shared, readers: options.readers, redialMs: options.redialMs ?? 500 });
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  get servers(): readonly ServerProcess[] {
    return [...this.cluster.nodes, ...this.cluster.brokers];
  }

  get pssBytes(): number {
    return this.servers.flatMap((server) => server.pids).reduce((sum, pid) => sum + pssBytes(pid), 0);
  }

  get serverCpuMs(): number {
    return cpuMsOf(this.servers.flatMap((server) => server.pids));
  }

  async mark(): Promise<Mark> {
    const { delivered, atMicros } = await this.generator.mark();
    return {
      delivered,
      atMicros,
      nodesMs: this.cluster.nodes.map((server) => cpuMsOf(server.pids)),
      brokersMs: cpuMsOf(this.cluster.brokers.flatMap((server) => server.pids)),
      generatorMs: cpuMsOf([process.pid, ...this.generator.pids]),
      machineMs: machineBusyMs(),
    };
  }

  between(from: Mark, to: Mark): Interval {
    const seconds = (to.atMicros - from.atMicros) / 1e6;
    const nodesMs = to.nodesMs.map((ms, index) => ms - from.nodesMs[index]!);
    const brokerMs = to.brokersMs - from.brokersMs;
    const serverMs = nodesMs.reduce((sum, ms) => sum + ms, 0) + brokerMs;
    const generatorMs = to.generatorMs - from.generatorMs;
    const delivered = to.delivered - from.delivered;
    return {
      seconds,
      delivered,
      perSecond: delivered / seconds,
      serverMs,
      brokerMs,
      generatorMs,
      nodesMs,
      strangerCores: Math.max(0, to.machineMs - from.machineMs - serverMs - generatorMs) / seconds / 1e3,
    };
  }

  async over(seconds: number): Promise<Interval> {
    const from = await this.mark();
    await pause(seconds * 1e3);
    return this.between(from, await this.mark());
  }

  /** Waits for what is under way, then compares what was sent with what arrived. */
  async outcome(patienceMs = PATIENCE_MS): Promise<Outcome> {
    const { generator } = this;
    await generator.publish({ do: 'stop' });
    if (this.#options.wantsAcks === true) await generator.publish({ do: 'settle', deadlineMs: patienceMs });
    let published = await generator.state();
    await generator.awaitDelivered(published.total * (this.#options.readers / this.#options.channels), patienceMs);
    const finish = await generator.finish();
    published = await generator.state();
    const ended = this.servers
      .filter((server) => server.endedByItself)
      .map((server) => `${server.name} ended by itself`);
    return {
      finish,
      published,
      lost: lostOf(finish.states, published.sent),
      ackedLost: ackedLostOf(
        finish.states,
        published.sent,
        (channel, sequence) => published.ackedByChannel[channel]?.[sequence] === 1,
      ),
      faults: [...finish.faults, ...published.faults, ...published.refusals.map((why) => `refused: ${why}`), ...ended],
    };
  }

  async close(): Promise<void> {
    await this.generator.stop();
    await Promise.all(this.servers.map((server) => server.stop()));
    removeDirectory(this.directory);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
