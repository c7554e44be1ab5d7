/**
 * `halod start --workers N`: N member nodes on this host behind one port. Each is a process and a full member with a port
 * of its own; the group's first process only hands connections of the shared port to them in turn, and starts a worker
 * again that has ended. A client that comes in through the shared port is accepted or redirected as by any node.
 */
import cluster, { type Worker } from 'node:cluster';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NodeOptions } from '../config/options.js';
import { listenUrl } from '../node/listen-url.js';
import type { Node } from '../node/node.js';
import { CommandError, EXIT, UsageError } from './failure.js';
import { colour, note, printJson, printLine } from './output.js';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
/** A worker that ends again and again is started at most this often in a row … */
const RESTARTS_MAX = 5;
/** … after this long, and a run longer than `STEADY_MS` counts as a fresh start. */
const RESTART_MS = 1_000;
const STEADY_MS = 60_000;

/** What a worker says once its node serves; the answer is `Shared`. */
interface Served {
  readonly halod: 'served';
  readonly id: string;
  readonly url: string;
}

/** What a worker says that was asked over HTTP to leave: its group leaves with it, as at a signal. */
interface Leaving {
  readonly halod: 'leaving';
}

interface Shared {
  readonly halod: 'share';
  readonly host: string;
  readonly port: number;
}

/** In a worker: resolves when it takes part in the shared port. */
export function joinGroup(node: Node): Promise<void> {
  return new Promise((resolve, reject) => {
    process.once('message', (message: Shared) => {
      node.share(message.host, message.port).then(resolve, reject);
    });
    process.once('disconnect', () => void node.close());
    node.once('draining', () => process.send?.({ halod: 'leaving' } satisfies Leaving));
    process.send?.({ halod: 'served', id: node.id, url: node.url } satisfies Served);
  });
}

export async function runWorkers(options: NodeOptions, json: boolean): Promise<number> {
  if (options.advertise !== '')
    throw new UsageError('--workers gives each node its own address: leave out --advertise', 'bad-option');
  if (options.keyFile !== '')
    throw new UsageError('--workers gives each node its own key: use --data instead of --key-file', 'bad-option');
  return new Group(options, json).run();
}

class Group {
  readonly #options: NodeOptions;
  readonly #json: boolean;
  readonly #workers = new Map<number, Worker>();
  readonly #served = new Map<number, Served>();
  readonly #restarts = new Map<number, number>();
  /** Until the group serves: the first line on stdout says that it does. */
  #held: string[] | null = [];
  #port = 0;
  #signals = 0;
  #end!: (code: number) => void;
  #fail!: (error: Error) => void;

  constructor(options: NodeOptions, json: boolean) {
    this.#options = options;
    this.#json = json;
  }

  async run(): Promise<number> {
    const { host, workers } = this.#options;
    this.#port = await freePort(host, this.#options.port);
    const ended = new Promise<number>((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    ended.catch(() => undefined);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#stop());
    process.once('exit', () => this.#killAll('SIGKILL'));
    // one after the other: the first is the seed of the rest
    for (let i = 1; i <= workers && this.#signals === 0; i++) await Promise.race([this.#start(i), ended]);
    if (this.#signals === 0) this.#ready();
    return ended;
  }

  #start(index: number): Promise<void> {
    cluster.setupPrimary({ exec: MAIN, args: this.#argsOf(index), silent: true });
    const worker = cluster.fork();
    const startedAt = performance.now();
    this.#workers.set(index, worker);
    worker.process.stdout?.on('data', (text: Buffer) => this.#onOutput(index, String(text)));
    worker.process.stderr?.on('data', (text: Buffer) => process.stderr.write(text));
    worker.on('exit', (code) => this.#onExit(index, code, performance.now() - startedAt));
    return new Promise((resolve) => {
      worker.on('message', (message: Served | Leaving) => {
        if (message.halod === 'leaving') return this.#leave();
        this.#served.set(index, message);
        worker.send({ halod: 'share', host: this.#options.host, port: this.#port } satisfies Shared);
        resolve();
      });
    });
  }

  /** The command as it was given, and what differs from worker to worker; later flags win. */
  #argsOf(index: number): string[] {
    const { port, data, seeds } = this.#options;
    const own = ['--workers', '1', '--json', '--port', String(port === 0 ? 0 : port + index)];
    if (data !== '') own.push('--data', join(data, `worker-${index}`));
    const others = [...this.#served].filter(([i]) => i !== index).map(([, served]) => served.url);
    for (const seed of [...seeds, ...others]) own.push('--seed', seed);
    return [...process.argv.slice(2), ...own];
  }

  #ready(): void {
    const url = listenUrl(this.#options.host, this.#port);
    const workers = [...this.#served].map(([i, { id, url }]) => ({ id, url, pid: this.#workers.get(i)?.process.pid }));
    if (this.#json) {
      printJson({ event: 'ready', id: workers[0]?.id, url, cluster: this.#options.cluster, workers });
      return this.#release();
    }
    printLine(`${colour('bold', 'halod')} serves ${colour('cyan', url)} with ${workers.length} nodes`);
    for (const worker of workers) printLine(`  ${worker.id}  ${worker.url}  pid ${worker.pid}`);
  }

  /** Workers speak JSON: what each says of itself is passed on with its number, but for the ready line. */
  #onOutput(index: number, text: string): void {
    for (const line of text.split('\n')) {
      if (line === '' || line.includes('"event":"ready"')) continue;
      if (!this.#json) note(`worker ${index}: ${line}`);
      else if (this.#held !== null) this.#held.push(line.replace(/^\{/, `{"worker":${index},`));
      else printLine(line.replace(/^\{/, `{"worker":${index},`));
    }
  }

  #release(): void {
    for (const line of this.#held ?? []) printLine(line);
    this.#held = null;
  }

  #giveUp(error: Error): void {
    this.#release();
    this.#fail(error);
  }

  #onExit(index: number, code: number | null, ranMs: number): void {
    this.#workers.delete(index);
    this.#served.delete(index);
    if (this.#signals > 0) {
      if (this.#workers.size === 0) this.#end(EXIT.done);
      return;
    }
    if (code === EXIT.done) return this.#leave();
    if (code === EXIT.usage)
      return this.#giveUp(new UsageError(`worker ${index} was refused; it said why above`, 'bad-option'));
    const restarts = ranMs > STEADY_MS ? 1 : (this.#restarts.get(index) ?? 0) + 1;
    this.#restarts.set(index, restarts);
    if (restarts > RESTARTS_MAX)
      return this.#giveUp(new CommandError('node-failed', `worker ${index} ends whenever it is started`));
    note(`worker ${index} ended with ${code ?? 'a signal'}; starting it again`);
    setTimeout(() => {
      if (this.#signals === 0) void this.#start(index);
    }, RESTART_MS);
  }

  /** A worker that leaves because it was told to takes the group along; several may be told at once. */
  #leave(): void {
    if (this.#signals === 0) this.#stop();
  }

  /** The first signal drains the workers together, the second ends them. */
  #stop(): void {
    this.#signals++;
    if (this.#workers.size === 0) this.#end(EXIT.done);
    if (this.#signals > 1) {
      this.#killAll('SIGKILL');
      process.exit(EXIT.failed);
    }
    this.#killAll('SIGTERM');
  }

  #killAll(signal: NodeJS.Signals): void {
    for (const worker of this.#workers.values()) worker.process.kill(signal);
  }
}

/** The port itself, or for 0 one that is free now. Rejects where it is taken. */
function freePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => reject(Object.assign(error, { port, address: host })));
    probe.listen({ host: host.replace(/^\[|\]$/g, ''), port, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
