/** A small cluster under load over every transport, with one fault; what all processes recorded is judged. */
import test from 'ava';
import { mixedPublishers, mixedReaders, rooms } from '../../bench/torture/crowd.js';
import type { Arena } from '../../bench/torture/harness/arena.js';
import { verdictLines } from '../../bench/torture/harness/judge.js';
import { SeededRandom } from '../../bench/torture/random.js';
import { openArena, PATIENCE_MS } from './started.js';

const ENOUGH = 150;

/** Readers over all transports, publishers of all kinds. */
async function populate(arena: Arena, seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const channels = rooms(6);
  await arena.addClients({ name: 'readers', readers: mixedReaders(28, channels, random) });
  const publishers = mixedPublishers(6, 60, channels, random);
  const source = await arena.addClients({ name: 'publishers', publishers });
  await source.publish();
}

/** Waits until so many more messages are acknowledged. */
async function acknowledged(arena: Arena, more: number): Promise<void> {
  const { acked } = await arena.counts();
  const deadline = performance.now() + PATIENCE_MS;
  while ((await arena.counts()).acked < acked + more) {
    if (performance.now() > deadline) throw new Error(`no ${more} messages were acknowledged`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const FAULTS: readonly { readonly name: string; readonly during: (arena: Arena) => Promise<void> }[] = [
  {
    name: 'a node is killed and comes back',
    async during({ cluster }) {
      await cluster.node('n2').kill();
      await cluster.agreed(PATIENCE_MS);
      await cluster.start('n2');
    },
  },
  {
    name: 'a node stands still for longer than the others wait',
    async during({ cluster }) {
      const node = cluster.node('n3');
      node.signal('SIGSTOP');
      await cluster.agreed(
        PATIENCE_MS,
        cluster.live.filter((other) => other !== node),
      );
      node.signal('SIGCONT');
    },
  },
  {
    name: 'a node is drained and another joins',
    async during({ cluster }) {
      const node = cluster.node('n1');
      node.signal('SIGTERM');
      if ((await node.exited) !== 0) throw new Error(node.log.join('\n'));
      cluster.remove('n1');
      await cluster.start('n4');
    },
  },
];

for (const { name, during } of FAULTS) {
  test.serial(`nothing is lost, repeated or out of order while ${name}`, async (t) => {
    const seed = Date.now() % 1_000_000;
    t.log(`seed ${seed}`);
    const history = ['--history', '100000', '--history-bytes', '64MiB'];
    const arena = await openArena(t, { nodes: 3, network: 'loopback', options: ['--preset', 'local', ...history] });
    await populate(arena, seed);
    await acknowledged(arena, ENOUGH);
    await during(arena);
    await arena.cluster.agreed(PATIENCE_MS);
    await acknowledged(arena, ENOUGH);
    t.deepEqual(await arena.settle(PATIENCE_MS), []);
    const verdict = await arena.judge();
    for (const line of verdictLines(verdict)) t.log(line);
    t.deepEqual(verdict.violations, []);
    t.true(verdict.counts.delivered > ENOUGH);
  });
}
