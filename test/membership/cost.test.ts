/** What a node sends in the worst second, when there is most to tell. */
import test from 'ava';
import { Cluster } from '../../lib/sim/membership/cluster.js';

const SIZE = 300;
const STEP_MS = 100;

test('ten nodes that fall silent at once cost nobody more than 10 KB in any second, and all are dropped', (t) => {
  const cluster = new Cluster({ seed: 1, size: SIZE, alive: true });
  cluster.warm(6_000);
  t.is(cluster.world.hosts.filter((host) => host.process).length, SIZE);
  const { network } = cluster.world;
  const victims = Array.from({ length: 10 }, (_, i) => 7 + 23 * i);
  for (const victim of victims) cluster.world.stop(victim, true);
  const earlier: Float64Array[] = [];
  let worst = 0;
  for (let step = 0; step < 70; step++) {
    earlier.push(network.sentBytes.slice());
    if (earlier.length > 1_000 / STEP_MS) earlier.shift();
    cluster.run(STEP_MS);
    for (let host = 0; host < SIZE; host++)
      worst = Math.max(worst, (network.sentBytes[host] as number) - (earlier[0]?.[host] as number));
  }
  t.log(`${Math.round(worst)} bytes`);
  t.true(worst < 10_000);
  for (const victim of victims) t.is(cluster.stateOf(victim, 0), 'failed');
});
