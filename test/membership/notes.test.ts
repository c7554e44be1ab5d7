/** A frame that was routed by another table shows that two views differ: what that saves, in the simulator, with real nodes. */
import test from 'ava';
import { CHANNELS_DEFAULTS } from '../../lib/core/channel/options.js';
import { TIMINGS } from '../../lib/core/membership/options.js';
import { NodeProgram } from '../../lib/sim/delivery/node-program.js';
import { LAN } from '../../lib/sim/network-options.js';
import { World } from '../../lib/sim/world.js';
import type { NodeId } from '../../lib/wire/ids.js';

const NODES = 5;
const [SENDER, BEHIND, DEAD] = [0, 3, 4];
/** Longer than the others tell of the death of their own accord. */
const CUT_MS = 700;

/** How long one node, cut off while another died, takes to have the others' table again, while it is sent messages. */
function behindForMs(seed: number, comparing: boolean): number {
  const world = new World({
    seed,
    hosts: NODES,
    network: LAN,
    program: (ports) =>
      new NodeProgram(
        {
          slots: 64,
          channels: CHANNELS_DEFAULTS,
          timing: TIMINGS.lan,
          seeds: ['http://10.0.0.0:7400', 'http://10.0.0.1:7400'],
          sessionsPerSecond: 100,
          mutations: new Set(),
          log: () => undefined,
        },
        ports,
      ),
  });
  const node = (host: number) => world.hosts[host]?.process?.program as NodeProgram;
  for (let host = 0; host < NODES; host++) world.start(host);
  world.run(6_000);
  const { table } = node(SENDER).core.placement;
  const owned = Array.from({ length: 500 }, (_, i) => `room:${i}`).find(
    (channel) => table.ownerOf(table.slotOf(channel)) === (node(BEHIND).id as NodeId),
  ) as string;
  if (!comparing) node(BEHIND).core.membership.compareNotes = () => undefined;
  const others = [0, 1, 2, DEAD];
  world.inject({ at: world.now, kind: 'cut', from: others, to: [BEHIND], forMs: CUT_MS });
  world.run(world.now + 10);
  world.stop(DEAD, false, true);
  world.run(world.now + CUT_MS);
  const healedAt = world.now;
  const iterationOf = (host: number) => node(host).core.placement.table.iteration;
  for (let seq = 1; iterationOf(BEHIND) !== iterationOf(SENDER) && world.now < healedAt + 5_000; seq++) {
    const process = world.hosts[SENDER]?.process;
    if (!process) break;
    const now = world.now + process.offset;
    const request = {
      channel: owned,
      ownId: '',
      publisher: 'p',
      seq,
      data: '1',
      firstTriedAt: now,
      done: () => undefined,
    };
    world.call(process, () => {
      node(SENDER).core.publish(request, now);
      node(SENDER).tick(now);
    });
    world.run(world.now + 5);
  }
  return world.now - healedAt;
}

test('views that differ are repaired sooner by frames of another table than by gossip and digests alone', (t) => {
  const seeds = Array.from({ length: 15 }, (_, i) => i + 1);
  const median = (comparing: boolean) => {
    const times = seeds.map((seed) => behindForMs(seed, comparing)).sort((a, b) => a - b);
    return times[times.length >> 1] as number;
  };
  const [comparing, waiting] = [median(true), median(false)];
  t.log(`median ${comparing} ms, without comparing ${waiting} ms, seeds 1 to ${seeds.length}`);
  t.true(comparing < 0.5 * waiting);
});
