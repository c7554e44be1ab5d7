/** The nodes of the demo: real processes on this machine, started, drained and killed for good. */
import { CommandError } from '../../lib/cli/failure.js';
import { killAll, type NodeProcess, startNodeProcess } from '../../lib/cli/processes.js';
import type { NodeStatus, PulseNode } from './page/pulse.js';

interface Member {
  readonly number: number;
  readonly process: NodeProcess;
  status: NodeStatus;
}

export interface FleetSettings {
  /** Of the first node; the others take the next ones. Where it is taken a free one is picked. */
  readonly port: number;
  readonly options: readonly string[];
  /** A node changed its status; `how` tells how its process ended. */
  readonly changed: (node: PulseNode, how?: number | NodeJS.Signals) => void;
}

export class Fleet {
  readonly #settings: FleetSettings;
  readonly #members: Member[] = [];
  #started = 0;

  constructor(settings: FleetSettings) {
    this.#settings = settings;
  }

  nodes(): PulseNode[] {
    return this.#members.map(describe);
  }

  /** Addresses of nodes that answer. */
  urls(): string[] {
    return this.#members
      .filter(({ status }) => status === 'serving' || status === 'draining')
      .map((member) => member.process.url);
  }

  numberOf(url: string): number {
    return this.#members.find((member) => member.process.url === url)?.number ?? 0;
  }

  async add(): Promise<PulseNode> {
    const number = ++this.#started;
    const process = await this.#start(this.#settings.port === 0 ? 0 : this.#settings.port + number - 1);
    const member: Member = { number, process, status: 'serving' };
    this.#members.push(member);
    void process.exited.then((how) => {
      member.status = member.status === 'draining' && how === 0 ? 'left' : 'killed';
      this.#settings.changed(describe(member), how);
    });
    this.#settings.changed(describe(member));
    return describe(member);
  }

  drain(number: number): void {
    const member = this.#serving(number);
    member.status = 'draining';
    member.process.kill('SIGTERM');
    this.#settings.changed(describe(member));
  }

  /** @throws Error where the node must stay */
  check(number: number): void {
    this.#serving(number);
  }

  kill(number: number): void {
    this.#serving(number).process.kill('SIGKILL');
  }

  stop(): void {
    killAll(this.#members.map((member) => member.process));
  }

  #serving(number: number): Member {
    const member = this.#members.find((candidate) => candidate.number === number);
    if (member?.status !== 'serving') throw new Error(`node ${number} is not serving`);
    if (this.#members.filter(({ status }) => status === 'serving').length <= 2) {
      throw new Error('two nodes stay, so that each message has two copies');
    }
    return member;
  }

  async #start(port: number): Promise<NodeProcess> {
    const seeds = this.urls().flatMap((url) => ['--seed', url]);
    const options = [...seeds, ...this.#settings.options];
    try {
      return await startNodeProcess({ options: ['--port', String(port), ...options] });
    } catch (error) {
      if (!(error instanceof CommandError) || port === 0 || !error.message.includes('already in use')) throw error;
      return await startNodeProcess({ options: ['--port', '0', ...options] });
    }
  }
}

function describe({ number, process, status }: Member): PulseNode {
  return { number, id: process.id, url: process.url, pid: process.pid, status };
}
