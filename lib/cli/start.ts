/**
 * `halod start`: a node in this process, until a signal or a drain ends it. The first signal hands over slots and moves
 * clients; the second ends the process at once.
 */

import cluster from 'node:cluster';
import { missingSecurity } from '../config/complete.js';
import type { NodeOptions } from '../config/options.js';
import { resolveOptions } from '../config/resolve.js';
import type { DrainProgress } from '../core/api.js';
import type { Restored } from '../core/channel/ports.js';
import { Core } from '../core/node.js';
import { coreOptions } from '../node/core-options.js';
import { Node } from '../node/node.js';
import { CommandError, EXIT, UsageError } from './failure.js';
import { paceNursery } from './nursery.js';
import { colour, count, note, printJson, printLine } from './output.js';
import { joinGroup, runWorkers } from './workers.js';

/** A warning that names why a seed will have nothing to do with this node; trying again would not change it. */
const REFUSAL = /^(\S+): (secret|differs): (.*)$/s;
/** Until what was said has been written. */
const EXIT_PATIENCE_MS = 50;
/** What the shell makes of a process that a signal ended. */
const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const;

export async function runStart(flags: ReadonlyMap<string, unknown>, configFile: string | undefined): Promise<number> {
  const { options, json } = await resolveOptions({ flags, environment: process.env, configFile });
  if (options.workers > 1 && cluster.isPrimary) return runWorkers(options, json);
  const startedAt = performance.now();
  const node = new Node(
    options,
    (complete, identity, url, ports) => new Core(coreOptions(complete, identity, url), ports),
  );
  paceNursery();
  const told = new Teller(node, json);
  const ended = new Promise<number>((resolve, reject) => {
    node.once('closed', () => resolve(EXIT.done));
    node.once('superseded', () =>
      reject(new CommandError('superseded', 'another process was started with the identity of this node')),
    );
    node.once('failed', reject);
    node.on('warning', (text) => {
      const refusal = told.serving ? null : REFUSAL.exec(text);
      if (refusal) reject(refusalError(refusal));
    });
    stopOnSignals(node, told, resolve);
  });
  try {
    return await Promise.race([ended, start(node, options, told, startedAt).then(() => ended)]);
  } finally {
    // A node that was refused is still trying its seeds: nothing of it must keep the process, or be told.
    told.fallSilent();
    setTimeout(() => process.exit(), EXIT_PATIENCE_MS);
  }
}

async function start(node: Node, options: NodeOptions, told: Teller, startedAt: number): Promise<void> {
  try {
    await node.start();
  } catch (error) {
    throw error instanceof Error && 'syscall' in error
      ? Object.assign(error, { port: options.port, address: options.host })
      : error;
  }
  if (cluster.isWorker) await joinGroup(node);
  told.ready(options, performance.now() - startedAt);
}

function refusalError([, seed, code, text]: RegExpExecArray): UsageError {
  return code === 'secret'
    ? new UsageError(`${seed} refuses this node: ${text}`, 'wrong-secret')
    : new UsageError(`${seed} refuses this node: ${text}`, 'wrong-cluster');
}

function stopOnSignals(node: Node, told: Teller, end: (exitCode: number) => void): void {
  let signals = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Ctrl-C reaches the whole group: its first process tells the workers
      if (cluster.isWorker && signal === 'SIGINT') return;
      signals++;
      if (signals > 1) process.exit(EXIT_BY_SIGNAL[signal]);
      if (!told.serving) return end(EXIT.done);
      told.draining();
      node.close().then(
        () => end(EXIT.done),
        () => end(EXIT.failed),
      );
    });
  }
}

function describe({ messages, channels, damaged }: Restored): string {
  const found = `${count(messages)} ${messages === 1 ? 'message' : 'messages'} of ${count(channels)} ${channels === 1 ? 'channel' : 'channels'}`;
  return damaged === 0 ? found : `${found}, without what could not be read,`;
}

/** Tells what happens, to people or to programs. */
class Teller {
  readonly #node: Node;
  readonly #json: boolean;
  #serving = false;
  #saidDraining = false;
  #silent = false;
  #lastProgress = '';
  /** Of a node that does not serve yet: the first line on stdout says that it does. */
  #held: string[] = [];

  constructor(node: Node, json: boolean) {
    this.#node = node;
    this.#json = json;
    node.on('warning', (text, isAlarm) => {
      // A refusal before it serves ends the start, and is told as its error.
      if (this.#silent || (!this.#serving && REFUSAL.test(text))) return;
      if (json && this.#serving) printJson({ event: 'warning', message: text });
      else if (json) this.#held.push(text);
      // alarms reach stderr whatever reads stdout, and so does what stdout has to wait with
      if (!json || isAlarm || !this.#serving) note(`${colour('yellow', 'warning', process.stderr)} ${text}`);
    });
    node.on('draining', () => this.draining());
    node.on('drain', (progress) => this.#progress(progress));
  }

  fallSilent(): void {
    this.#silent = true;
  }

  get serving(): boolean {
    return this.#serving;
  }

  ready(options: NodeOptions, tookMs: number): void {
    this.#serving = true;
    if (this.#silent) return;
    const { id, url, restored } = this.#node;
    const found = restored !== null && restored.messages + restored.damaged > 0;
    if (this.#json) {
      printJson({ event: 'ready', id, url, cluster: options.cluster });
      if (found) printJson({ event: 'history', directory: options.data, ...restored });
      for (const message of this.#held) printJson({ event: 'warning', message });
      this.#held = [];
      return;
    }
    const others = this.#node.core
      .cluster()
      .nodes.filter((node) => node.id !== id && node.state !== 'failed' && node.state !== 'left').length;
    printLine(
      `${colour('bold', 'halod')} node ${id} serves ${colour('cyan', url)} after ${(tookMs / 1_000).toFixed(2)} s`,
    );
    printLine(
      `  cluster   ${options.cluster}, ${others === 0 ? 'alone so far' : `with ${count(others)} other ${others === 1 ? 'node' : 'nodes'}`}; history ${options.data === '' ? 'in memory' : `on disk in ${options.data}`}`,
    );
    if (found) printLine(`  history   ${describe(restored)} from ${options.data}`);
    if (options.console) printLine(`  console   ${url}/console`);
    printLine(
      `  add one   halod start --port 0 --seed ${new URL(url).host}${options.cluster === 'default' ? '' : ` --cluster ${options.cluster}`}`,
    );
    printLine(`  try it    halod publish room:1 '{"text":"hi"}' --node ${url}`);
    if (options.apiKey === '' && (options.tokenSecret !== '' || options.tokenJwks !== ''))
      note('/metrics and halod drain need an API key, and this node has none (--api-key); SIGTERM drains it');
    if (options.insecure && missingSecurity(options).length > 0)
      note(
        `${colour('yellow', 'warning', process.stderr)} insecure: anybody who reaches this port may publish, read and join`,
      );
  }

  draining(): void {
    if (this.#saidDraining || this.#silent) return;
    this.#saidDraining = true;
    if (this.#json) printJson({ event: 'draining' });
    else note('leaving: handing over slots and moving clients; a second signal ends it at once');
  }

  #progress({ phase, slotsLeft, sessionsLeft, entriesLeft }: DrainProgress): void {
    const text = `  ${phase}: ${count(slotsLeft)} slots, ${count(sessionsLeft)} clients and ${count(entriesLeft)} messages to hand over`;
    if (text === this.#lastProgress || this.#silent) return;
    this.#lastProgress = text;
    if (this.#json) printJson({ event: 'drain', phase, slotsLeft, sessionsLeft, entriesLeft });
    else note(text);
  }
}
