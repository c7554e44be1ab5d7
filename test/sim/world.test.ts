import test from 'ava';
import { Membership } from '../../lib/core/membership/membership.js';
import { runScenario } from '../../lib/sim/membership/run.js';
import { makeScenario } from '../../lib/sim/membership/scenario.js';
import { keepFaults, shrink } from '../../lib/sim/membership/shrink.js';
import { Conditions } from '../../lib/sim/network-conditions.js';
import { LAN } from '../../lib/sim/network-options.js';
import { type ProcessPorts, type Program, World } from '../../lib/sim/world.js';
import type { Fault } from '../../lib/sim/world-faults.js';
import { Queue } from '../../lib/sim/world-queue.js';
import { SeededRandom } from '../../lib/sim/world-random.js';

test('the same seed gives the same trace, line by line, and another seed another', (t) => {
  const lines: string[][] = [[], []];
  const hashes = lines.map((out) => runScenario(makeScenario(5), Membership, (line) => out.push(line)).hash);
  t.is(hashes[0], hashes[1]);
  t.deepEqual(lines[0], lines[1]);
  t.not(runScenario(makeScenario(6), Membership).hash, hashes[0]);
});

test('really encoded messages change nothing but time spent', (t) => {
  const scenario = makeScenario(7);
  const plain = runScenario({ ...scenario, codec: false }, Membership);
  const coded = runScenario({ ...scenario, codec: true }, Membership);
  t.is(plain.hash, coded.hash);
  t.deepEqual(coded.violations, []);
});

test('40 seeds of every kind of trouble break no rule', (t) => {
  for (let seed = 1; seed <= 40; seed++) {
    const { violations } = runScenario(makeScenario(seed), Membership);
    t.deepEqual(violations, [], `npm run sim -- membership --seed ${seed}`);
  }
});

test('a failing run shrinks to the faults that it needs', (t) => {
  const scenario = makeScenario(10);
  const needed = scenario.faults[3] as Fault;
  const run = (s: typeof scenario) => {
    const violations = s.faults.includes(needed) ? [{ rule: 'converges' as const, time: 0, what: 'planted' }] : [];
    return { scenario: s, hash: '', events: 0, violations, counts: new Map(), convergedMs: undefined };
  };
  const small = shrink(scenario, run(scenario), run);
  t.deepEqual(small.kept, [3]);
  t.deepEqual(keepFaults(scenario, small.kept).faults, [needed]);
});

test('the queue yields by time, and in order of arrival where times are equal', (t) => {
  const random = new SeededRandom(1);
  const queue = new Queue<{ time: number; order: number }>();
  for (let order = 0; order < 5_000; order++) queue.push({ time: random.below(50), order });
  let last = { time: -1, order: -1 };
  for (let next = queue.pop(); next; next = queue.pop()) {
    t.true(next.time > last.time || (next.time === last.time && next.order > last.order));
    last = next;
  }
});

/** Says what happens to it. */
class Recorder implements Program {
  readonly log: string[] = [];
  readonly boot = 1;
  wakeAt = Number.POSITIVE_INFINITY;
  startedAt = 0;
  readonly id: string;
  readonly ports: ProcessPorts;

  constructor(ports: ProcessPorts) {
    this.ports = ports;
    this.id = `n${ports.host}`;
  }

  start(now: number): void {
    this.startedAt = now;
  }
  tick(now: number): void {
    this.log.push(`tick ${Math.round(now - this.startedAt)}`);
    this.wakeAt = Number.POSITIVE_INFINITY;
  }
  nextWakeAt(): number {
    return this.wakeAt;
  }
  onLinkUp(peer: string): void {
    this.log.push(`up ${peer}`);
  }
  onLinkDown(peer: string, why: string): void {
    this.log.push(`down ${peer} ${why}`);
  }
  onDialFailed(_url: string, why: string): void {
    this.log.push(`dial failed ${why}`);
  }
  onMessage(from: string, message: unknown): void {
    this.log.push(`${from}: ${String(message)}`);
  }
}

function two(faults: readonly Fault[] = []): { world: World; a: Recorder; b: Recorder } {
  const world = new World({ seed: 1, hosts: 2, network: LAN, faults, program: (ports) => new Recorder(ports) });
  world.start(0);
  world.start(1);
  const [a, b] = world.hosts.map((host) => host.process?.program as Recorder);
  return { world, a: a as Recorder, b: b as Recorder };
}

function say(world: World, from: Recorder, to: Recorder, text: string): void {
  from.ports.send(to.id, to.ports.url, text);
  world.run(world.now + 10);
}

test('a message opens a link, links are FIFO, and both ends see it go up', (t) => {
  const { world, a, b } = two();
  for (let i = 0; i < 20; i++) a.ports.send(b.id, b.ports.url, i);
  world.run(100);
  t.deepEqual(a.log, ['up n1']);
  t.deepEqual(b.log, ['up n0', ...Array.from({ length: 20 }, (_, i) => `n0: ${i}`)]);
});

test('a killed process closes its links, its address refuses; a silent one does neither', (t) => {
  const { world, a, b } = two();
  say(world, a, b, 'x');
  world.stop(1, false);
  world.run(world.now + 10);
  t.is(a.log.at(-1), 'down n1 closed');
  say(world, a, b, 'y');
  t.is(a.log.at(-1), 'down n1 refused');
  world.start(1);
  say(world, a, b, 'z');
  world.stop(1, true);
  const length = a.log.length;
  world.run(world.now + 500);
  t.is(a.log.length, length);
});

test('a stalled process runs its timers first, then its inbox', (t) => {
  const { world, a, b } = two();
  say(world, a, b, 'before');
  b.wakeAt = b.startedAt + world.now + 100;
  world.stall(1, 1_000);
  say(world, a, b, 'during');
  t.is(b.log.at(-1), 'n0: before');
  world.run(world.now + 1_000);
  t.true(b.log.at(-2)?.startsWith('tick'));
  t.is(b.log.at(-1), 'n0: during');
});

test('a cut path loses one way only, a partition both, and a heal restores', (t) => {
  const conditions = new Conditions(4);
  const cut: Fault = { at: 0, kind: 'cut', from: [0], to: [1], forMs: 1 };
  conditions.begin(cut);
  t.true(conditions.blocked(0, 1));
  t.false(conditions.blocked(1, 0));
  const part: Fault = { at: 0, kind: 'partition', groups: [[0, 1], [2]], forMs: 1 };
  conditions.begin(part);
  t.true(conditions.blocked(2, 0) && conditions.blocked(0, 2));
  t.false(conditions.blocked(1, 0));
  t.false(conditions.blocked(3, 2), 'a host in no group reaches everyone');
  conditions.end(cut);
  conditions.end(part);
  t.false(conditions.blocked(0, 1) || conditions.blocked(0, 2));
});

test('a clogged path holds messages back and loses none', (t) => {
  const { world, a, b } = two([{ at: 50, kind: 'clog', from: 0, to: 1, forMs: 500 }]);
  say(world, a, b, 'first');
  world.run(60);
  say(world, a, b, 'late');
  world.run(540);
  t.is(b.log.at(-1), 'n0: first');
  world.run(560);
  t.is(b.log.at(-1), 'n0: late');
});

test('a trigger strikes right after the message it waits for, before it arrives', (t) => {
  const world = new World({
    seed: 1,
    hosts: 2,
    network: { ...LAN, typeOf: (message) => String(message) },
    program: (ports) => new Recorder(ports),
    triggers: [{ on: 'x', nth: 2, do: 'kill' }],
  });
  world.start(0);
  world.start(1);
  const [a, b] = world.hosts.map((host) => host.process?.program as Recorder) as [Recorder, Recorder];
  say(world, a, b, 'x');
  t.not(world.hosts[0]?.process, undefined);
  say(world, a, b, 'x');
  t.is(world.hosts[0]?.process, undefined);
  t.is(world.happened.get('on-x'), 1);
});
