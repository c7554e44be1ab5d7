/** Where users were connected and when, taken out of the recorded histories of library clients. */
import type { HistoryEvent } from '../../lib/sim/checkers/history.js';

/** From `t` on the client is connected to `node`; '' for nowhere. */
export interface Stay {
  readonly t: number;
  readonly client: string;
  readonly node: string;
}

export class SessionWatch {
  readonly stays: Stay[] = [];
  /** A client was asked to move, or was sent elsewhere. */
  readonly moves: { readonly t: number; readonly client: string }[] = [];
  readonly #published = new Map<string, number>();
  readonly #arrived: { readonly key: string; readonly t: number; readonly client: string }[] = [];

  on(event: HistoryEvent): void {
    switch (event.kind) {
      case 'state':
        return this.#onState(event.t, event.client, event.state, event.reason ?? '');
      case 'pub-invoke':
        this.#published.set(`${event.ch} ${event.p} ${event.n}`, event.t);
        return;
      case 'callback':
        this.#arrived.push({ key: `${event.ch} ${event.p} ${event.n}`, t: event.t, client: event.client });
        return;
    }
  }

  /** To be called once, when all histories have been read. */
  sort(): void {
    this.stays.sort((a, b) => a.t - b.t);
    this.moves.sort((a, b) => a.t - b.t);
  }

  /** Clients that came to another node, or came back, within the time. */
  reconnected(from: number, to: number): Set<string> {
    return new Set(this.#within(from, to).flatMap(({ node, client }) => (node === '' ? [] : [client])));
  }

  /** Times at which clients were let in, by node. */
  arrivals(from: number, to: number): Map<string, number[]> {
    const byNode = new Map<string, number[]>();
    for (const { node, t } of this.#within(from, to)) {
      if (node === '') continue;
      const times = byNode.get(node) ?? [];
      byNode.set(node, times);
      times.push(t);
    }
    return byNode;
  }

  /** For each client that was without a live connection: how long at most. Still without one at the end: infinity. */
  outages(from: number, to: number): Map<string, number> {
    const since = new Map<string, number>();
    const longest = new Map<string, number>();
    for (const { t, client, node } of this.#within(from, to)) {
      const left = since.get(client);
      if (node === '') {
        if (left === undefined) since.set(client, t);
      } else if (left !== undefined) {
        since.delete(client);
        longest.set(client, Math.max(t - left, longest.get(client) ?? 0));
      }
    }
    for (const client of since.keys()) longest.set(client, Number.POSITIVE_INFINITY);
    return longest;
  }

  /** From publish to arrival, of messages published within the time; `only`: of these clients. */
  latencies(from: number, to: number, only?: ReadonlySet<string>): number[] {
    return this.#arrived.flatMap(({ key, t, client }) => {
      const published = this.#published.get(key);
      if (published === undefined || published < from || published > to) return [];
      return only === undefined || only.has(client) ? [t - published] : [];
    });
  }

  /** Connected clients by node, every `stepMs`. */
  timeline(from: number, to: number, stepMs: number): { readonly t: number; readonly byNode: Map<string, number> }[] {
    const at = new Map<string, string>();
    const points: { t: number; byNode: Map<string, number> }[] = [];
    let next = 0;
    for (let t = from; t <= to; t += stepMs) {
      for (; next < this.stays.length && this.stays[next]!.t <= t; next++)
        at.set(this.stays[next]!.client, this.stays[next]!.node);
      const byNode = new Map<string, number>();
      for (const node of at.values()) byNode.set(node, (byNode.get(node) ?? 0) + 1);
      points.push({ t: t - from, byNode });
    }
    return points;
  }

  #within(from: number, to: number): Stay[] {
    return this.stays.filter(({ t }) => t >= from && t <= to);
  }

  #onState(t: number, client: string, state: string, reason: string): void {
    // over SSE the client does not always know by whom it is served
    if (state === 'connected') this.stays.push({ t, client, node: reason.split(' ', 1)[0] || '?' });
    else if (state === 'moving') {
      this.moves.push({ t, client });
      // the old connection still delivers, unless the library says that it does not
      if (reason.startsWith('silent:')) this.stays.push({ t, client, node: '' });
    } else if (state === 'connecting' || state === 'closed') this.stays.push({ t, client, node: '' });
  }
}

/** The most of these times that fall into any window. */
export function busiest(times: readonly number[], windowMs: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  let most = 0;
  let first = 0;
  for (let last = 0; last < sorted.length; last++) {
    while (sorted[last]! - sorted[first]! >= windowMs) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}
