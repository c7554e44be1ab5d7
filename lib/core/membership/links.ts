/** The links that are up, with a random one at constant cost. */
import type { NodeId } from '../../wire/ids.js';
import type { Random } from '../random.js';
import { shuffle } from './shuffle.js';

export class Links {
  readonly #index = new Map<NodeId, number>();
  readonly #peers: NodeId[] = [];
  #turn: NodeId[] = [];

  has(peer: NodeId): boolean {
    return this.#index.has(peer);
  }

  get peers(): readonly NodeId[] {
    return this.#peers;
  }

  add(peer: NodeId): void {
    if (this.#index.has(peer)) return;
    this.#index.set(peer, this.#peers.length);
    this.#peers.push(peer);
  }

  delete(peer: NodeId): void {
    const at = this.#index.get(peer);
    if (at === undefined) return;
    const last = this.#peers.pop() as NodeId;
    this.#index.delete(peer);
    if (last === peer) return;
    this.#peers[at] = last;
    this.#index.set(last, at);
  }

  /** One after the other, each round in a new random order: rounds of gossip in a row reach different peers. */
  next(random: Random): NodeId | undefined {
    for (let id = this.#turn.pop(); id !== undefined; id = this.#turn.pop()) if (this.has(id)) return id;
    this.#turn = shuffle([...this.#peers], random);
    return this.#turn.pop();
  }
}
