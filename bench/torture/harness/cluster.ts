/** The nodes of a run: started, joined, killed and asked by their HTTP interface until they agree. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterInfo } from '../../../lib/core/api.js';
import type { Network, Place } from './network.js';
import { NodeProcess } from './node-process.js';

const ASK_MS = 2_000;
const AGAIN_MS = 50;

export interface ClusterSettings {
  readonly network: Network;
  /** Options of every node. */
  readonly options: readonly string[];
  /** They keep their history on disk, beside their keys. */
  readonly onDisk?: boolean;
}

/** Waits until `probe` yields something. @throws with the last reason once the deadline has passed. */
export async function until<T>(
  what: string,
  deadlineMs: number,
  probe: () => Promise<T | undefined> | T | undefined,
  why: () => string = () => '',
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const result = await probe();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${deadlineMs / 1_000} s ${why()}`.trim());
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** What a node says of the cluster; undefined where it does not answer. */
export async function viewOf(url: string): Promise<ClusterInfo | undefined> {
  try {
    const response = await fetch(`${url}/v1/cluster`, { signal: AbortSignal.timeout(ASK_MS) });
    return response.ok ? ((await response.json()) as ClusterInfo) : undefined;
  } catch {
    return undefined;
  }
}

export class Cluster {
  /** By name; a restarted node takes the place of its predecessor. */
  readonly nodes = new Map<string, NodeProcess>();
  readonly network: Network;
  readonly #options: readonly string[];
  readonly #onDisk: boolean;
  readonly #directory = mkdtempSync(join(tmpdir(), 'halod-run-'));
  readonly #places = new Map<string, Place>();

  constructor(settings: ClusterSettings) {
    this.network = settings.network;
    this.#options = settings.options;
    this.#onDisk = settings.onDisk ?? false;
  }

  get live(): NodeProcess[] {
    return [...this.nodes.values()].filter((node) => node.isLive);
  }

  /** URLs of all nodes that were ever started and not removed: what an application would be configured with. */
  get urls(): string[] {
    return [...this.nodes.values()].map((node) => node.url);
  }

  /** Starts nodes one after the other and waits until all agree. */
  async startAll(count: number): Promise<void> {
    for (let i = 1; i <= count; i++) await this.start(`n${i}`);
    await this.agreed(30_000);
  }

  /** Starts a node, or starts it again at its place with its identity. */
  async start(name: string, more: readonly string[] = []): Promise<NodeProcess> {
    let place = this.#places.get(name);
    if (place === undefined) {
      place = await this.network.addNode(name);
      this.#places.set(name, place);
    }
    const seeds = this.urls.filter((url) => url !== this.nodes.get(name)?.url).flatMap((url) => ['--seed', url]);
    const home = join(this.#directory, name);
    const key = this.#onDisk ? ['--data', home] : ['--key-file', `${home}.key`];
    const node = await NodeProcess.start({ name, place, options: [...key, ...seeds, ...this.#options, ...more] });
    this.network.nodeStarted(place, node.pid);
    this.nodes.set(name, node);
    return node;
  }

  node(name: string): NodeProcess {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** Forgets a node that has left for good. */
  remove(name: string): void {
    this.nodes.delete(name);
  }

  /**
   * Waits until all live nodes have one table, in which exactly they own slots.
   * `among`: only these, as on one side of a cut.
   */
  async agreed(deadlineMs: number, among?: readonly NodeProcess[]): Promise<ClusterInfo> {
    let last: readonly (ClusterInfo | undefined)[] = [];
    return until(
      'all nodes agree',
      deadlineMs,
      async () => {
        const nodes = among ?? this.live;
        last = await Promise.all(nodes.map((node) => viewOf(node.url)));
        const first = last[0];
        if (first === undefined) return undefined;
        const ids = new Set(nodes.map((node) => node.id));
        const isOne = last.every((view) => view !== undefined && view.iteration === first.iteration);
        return isOne && last.every((view) => isOwnedBy(view!, ids)) ? first : undefined;
      },
      () =>
        last
          .map(
            (view) =>
              view &&
              `${view.self}: ${view.iteration} ${view.nodes.map((n) => `${n.id.slice(0, 4)} ${n.state} ${n.slots}`)}`,
          )
          .join('; '),
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.nodes.values()].map((node) => node.kill()));
    await this.network.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function isOwnedBy(view: ClusterInfo, ids: ReadonlySet<string>): boolean {
  const owners = view.nodes.filter((node) => node.slots > 0);
  const alive = view.nodes.filter((node) => node.state === 'alive');
  return owners.length === ids.size && alive.length === ids.size && owners.every((node) => ids.has(node.id));
}
