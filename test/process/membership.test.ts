/** Nodes as processes of the operating system: they meet, die, freeze, leave and come back. */
import test from 'ava';
import { until } from '../../bench/torture/harness/cluster.js';
import { PATIENCE_MS, startCluster, stateOf } from './started.js';

test.serial('three processes find each other, agree on one table, and share the slots evenly', async (t) => {
  const cluster = await startCluster(t, 3);
  const view = await cluster.agreed(PATIENCE_MS);
  t.is(view.nodes.length, 3);
  const slots = view.nodes.map((node) => node.slots);
  t.true(Math.max(...slots) - Math.min(...slots) <= 1, slots.join());
  t.log(`ready after ${[...cluster.nodes.values()].map((node) => `${Math.round(node.readyAfterMs)} ms`).join(', ')}`);
});

test.serial(
  'a killed process is dropped by the others, and its return with its key restores the very table',
  async (t) => {
    const cluster = await startCluster(t, 3);
    const before = await cluster.agreed(PATIENCE_MS);
    const { id } = cluster.node('n2');
    await cluster.node('n2').kill();
    const without = await cluster.agreed(PATIENCE_MS);
    t.not(without.iteration, before.iteration);
    t.is(without.nodes.find((node) => node.id === id)?.state, 'failed');
    const again = await cluster.start('n2');
    t.is(again.id, id);
    const after = await cluster.agreed(PATIENCE_MS);
    t.is(after.iteration, before.iteration);
    t.deepEqual(ownersById(after), ownersById(before));
  },
);

test.serial('a process that stands still is dropped, and taken back when it goes on; it accuses nobody', async (t) => {
  const cluster = await startCluster(t, 3);
  const before = await cluster.agreed(PATIENCE_MS);
  const stopped = cluster.node('n3');
  const others = cluster.live.filter((node) => node !== stopped);
  stopped.signal('SIGSTOP');
  await cluster.agreed(PATIENCE_MS, others);
  t.is(await stateOf(others[0]!.url, stopped.id), 'failed');
  stopped.signal('SIGCONT');
  const after = await cluster.agreed(PATIENCE_MS);
  t.is(after.iteration, before.iteration);
  for (const other of others) t.is(await stateOf(stopped.url, other.id), 'alive');
});

test.serial('a node that is told to end hands over, leaves and exits with 0', async (t) => {
  const cluster = await startCluster(t, 3);
  const leaving = cluster.node('n1');
  leaving.signal('SIGTERM');
  t.is(await leaving.exited, 0);
  const view = await cluster.agreed(PATIENCE_MS);
  t.is(view.nodes.find((node) => node.id === leaving.id)?.state ?? 'left', 'left');
  const phases = leaving.log.filter((line) => line.includes('"phase"')).map((line) => JSON.parse(line).phase as string);
  t.is(phases.at(-1), 'left');
});

test.serial('a second signal ends a draining node at once', async (t) => {
  const cluster = await startCluster(t, 1);
  const node = cluster.node('n1');
  node.signal('SIGTERM');
  node.signal('SIGINT');
  // 128 and the number of a signal, unless it had gone by itself already
  t.true([0, 130, 143].includes((await node.exited) as number));
});

for (const [what, options] of [
  ['another cluster name', ['--cluster', 'other']],
  ['another number of slots', ['--slots', '256']],
  ['another secret', ['--cluster-secret', 'wrong']],
  ['no secret', ['--cluster-secret', '']],
] as const) {
  test.serial(`a node with ${what} is refused, ends with 2 and says why, and disturbs nobody`, async (t) => {
    const cluster = await startCluster(t, 2, ['--cluster-secret', 'right']);
    const before = await cluster.agreed(PATIENCE_MS);
    const error = await t.throwsAsync(cluster.start('stranger', options));
    t.regex(error.message, /ended with 2/);
    t.regex(error.message, what.includes('secret') ? /secret/i : /cluster|slots/i);
    const after = await until('the view stands', PATIENCE_MS, () => cluster.agreed(PATIENCE_MS));
    t.is(after.iteration, before.iteration);
    t.is(after.nodes.length, 2);
  });
}

function ownersById({ owners, nodes }: { owners: readonly number[]; nodes: readonly { id: string }[] }): string[] {
  return owners.map((owner) => nodes[owner]!.id);
}
