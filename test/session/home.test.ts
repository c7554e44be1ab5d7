/** Clients on their way home, with the real client and the real nodes: a way that is barred at first is tried again. */
import test, { type ExecutionContext } from 'ava';
import { CLIENT_LIMITS } from '../../lib/client/core/limits.js';
import { ALL_DEFENCES } from '../../lib/client/core/ports.js';
import { CHANNELS_DEFAULTS } from '../../lib/core/channel/options.js';
import { TIMINGS } from '../../lib/core/membership/options.js';
import { MOVE_TIMES } from '../../lib/core/session/moves.js';
import { ClientProgram } from '../../lib/sim/delivery/client-program.js';
import { NodeProgram } from '../../lib/sim/delivery/node-program.js';
import { LAN } from '../../lib/sim/network-options.js';
import { World } from '../../lib/sim/world.js';
import { Script } from '../client/script.js';

const NODES = 3;
const CLIENTS = 12;
/** A dial that nobody answers, a greeting and a resume, with rounds of asking and dealing before. */
const CONNECT_MS = 2_000;

class Cluster {
  readonly world: World;
  readonly states = new Map<number, number>();

  constructor(seed: number) {
    const urls = Array.from({ length: NODES }, (_, i) => `http://10.0.0.${i}:7400`);
    this.world = new World({
      seed,
      hosts: NODES + CLIENTS,
      network: { ...LAN, lossMode: 'break' },
      program: (ports) => {
        if (ports.host < NODES)
          return new NodeProgram(
            {
              slots: 64,
              channels: CHANNELS_DEFAULTS,
              timing: TIMINGS.local,
              seeds: urls,
              sessionsPerSecond: 100,
              mutations: new Set(),
              log: () => undefined,
            },
            ports,
          );
        return new ClientProgram(
          { user: `u${ports.host}`, reads: [], writes: [], everyMs: 1_000, window: 1 },
          {
            urls: urls.slice(0, 2),
            defences: ALL_DEFENCES,
            publishDeadlineMs: 10_000,
            now: () => this.world.now,
            publishing: () => false,
            record: (event) => {
              if (event.kind !== 'state') return;
              this.states.set(ports.host, (this.states.get(ports.host) ?? 0) + 1);
            },
          },
          ports,
        );
      },
    });
  }

  get clients(): number[] {
    return Array.from({ length: CLIENTS }, (_, i) => NODES + i);
  }

  node(host: number): NodeProgram | undefined {
    return this.world.hosts[host]?.process?.program as NodeProgram | undefined;
  }

  /** The node where the client's only session is. */
  servedBy(client: number): number | undefined {
    const at = this.world.hosts.slice(0, NODES).filter(({ index }) => {
      const sessions = [...(this.node(index)?.core.sessions.all ?? [])];
      return sessions.some((session) => session.user === `u${client}` && session.state !== 'closed');
    });
    return at.length === 1 ? at[0]!.index : undefined;
  }

  homeOf(client: number): number {
    return this.world.hosts.findIndex(({ index }) => this.node(index)?.core.homeOf(`@u${client}`).self === true);
  }

  get astray(): number[] {
    return this.clients.filter((client) => this.servedBy(client) !== this.homeOf(client));
  }

  run(ms: number): void {
    this.world.run(this.world.now + ms);
  }

  /** How long until nobody is astray, at most `ms`. */
  allHomeWithin(t: ExecutionContext, ms: number): void {
    const from = this.world.now;
    while (this.world.now < from + ms && this.astray.length > 0) this.run(50);
    t.deepEqual(this.astray, [], `clients are not at home after ${ms} ms`);
    t.log(`all at home after ${this.world.now - from} ms`);
  }
}

function bar(cluster: Cluster, node: number, forMs: number): void {
  const { clients, world } = cluster;
  world.inject({ at: world.now, kind: 'partition', groups: [[node], clients], forMs });
}

test('a client whose first move fails is asked again, and gets home', (t) => {
  for (let seed = 1; seed <= 5; seed++) {
    const cluster = new Cluster(seed);
    cluster.world.start(0);
    cluster.world.start(1);
    cluster.run(3_000);
    for (const client of cluster.clients) cluster.world.start(client);
    cluster.run(2_000);
    t.deepEqual(cluster.astray, []);
    bar(cluster, 2, 6_000);
    cluster.world.start(2);
    cluster.run(6_000);
    const waiting = cluster.astray.length;
    t.true(waiting > 0, 'the newcomer owns somebody’s slot');
    cluster.allHomeWithin(t, MOVE_TIMES.deadlineMs + 2 * MOVE_TIMES.roundMs + CONNECT_MS);
  }
});

test('a client that could not move while its home was out of reach for a minute is asked again by the next change', (t) => {
  const cluster = new Cluster(7);
  cluster.world.start(0);
  cluster.world.start(1);
  cluster.run(3_000);
  for (const client of cluster.clients) cluster.world.start(client);
  cluster.run(2_000);
  bar(cluster, 2, 60_000);
  cluster.world.start(2);
  cluster.run(61_000);
  t.true(cluster.astray.length > 0);
  // the home is another node for a while, and then the same one again
  cluster.world.stop(2, false, true);
  cluster.run(5_000);
  t.deepEqual(cluster.astray, []);
  cluster.world.start(2);
  cluster.run(5_000);
  cluster.allHomeWithin(t, MOVE_TIMES.deadlineMs + CONNECT_MS);
});

test('a relayed client whose first way home fails tries it again at its own pace', (t) => {
  let relayed = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const cluster = new Cluster(seed);
    for (let host = 0; host < NODES; host++) cluster.world.start(host);
    cluster.run(3_000);
    for (const client of cluster.clients) cluster.world.start(client);
    cluster.run(2_000);
    t.deepEqual(cluster.astray, []);
    // fallen silent: the others do not know yet, and redirect to it
    const victim = seed % NODES;
    const others = cluster.clients.filter((client) => cluster.homeOf(client) === victim);
    cluster.world.stop(victim, false, true);
    for (const client of others)
      cluster.world.inject({
        at: cluster.world.now,
        kind: 'cut',
        from: [client],
        to: [(victim + 1) % NODES],
        forMs: 300,
      });
    cluster.run(4_000);
    relayed += cluster.clients.filter((client) => isRelayed(cluster, client)).length;
    cluster.world.start(victim);
    cluster.run(8_000);
    bar(cluster, victim, 14_000);
    cluster.run(14_000);
    cluster.allHomeWithin(t, 2 * CLIENT_LIMITS.rehomeMs + MOVE_TIMES.deadlineMs + CONNECT_MS);
  }
  t.log(`${relayed} were relayed`);
  t.true(relayed > 0, 'nobody was relayed: this test shows nothing');
});

test('a relayed client that is led nowhere waits before it looks for its home again', (t) => {
  const s = new Script({ user: 'alice' }).start();
  for (let i = 0; i < 6; i++) {
    s.core.opened(s.last.conn, s.now);
    s.hear(s.last, { type: 'redirect', url: i % 2 === 0 ? 'http://b' : 'http://a', reason: 'home' });
  }
  const relay = s.welcome({ user: 'alice' });
  s.hear(relay, { type: 'subscribed', channel: '@alice', position: '1~', recovered: true });
  const tries: number[] = [];
  let tried = relay;
  for (const until = s.now + 100_000; s.now < until; s.pass(10)) {
    s.hear(relay, { type: 'pong' });
    if (s.last === tried) continue;
    tried = s.last;
    tries.push(s.now);
    s.lose(tried);
  }
  t.true(tries.length >= 4, `${tries.length} tries in 100 s`);
  for (let i = 1; i < tries.length; i++) t.true(tries[i]! - tries[i - 1]! >= CLIENT_LIMITS.rehomeMs);
});

function isRelayed(cluster: Cluster, client: number): boolean {
  const at = cluster.servedBy(client);
  const sessions = at === undefined ? [] : [...(cluster.node(at)?.core.sessions.all ?? [])];
  return sessions.some((session) => session.user === `u${client}` && session.relay);
}
