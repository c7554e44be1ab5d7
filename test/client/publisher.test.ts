/** The publisher's core under a script: owners by table, any node where the owner is out of reach, nothing sent twice in vain. */
import test from 'ava';
import { CORE_DEFAULTS } from '../../lib/client/core/ports.js';
import { type ClusterTable, PublisherCore, type PublisherPorts } from '../../lib/client/core/publisher-core.js';
import type { ClientMessage, PublishOutcome } from '../../lib/wire/client.js';
import type { ErrorBody } from '../../lib/wire/errors.js';
import { slotOf } from '../../lib/wire/slot.js';
import { seeded } from './script.js';

type Frame = Extract<ClientMessage, { type: 'publish' }>;

interface Link {
  readonly conn: number;
  readonly url: string;
  readonly sent: ClientMessage[];
  closed: boolean;
}

const SLOTS = 16;
const NODES = ['http://a', 'http://b', 'http://c'];

function table(owner: (slot: number) => number, urls = NODES, iteration = 'i1'): ClusterTable {
  const owners = Array.from({ length: SLOTS }, (_, slot) => owner(slot));
  return { iteration, slots: SLOTS, nodes: urls.map((url) => ({ url, state: 'alive' })), owners };
}

class World implements PublisherPorts {
  now = 1_000;
  readonly random = seeded(7);
  readonly links: Link[] = [];
  readonly fetches: string[] = [];
  readonly refusals: ErrorBody[] = [];
  tokensAsked = 0;
  readonly core: PublisherCore;
  #flush = false;

  constructor(token: 'none' | 'asked' = 'none') {
    this.core = new PublisherCore({ ...CORE_DEFAULTS, urls: ['http://a'], token }, this);
    this.core.start(this.now);
  }

  open(conn: number, url: string): void {
    this.links.push({ conn, url, sent: [], closed: false });
  }
  send(conn: number, message: ClientMessage): void {
    this.links.find((link) => link.conn === conn)!.sent.push(message);
  }
  close(conn: number): void {
    this.links.find((link) => link.conn === conn)!.closed = true;
  }
  flushSoon(): void {
    this.#flush = true;
  }
  fetchTable(url: string): void {
    this.fetches.push(url);
  }
  needToken(): void {
    this.tokensAsked++;
  }
  refused(error: ErrorBody): void {
    this.refusals.push(error);
  }

  flush(): void {
    while (this.#flush) {
      this.#flush = false;
      this.core.flush(this.now);
    }
  }

  pass(ms: number): void {
    const end = this.now + ms;
    for (let i = 0; i < 10_000; i++) {
      const at = Math.max(this.now, this.core.nextWakeAt());
      if (at > end) break;
      this.now = at;
      this.core.tick(this.now);
      this.flush();
    }
    this.now = end;
  }

  /** The last link to that address. */
  to(url: string): Link | undefined {
    return this.links.findLast((link) => link.url === url && !link.closed);
  }

  welcome(url: string): Link {
    const link = this.to(url)!;
    this.core.opened(link.conn, this.now);
    const connected = { type: 'connected', node: url, url, user: '', iteration: 'i1', pingMs: 25_000 } as const;
    this.core.message(link.conn, { ...connected, next: [], spreadMs: 0 }, this.now);
    this.flush();
    return link;
  }

  learn(known: ClusterTable): void {
    this.core.tableFetched(known, this.now);
    this.flush();
  }

  publish(channel: string): { outcome: PublishOutcome | undefined } {
    const result: { outcome: PublishOutcome | undefined } = { outcome: undefined };
    this.core.publish(channel, '1', undefined, (outcome) => (result.outcome = outcome), this.now);
    this.flush();
    return result;
  }

  frames(url: string): Frame[] {
    return (this.to(url)?.sent ?? []).filter((m): m is Frame => m.type === 'publish');
  }

  answer(url: string): void {
    const link = this.to(url)!;
    for (const frame of link.sent.splice(0).filter((m): m is Frame => m.type === 'publish')) {
      const results = frame.messages.map(({ channel, seq }) => ({ id: `${seq}`, channel, position: '1~', copies: 3 }));
      this.core.message(link.conn, { type: 'published', ref: frame.ref, results }, this.now);
    }
    this.flush();
  }
}

/** A channel whose slot is the given one of two halves. */
function channelIn(half: number): string {
  for (let i = 0; ; i++) if (slotOf(`room${i}`, SLOTS) % 2 === half) return `room${i}`;
}

test('before it knows the table, it publishes through the given address', (t) => {
  const w = new World();
  w.publish('room');
  t.deepEqual(w.fetches, ['http://a']);
  w.welcome('http://a');
  t.is(w.frames('http://a').length, 1);
});

test('each channel goes to the owner of its slot, over a connection opened when needed', (t) => {
  const w = new World();
  w.learn(table((slot) => 1 + (slot % 2)));
  w.welcome('http://a');
  t.deepEqual(
    w.links.map(({ url }) => url),
    ['http://a'],
  );
  const [even, odd] = [channelIn(0), channelIn(1)];
  w.publish(even);
  w.publish(odd);
  w.welcome('http://b');
  w.welcome('http://c');
  t.deepEqual(
    w.frames('http://b').flatMap(({ messages }) => messages.map(({ channel }) => channel)),
    [even],
  );
  t.deepEqual(
    w.frames('http://c').flatMap(({ messages }) => messages.map(({ channel }) => channel)),
    [odd],
  );
});

test('an owner that does not answer the door in time is passed over', (t) => {
  const w = new World();
  w.learn(table(() => 1));
  w.welcome('http://a');
  const result = w.publish('room');
  t.is(w.frames('http://a').length, 0);
  w.pass(600);
  t.is(w.frames('http://a').length, 1);
  w.answer('http://a');
  t.like(result.outcome, { copies: 3 });
});

test('when an owner dies, what it had not answered goes on with the same numbers, and the table is fetched anew', (t) => {
  const w = new World();
  w.learn(table(() => 1));
  w.welcome('http://a');
  const result = w.publish('room');
  const dead = w.welcome('http://b');
  const [before] = w.frames('http://b');
  const fetches = w.fetches.length;
  w.core.closed(dead.conn, 1006, '', w.now);
  dead.closed = true;
  w.flush();
  const [after] = w.frames('http://a');
  t.like(after!.messages[0], { publisher: before!.messages[0]!.publisher!, seq: 1 });
  w.pass(400);
  t.true(w.fetches.length > fetches);
  w.learn(table(() => 2, NODES, 'i2'));
  w.answer('http://a');
  t.like(result.outcome, { copies: 3 });
  w.publish('room');
  w.welcome('http://c');
  t.is(w.frames('http://c').length, 1);
});

test('a silent owner with publishes unanswered is given up', (t) => {
  const w = new World();
  w.learn(table(() => 1));
  w.welcome('http://a');
  w.publish('room');
  const silent = w.welcome('http://b');
  w.pass(5_100);
  t.true(silent.closed);
  t.is(w.frames('http://a').length, 1);
});

test('the table is fetched again at intervals, from another address where one does not answer', (t) => {
  const w = new World();
  w.learn(table(() => 1));
  w.pass(10_000);
  t.is(w.fetches.length, 2);
  w.core.tableFetched(undefined, w.now);
  w.pass(400);
  t.deepEqual(new Set(w.fetches.slice(2)), new Set(['http://b']));
});

test('refused for good, every publish is answered and the app is told', (t) => {
  const w = new World();
  const result = w.publish('room');
  const link = w.welcome('http://a');
  w.core.closed(link.conn, 4401, 'no', w.now);
  t.like(w.refusals, [{ code: 'unauthorized' }]);
  t.truthy(result.outcome);
  t.throws(() => w.publish('room'), { code: 'unauthorized' });
});

test('what was never sent ends with the reason of the refusal', (t) => {
  const w = new World();
  const result = w.publish('room');
  const link = w.to('http://a')!;
  w.core.opened(link.conn, w.now);
  w.core.closed(link.conn, 4401, 'no', w.now);
  t.like(result.outcome, { error: { code: 'unauthorized', retry: false } });
});

test('waits for its token before it connects', (t) => {
  const w = new World('asked');
  t.is(w.links.length, 0);
  w.publish('room');
  w.core.setToken('t1', w.now);
  w.flush();
  const link = w.welcome('http://a');
  t.like(link.sent[0], { type: 'connect', token: 't1', relay: true });
  t.is(w.frames('http://a').length, 1);
});
