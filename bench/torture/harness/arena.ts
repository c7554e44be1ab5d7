/**
 * One run: a network, a cluster on it, processes of clients, a directory of history files, and an end that always cleans
 * up. Scenarios are written against it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckOptions } from '../../../lib/sim/checkers/checker.js';
import type { HistoryEvent } from '../../../lib/sim/checkers/history.js';
import type { Verdict } from '../../../lib/sim/checkers/verdict.js';
import type { ClientsCounts, ClientsSetup, LastAcked } from '../clients/plan.js';
import { Clients } from './clients.js';
import { Cluster } from './cluster.js';
import { judgeFiles } from './judge.js';
import type { Network, Place } from './network.js';
import { type NetworkKind, openNetwork } from './open-network.js';
import { HistoryFile } from './recorder.js';

export interface ArenaSettings {
  readonly nodes: number;
  readonly network?: NetworkKind;
  /** Options of every node. */
  readonly options?: readonly string[];
  /** Nodes keep their history on disk. */
  readonly onDisk?: boolean;
}

/** History that outlasts any run, so that no gap is justified. */
export const ENDLESS_HISTORY = ['--history', '1000000', '--history-bytes', '1GiB', '--history-age', '1d'] as const;

/** Readers and publishers of a process of clients, and where it stands. */
export interface ClientsPlan extends Partial<Omit<ClientsSetup, 'file' | 'urls'>> {
  readonly name: string;
  readonly place?: Place;
  readonly urls?: readonly string[];
}

export class Arena {
  readonly network: Network;
  readonly cluster: Cluster;
  readonly directory = mkdtempSync(join(tmpdir(), 'halod-history-'));
  /** What the orchestrator itself did. */
  readonly history: HistoryFile;
  readonly clients: Clients[] = [];
  readonly #files: string[];
  /** True: history files stay where they are, for whoever wants to look at a violation. */
  keep = false;

  private constructor(settings: ArenaSettings) {
    this.network = openNetwork(settings.network);
    const { options = ENDLESS_HISTORY, onDisk = false } = settings;
    this.cluster = new Cluster({ network: this.network, options, onDisk });
    const path = join(this.directory, 'orchestrator.jsonl');
    this.history = new HistoryFile(path);
    this.#files = [path];
  }

  static async open(settings: ArenaSettings): Promise<Arena> {
    const arena = new Arena(settings);
    try {
      await arena.cluster.startAll(settings.nodes);
    } catch (error) {
      await arena.close();
      throw error;
    }
    return arena;
  }

  async addClients(plan: ClientsPlan): Promise<Clients> {
    const file = join(this.directory, `${plan.name}.jsonl`);
    const place = plan.place ?? { name: plan.name, prefix: [], options: [] };
    const setup: ClientsSetup = {
      file,
      urls: plan.urls ?? this.cluster.urls,
      readers: plan.readers ?? [],
      publishers: plan.publishers ?? [],
      atOnce: plan.atOnce ?? 20,
      copiesDue: plan.copiesDue ?? 2,
    };
    this.#files.push(file);
    const clients = await Clients.start(plan.name, place, this.network, setup);
    this.clients.push(clients);
    return clients;
  }

  fault(fault: string, ...nodes: readonly string[]): void {
    this.history.record({ kind: 'fault', fault, nodes });
  }

  async counts(): Promise<ClientsCounts> {
    const all = await Promise.all(this.clients.map((clients) => clients.counts()));
    const sum = (key: keyof ClientsCounts) => all.reduce((total, counts) => total + counts[key], 0);
    return {
      delivered: sum('delivered'),
      acked: sum('acked'),
      unknown: sum('unknown'),
      refused: sum('refused'),
      gaps: sum('gaps'),
      pending: sum('pending'),
    };
  }

  /**
   * Ends publishing, waits until every publish has ended and every reader has everything that was acknowledged.
   * Returns what is still missing at the deadline.
   */
  async settle(deadlineMs: number): Promise<string[]> {
    const last: Record<string, Record<string, readonly number[]>> = {};
    for (const acked of await Promise.all(this.clients.map((clients) => clients.settle()))) {
      for (const [channel, publishers] of Object.entries(acked as LastAcked))
        last[channel] = { ...last[channel], ...publishers };
    }
    return (await Promise.all(this.clients.map((clients) => clients.awaitAll(last, deadlineMs)))).flat();
  }

  /** Ends the clients and judges what all processes have recorded. */
  async judge(options: CheckOptions = {}, also?: (event: HistoryEvent) => void): Promise<Verdict> {
    await Promise.all(this.clients.map((clients) => clients.finish()));
    this.history.flush();
    return judgeFiles(this.#files, options, also);
  }

  async close(): Promise<void> {
    for (const clients of this.clients) clients.kill();
    await this.cluster.close();
    this.history.close();
    if (!this.keep) rmSync(this.directory, { recursive: true, force: true });
  }
}
