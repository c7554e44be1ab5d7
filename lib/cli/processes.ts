/**
 * Nodes as processes of their own on this machine: for `halod cluster`, the demo and the replay. A process counts as
 * started once it has printed its ready line; what it prints after that is passed on line by line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CommandError, EXIT, UsageError } from './failure.js';

export interface NodeProcess {
  readonly id: string;
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the process is gone; the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** True until it is gone. */
  running(): boolean;
  kill(signal: NodeJS.Signals): void;
}

export interface NodeProcessSettings {
  /** Options of `halod start`; --json is added. */
  readonly options: readonly string[];
  /** One line of the node's stdout, parsed; the ready line is the first. */
  readonly onEvent?: ((event: Readonly<Record<string, unknown>>) => void) | undefined;
  /** One line of the node's stderr. */
  readonly onLog?: ((line: string) => void) | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

const READY_MS = 20_000;
/** The last lines of stderr are kept for the error of a node that does not start. */
const LOG_LINES_KEPT = 10;

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

/**
 * @throws UsageError where the node says that it was started wrongly, as `halod start` would
 * @throws CommandError `node-failed` when the process ends or stays silent instead of serving
 */
export async function startNodeProcess(settings: NodeProcessSettings): Promise<NodeProcess> {
  const child = spawn(process.execPath, [MAIN, 'start', '--json', ...settings.options], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...settings.environment },
    // Ctrl-C reaches this process only, which decides how its nodes end.
    detached: true,
  });
  const exited = exitOf(child);
  const log: string[] = [];
  let failure: { readonly code?: string; readonly message?: string } = {};
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (log.push(line) > LOG_LINES_KEPT) log.shift();
    settings.onLog?.(line);
  });
  const ready = new Promise<{ id: string; url: string }>((resolve) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const event = parseEvent(line);
      if (event['event'] === 'ready') resolve(event as unknown as { id: string; url: string });
      else if (event['error']) {
        failure = event['error'] as typeof failure;
        log.push(failure.message ?? line);
      }
      settings.onEvent?.(event);
    });
  });
  let timer: NodeJS.Timeout | undefined;
  const failed = Promise.race([
    exited.then((how) => {
      if (how === EXIT.usage) throw new UsageError(failure.message ?? log.join('\n  '), failure.code);
      return `ended with ${how} before it served`;
    }),
    new Promise<string>((resolve) => {
      timer = setTimeout(resolve, READY_MS, `did not serve within ${READY_MS / 1_000} s`);
    }),
  ]);
  const first = await Promise.race([ready, failed]).finally(() => clearTimeout(timer));
  if (typeof first === 'string') {
    child.kill('SIGKILL');
    throw new CommandError('node-failed', [`a node ${first}`, ...log].join('\n  '));
  }
  let running = true;
  void exited.then(() => {
    running = false;
  });
  return {
    id: first.id,
    url: first.url,
    port: Number(new URL(first.url).port),
    pid: child.pid!,
    exited,
    running: () => running,
    kill: (signal) => void (running && child.kill(signal)),
  };
}

/** Ends nodes whatever state they are in; used when the process that started them goes. */
export function killAll(nodes: Iterable<NodeProcess>, signal: NodeJS.Signals = 'SIGKILL'): void {
  for (const node of nodes) node.kill(signal);
}

async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return code ?? signal ?? 'SIGKILL';
  } catch {
    return 1;
  }
}

function parseEvent(line: string): Readonly<Record<string, unknown>> {
  try {
    const event: unknown = JSON.parse(line);
    if (typeof event === 'object' && event !== null) return event as Record<string, unknown>;
  } catch {
    // Falls through: a line that is no JSON is passed on as text.
  }
  return { event: 'text', text: line };
}
