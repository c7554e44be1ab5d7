/** What happened to the cluster, in words, with the time it took until the users of a killed node were back. */
import { EVENTS_KEPT, type PulseEvent, type PulseNode } from './page/pulse.js';

interface Outage {
  readonly node: number;
  readonly at: number;
  readonly waiting: Set<string>;
  readonly users: number;
}

export class Incidents {
  readonly #events: PulseEvent[] = [];
  readonly #outages = new Set<Outage>();
  readonly #killed = new Set<number>();
  readonly #draining = new Map<number, number>();

  latest(): readonly PulseEvent[] {
    return this.#events;
  }

  /** A node is about to be killed that serves these users. */
  killing(node: number, users: readonly string[]): void {
    this.#killed.add(node);
    if (users.length > 0)
      this.#outages.add({ node, at: performance.now(), waiting: new Set(users), users: users.length });
    this.#tell('kill', node, `node ${node} killed with kill −9; it served ${count(users.length)}`);
  }

  /** `users` are those whom the node serves at this moment. */
  nodeChanged(node: PulseNode, how: number | NodeJS.Signals | undefined, users: readonly string[]): void {
    const { number, status } = node;
    switch (status) {
      case 'serving':
        return this.#tell('start', number, `node ${number} serves`);
      case 'draining':
        this.#draining.set(number, users.length);
        return this.#tell('drain', number, `node ${number} hands over its slots and moves its ${count(users.length)}`);
      case 'left': {
        const moved = this.#draining.get(number) ?? 0;
        const late = users.length === 0 ? 'had moved before' : `moved before, but ${users.length}`;
        return this.#tell('left', number, `node ${number} has left; its ${count(moved)} ${late}`);
      }
      case 'killed':
        if (!this.#killed.has(number)) this.#tell('trouble', number, `node ${number} ended with ${how}`);
    }
  }

  userArrived(name: string, node: number): void {
    for (const outage of this.#outages) {
      if (outage.node === node || !outage.waiting.delete(name) || outage.waiting.size > 0) continue;
      this.#outages.delete(outage);
      const seconds = ((performance.now() - outage.at) / 1_000).toFixed(2);
      this.#tell(
        'recovered',
        0,
        `${count(outage.users)} of node ${outage.node} connected elsewhere after ${seconds} s`,
      );
    }
  }

  #tell(kind: PulseEvent['kind'], node: number, text: string): void {
    this.#events.push({ time: Date.now(), kind, node, text });
    if (this.#events.length > EVENTS_KEPT) this.#events.shift();
  }
}

function count(users: number): string {
  return users === 1 ? '1 user' : `${users} users`;
}
