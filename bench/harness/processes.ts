/**
 * Server processes of the peers: started by this run, on free loopback ports, with a directory of their own, and
 * stopped by it. Nothing that was running before is touched.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { descendants } from './proc.js';

/** Below the range from which the kernel draws ports of outgoing connections, so that none of ours is taken meanwhile. */
const PORT_MIN = 12_000;
const PORT_MAX = 32_000;
const READY_MS = 20_000;
const STOP_MS = 4_000;
const handedOut = new Set<number>();
const running = new Set<ServerProcess>();
const directories = new Set<string>();

export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen({ port, host: '127.0.0.1' }, () => resolve(true));
    });
    server.close();
    if (isFree) return port;
  }
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'halod-bench-'));
  directories.add(directory);
  return directory;
}

export interface StartOptions {
  /** `node`: carries clients. `broker`: what the nodes share. */
  readonly role: 'node' | 'broker';
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Ready when this port answers, or when a line of stdout matches. */
  readonly ready: { readonly port: number } | { readonly line: RegExp };
}

export class ServerProcess {
  readonly role: 'node' | 'broker';
  readonly name: string;
  readonly logFile: string;
  readonly #child: ChildProcess;
  #exited = false;
  #isStopping = false;

  private constructor(options: StartOptions, child: ChildProcess, logFile: string) {
    this.role = options.role;
    this.name = options.name;
    this.logFile = logFile;
    this.#child = child;
    child.once('exit', () => {
      this.#exited = true;
      running.delete(this);
    });
    running.add(this);
  }

  /**
   * Resolves when it serves; of Node's options it gets those in BENCH_NODE_OPTIONS. `line` is what it said on stdout, where
   * it was asked to say something.
   */
  static async start(options: StartOptions): Promise<{ readonly process: ServerProcess; readonly line: string }> {
    const logFile = join(options.directory, `${options.name}.log`);
    const log = openSync(logFile, 'a');
    const wantsLine = 'line' in options.ready;
    const child = spawn(options.command, options.args, {
      cwd: options.directory,
      env: {
        ...process.env,
        NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'] ?? '',
        PATH: `${process.env['PATH']}:/usr/sbin:/sbin`,
        ...options.env,
      },
      stdio: ['ignore', wantsLine ? 'pipe' : log, log],
    });
    closeSync(log);
    const server = new ServerProcess(options, child, logFile);
    const failed = once(child, 'error').then(([error]) => {
      throw new Error(`${options.name} does not start: ${(error as Error).message}`);
    });
    const line = await Promise.race([server.#ready(options.ready), failed]);
    return { process: server, line };
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The process and all that it started: nginx's workers, halod's. */
  get pids(): readonly number[] {
    return this.#exited ? [] : [this.pid, ...descendants(this.pid)];
  }

  get isRunning(): boolean {
    return !this.#exited;
  }

  get endedByItself(): boolean {
    return this.#exited && !this.#isStopping;
  }

  kill(): void {
    this.#isStopping = true;
    for (const pid of this.pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself meanwhile.
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#exited) return;
    this.#isStopping = true;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), STOP_MS);
    await exited;
    clearTimeout(timer);
  }

  async #ready(ready: StartOptions['ready']): Promise<string> {
    const deadline = Date.now() + READY_MS;
    if ('port' in ready) {
      while (!(await answers(ready.port))) this.#stillWorthWaiting(deadline);
      return '';
    }
    let text = '';
    this.#child.stdout!.setEncoding('utf8');
    this.#child.stdout!.on('data', (chunk: string) => {
      if (text.length < 65_536) text += chunk;
    });
    for (;;) {
      const line = text.split('\n').find((candidate) => ready.line.test(candidate));
      if (line !== undefined) return line;
      this.#stillWorthWaiting(deadline);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #stillWorthWaiting(deadline: number): void {
    if (!this.#exited && Date.now() < deadline) return;
    const log = readFileSync(this.logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
    throw new Error(`${this.name} ${this.#exited ? 'ended' : 'was not ready'}:\n${log}`);
  }
}

/** Whatever still runs: what a cluster that did not start whole has left behind. */
export async function stopServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()));
}

async function answers(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  const isUp = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  socket.destroy();
  if (!isUp) await new Promise((resolve) => setTimeout(resolve, 30));
  return isUp;
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  directories.delete(directory);
}

process.on('exit', () => {
  for (const server of running) server.kill();
  for (const directory of directories) removeDirectory(directory);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
