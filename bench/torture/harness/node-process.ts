/** One node as its users run it: a process of the `halod` command, signalled by the id that this run got for it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Place } from './network.js';

export const HALOD = fileURLToPath(new URL('../../../lib/cli/main.js', import.meta.url));

const LOG_LINES_KEPT = 200;
const READY_MS = 30_000;

export type Exit = number | NodeJS.Signals;

export interface NodeSettings {
  readonly name: string;
  readonly place: Place;
  readonly options: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const running = new Set<NodeProcess>();
process.on('exit', () => {
  for (const node of running) node.signal('SIGKILL');
});

/** Environment of the process without options that a developer has set for own nodes. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('HALOD_') && name !== 'NODE_OPTIONS');
  return { ...Object.fromEntries(kept), NODE_ENV: 'production', ...more };
}

export class NodeProcess {
  readonly name: string;
  readonly place: Place;
  readonly exited: Promise<Exit>;
  readonly log: string[] = [];
  id = '';
  url = '';
  /** From spawn to the ready line. */
  readyAfterMs = 0;
  #state: 'starting' | 'running' | 'stopped' | 'exited' = 'starting';
  readonly #child: ChildProcess;

  private constructor(settings: NodeSettings) {
    this.name = settings.name;
    this.place = settings.place;
    const [command, ...args] = [
      ...settings.place.prefix,
      process.execPath,
      HALOD,
      'start',
      '--json',
      ...settings.place.options,
      ...settings.options,
    ];
    this.#child = spawn(command!, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // the last lines of what it says stand in the verdict where it does not serve
      env: { HALOD_LOG: '*', ...cleanEnvironment(settings.environment) },
    });
    this.exited = exitOf(this.#child);
    running.add(this);
    void this.exited.then(() => {
      this.#state = 'exited';
      running.delete(this);
    });
    createInterface({ input: this.#child.stderr! }).on('line', (line) => this.#keep(line));
  }

  /** Resolves when the node serves. @throws with the last lines of its log where it does not. */
  static async start(settings: NodeSettings): Promise<NodeProcess> {
    const node = new NodeProcess(settings);
    const startedAt = performance.now();
    const ready = new Promise<{ id: string; url: string }>((resolve) => {
      createInterface({ input: node.#child.stdout! }).on('line', (line) => {
        node.#keep(line);
        if (line.includes('"event":"ready"')) resolve(JSON.parse(line) as { id: string; url: string });
      });
    });
    const first = await Promise.race([ready, node.exited, elapsed(READY_MS)]);
    if (typeof first !== 'object') {
      node.signal('SIGKILL');
      const how = first === undefined ? `did not serve within ${READY_MS / 1_000} s` : `ended with ${first}`;
      throw new Error(`${node.name} ${how}:\n${node.log.slice(-80).join('\n')}`);
    }
    node.id = first.id;
    node.url = first.url;
    node.readyAfterMs = performance.now() - startedAt;
    if (node.#state === 'starting') node.#state = 'running';
    return node;
  }

  get state(): 'starting' | 'running' | 'stopped' | 'exited' {
    return this.#state;
  }

  get isLive(): boolean {
    return this.#state === 'running';
  }

  get pid(): number {
    return this.#child.pid!;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#state === 'exited' || this.#child.pid === undefined) return;
    this.#child.kill(signal);
    if (signal === 'SIGSTOP') this.#state = 'stopped';
    else if (signal === 'SIGCONT') this.#state = 'running';
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  #keep(line: string): void {
    if (this.log.push(line) > LOG_LINES_KEPT) this.log.shift();
  }
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? signal ?? 'SIGKILL';
  } catch {
    return 127;
  }
}

function elapsed(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms, undefined).unref();
  });
}
