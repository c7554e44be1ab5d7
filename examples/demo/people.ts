/**
 * The users of the demo: each is a client of its own, with its own connection, in one room. What they see goes into
 * the ledger. Few enough to be shown; where a log has more nicks, who was silent longest makes room.
 */
import { type Client, connect } from '../../lib/client/index.js';
import type { Fleet } from './fleet.js';
import type { Ledger } from './ledger.js';
import { type ChatData, type PulseUser, roomChannel } from './page/pulse.js';

const PEOPLE_MAX = 40;
const CONNECT_MS = 10_000;

interface Person {
  readonly name: string;
  readonly room: string;
  readonly client: Client;
  readonly ready: Promise<void>;
  /** Number of the node that serves this person now, 0 while on the way. */
  node: number;
  /** The last node that did. */
  lastNode: number;
  spokeAt: number;
}

export class People {
  readonly #people = new Map<string, Person>();
  readonly #fleet: Fleet;
  readonly #ledger: Ledger;
  readonly #arrived: (name: string, node: number) => void;

  constructor(fleet: Fleet, ledger: Ledger, arrived: (name: string, node: number) => void) {
    this.#fleet = fleet;
    this.#ledger = ledger;
    this.#arrived = arrived;
  }

  list(): PulseUser[] {
    return [...this.#people.values()].map(({ name, room, node }) => ({ name, room, node }));
  }

  /** Names of those whom a node serves. */
  at(node: number): string[] {
    return [...this.#people.values()].filter((person) => person.node === node).map((person) => person.name);
  }

  /** Connects somebody, once; resolves when the room's messages reach this person. */
  enter(nick: string, room: string): Promise<void> {
    return this.#person(nick, room).ready;
  }

  /** @throws whatever the client's publish throws when it gives up */
  async say(nick: string, room: string, data: ChatData): Promise<void> {
    const person = this.#person(nick, room);
    person.spokeAt = performance.now();
    await person.ready;
    const n = data.n!;
    this.#ledger.publishing(room, n, performance.now());
    try {
      await person.client.publish(roomChannel(room), data);
      this.#ledger.acknowledged(room, n, performance.now());
    } catch (error) {
      this.#ledger.abandoned(room, n);
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#people.values()].map((person) => person.client.close()));
  }

  #person(nick: string, room: string): Person {
    const key = `${nick}\n${room}`;
    let person = this.#people.get(key);
    if (!person) {
      if (this.#people.size >= PEOPLE_MAX) this.#dismiss();
      person = this.#connect(nick, room);
      this.#people.set(key, person);
    }
    return person;
  }

  #connect(name: string, room: string): Person {
    const client = connect(this.#fleet.urls(), { user: name });
    const messages = client.subscribe(roomChannel(room), { after: 'now' });
    const ready = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CONNECT_MS);
      messages.on('subscribed', () => {
        clearTimeout(timer);
        this.#ledger.join(name, room);
        resolve();
      });
    });
    const person: Person = { name, room, client, ready, node: 0, lastNode: 0, spokeAt: performance.now() };
    messages.on('message', (message) => {
      const { n } = message.data as ChatData;
      if (n !== undefined) this.#ledger.delivered(name, room, n, performance.now());
    });
    client.on('state', (state) => {
      if (state.state !== 'connected') {
        if (state.state !== 'moving') person.node = 0;
        return;
      }
      person.node = this.#fleet.numberOf(state.url);
      if (person.lastNode !== 0 && person.lastNode !== person.node) this.#ledger.moved();
      person.lastNode = person.node;
      this.#arrived(name, person.node);
    });
    return person;
  }

  #dismiss(): void {
    const [key, person] = [...this.#people].reduce((a, b) => (a[1].spokeAt < b[1].spokeAt ? a : b));
    this.#people.delete(key);
    this.#ledger.leave(person.name);
    void person.client.close();
  }
}
