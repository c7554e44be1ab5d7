/** A process of clients, as the orchestrator sees it: started at a place of the network, asked, ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answered, ClientsCommand, ClientsCounts, ClientsSetup, LastAcked } from '../clients/plan.js';
import type { Network, Place } from './network.js';
import { cleanEnvironment } from './node-process.js';

const PROCESS = fileURLToPath(new URL('../clients/process.js', import.meta.url));

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Clients {
  readonly name: string;
  readonly place: Place;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #ref = 0;

  private constructor(name: string, place: Place) {
    this.name = name;
    this.place = place;
    const [command, ...args] = [...place.prefix, process.execPath, PROCESS];
    this.#child = spawn(command!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: cleanEnvironment() });
    running.add(this.#child);
    this.#child.on('message', (answer: Answered) => this.#answered(answer));
    this.#child.on('exit', (code, signal) => {
      running.delete(this.#child);
      for (const waiting of this.#waiting.values()) waiting.reject(new Error(`${name} ended with ${code ?? signal}`));
    });
  }

  /** Resolves when all its readers are subscribed. */
  static async start(name: string, place: Place, network: Network, setup: ClientsSetup): Promise<Clients> {
    const clients = new Clients(name, place);
    network.nodeStarted(place, clients.#child.pid!);
    await clients.#ask({ do: 'setup', setup });
    return clients;
  }

  publish(): Promise<unknown> {
    return this.#ask({ do: 'publish' });
  }

  burst(count: number): Promise<unknown> {
    return this.#ask({ do: 'burst', count });
  }

  settle(): Promise<LastAcked> {
    return this.#ask({ do: 'settle' }) as Promise<LastAcked>;
  }

  awaitAll(last: LastAcked, deadlineMs: number): Promise<string[]> {
    return this.#ask({ do: 'await', last, deadlineMs }) as Promise<string[]>;
  }

  away(clients: readonly string[]): Promise<unknown> {
    return this.#ask({ do: 'away', clients });
  }

  return(clients: readonly string[]): Promise<unknown> {
    return this.#ask({ do: 'return', clients });
  }

  counts(): Promise<ClientsCounts> {
    return this.#ask({ do: 'counts' }) as Promise<ClientsCounts>;
  }

  where(): Promise<Readonly<Record<string, string>>> {
    return this.#ask({ do: 'where' }) as Promise<Readonly<Record<string, string>>>;
  }

  async finish(): Promise<void> {
    await this.#ask({ do: 'finish' });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #ask(command: ClientsCommand): Promise<unknown> {
    const ref = ++this.#ref;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ref, { resolve, reject });
      this.#child.send({ ref, command });
    });
  }

  #answered({ ref, result, error }: Answered): void {
    const waiting = this.#waiting.get(ref);
    this.#waiting.delete(ref);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }
}
