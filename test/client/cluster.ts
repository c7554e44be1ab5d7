/** Real nodes in this process, for tests of the client: on loopback, ports of the system's choice. */

import type { ClientState } from '../../lib/client/core/ports.js';
import type { Client } from '../../lib/client/index.js';
import { createNode, type Node, type NodeOptions } from '../../lib/index.js';

export class TestCluster {
  readonly nodes: Node[] = [];
  readonly #options: Partial<NodeOptions>;

  private constructor(options: Partial<NodeOptions>) {
    this.#options = options;
  }

  static async start(size: number, options: Partial<NodeOptions> = {}): Promise<TestCluster> {
    const cluster = new TestCluster(options);
    for (let i = 0; i < size; i++) await cluster.add();
    await cluster.agree();
    return cluster;
  }

  get urls(): string[] {
    return this.nodes.map((node) => node.url);
  }

  async add(): Promise<Node> {
    const seeds = this.nodes.slice(0, 1).map((node) => node.url);
    const node = await createNode({ port: 0, seeds, ...this.#options });
    this.nodes.push(node);
    return node;
  }

  /** All nodes have the same table, in which all of them serve. */
  async agree(deadlineMs = 20_000): Promise<void> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const views = this.nodes.map((node) => node.core.cluster());
      const serving = views.every(
        (view) => view.nodes.filter(({ state }) => state === 'alive').length === this.nodes.length,
      );
      if (serving && new Set(views.map((view) => view.iteration)).size === 1) return;
      if (performance.now() > end) {
        throw new Error(
          `no agreement: ${JSON.stringify(views.map((v) => [v.iteration, v.nodes.map((n) => n.state)]))}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  ownerOf(channel: string): Node {
    const { owner } = this.nodes[0]!.core.locate(channel);
    return this.nodes.find((node) => node.id === owner.id)!;
  }

  /** A name whose slot that node owns. */
  nameAt(node: Node, prefix: string): string {
    for (let i = 0; ; i++) if (this.ownerOf(`${prefix}${i}`) === node) return `${prefix}${i}`;
  }

  async stop(node: Node, drain: boolean): Promise<void> {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    await node.close({ drain });
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close({ drain: false })));
  }
}

/** Waits for what an event brings, with a deadline. */
export function until(what: string, holds: () => boolean, deadlineMs = 15_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (holds()) resolve();
      else if (performance.now() > end) reject(new Error(`not in time: ${what}`));
      else setTimeout(look, 5);
    };
    look();
  });
}

export function stateOf(client: Client): Promise<ClientState> {
  return new Promise((resolve) => client.once('state', resolve));
}
