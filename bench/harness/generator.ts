/** The coordinator's side of the generator: two processes, one that publishes, one that reads; typed calls on both. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type {
  FinishAnswer,
  LatencySummary,
  MarkAnswer,
  PublisherCommand,
  PublisherSetup,
  PublisherState,
  ReadersCommand,
  ReadersSetup,
  WatchAnswer,
} from './commands.js';

const CALL_MS = 120_000;

class GeneratorProcess<Command extends { readonly do: string }> {
  readonly #child: ChildProcess;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(entry: string) {
    const path = fileURLToPath(new URL(entry, import.meta.url));
    this.#child = fork(path, [], { serialization: 'advanced', execArgv: ['--max-semi-space-size=32'] });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Calls are answered in order; a second one waits for the first. */
  call(command: Command): Promise<unknown> {
    const answered = this.#tail.then(() => this.#callNow(command));
    this.#tail = answered.catch(() => {});
    return answered;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  async #callNow(command: Command): Promise<unknown> {
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), CALL_MS);
    const answer = once(this.#child, 'message', { signal: over.signal });
    const ended = once(this.#child, 'exit', { signal: over.signal }).then(() => {
      throw new Error(`the generator's process ended during '${command.do}'`);
    });
    ended.catch(() => {});
    this.#child.send(command);
    try {
      const [message] = (await Promise.race([answer, ended])) as [{ value?: unknown; error?: string }];
      if (message.error !== undefined) throw new Error(`${command.do}: ${message.error}`);
      return message.value;
    } catch (error) {
      if (over.signal.aborted)
        throw new Error(`the generator did not answer '${command.do}' within ${CALL_MS / 1_000} s`);
      throw error;
    } finally {
      clearTimeout(timer);
      over.abort();
    }
  }
}

export class Generator {
  readonly #readers = new GeneratorProcess<ReadersCommand>('./readers-process.js');
  #publisher: GeneratorProcess<PublisherCommand> | undefined;
  readonly progressPath: string;

  constructor(directory: string) {
    this.progressPath = join(directory, 'progress.sock');
  }

  get pids(): readonly number[] {
    return this.#publisher === undefined ? [this.#readers.pid] : [this.#readers.pid, this.#publisher.pid];
  }

  async openPublisher(setup: Omit<PublisherSetup, 'progressPath'>): Promise<void> {
    this.#publisher = new GeneratorProcess<PublisherCommand>('./publisher-process.js');
    await this.#publisher.call({ do: 'setup', setup: { ...setup, progressPath: this.progressPath } });
  }

  async setUpReaders(setup: Omit<ReadersSetup, 'progressPath'>): Promise<void> {
    await this.#readers.call({ do: 'setup', setup: { ...setup, progressPath: this.progressPath } });
  }

  async connect(from: number, to: number, atOnce: number): Promise<void> {
    await this.#readers.call({ do: 'connect', from, to, atOnce });
  }

  mark(): Promise<MarkAnswer> {
    return this.#readers.call({ do: 'mark' }) as Promise<MarkAnswer>;
  }

  async sample(what: 'each' | 'last' | 'none'): Promise<void> {
    await this.#readers.call({ do: 'sample', what });
  }

  latencies(): Promise<LatencySummary> {
    return this.#readers.call({ do: 'latencies' }) as Promise<LatencySummary>;
  }

  async drop(readers: readonly number[]): Promise<void> {
    await this.#readers.call({ do: 'drop', readers });
  }

  return(readers: readonly number[], upTo: Int32Array, deadlineMs: number): Promise<number> {
    return this.#readers.call({ do: 'return', readers, upTo, deadlineMs }) as Promise<number>;
  }

  async watch(): Promise<void> {
    await this.#readers.call({ do: 'watch' });
  }

  watched(): Promise<WatchAnswer> {
    return this.#readers.call({ do: 'watched' }) as Promise<WatchAnswer>;
  }

  awaitDelivered(delivered: number, patienceMs: number): Promise<boolean> {
    return this.#readers.call({ do: 'await', delivered, patienceMs }) as Promise<boolean>;
  }

  finish(): Promise<FinishAnswer> {
    return this.#readers.call({ do: 'finish' }) as Promise<FinishAnswer>;
  }

  async publish(command: PublisherCommand): Promise<unknown> {
    if (this.#publisher === undefined) throw new Error('no publisher in this run');
    return this.#publisher.call(command);
  }

  async state(): Promise<PublisherState> {
    return (await this.publish({ do: 'state' })) as PublisherState;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#readers.stop(), this.#publisher?.stop()]);
  }
}
