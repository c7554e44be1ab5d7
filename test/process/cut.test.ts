/** Nodes that are cut off from each other while their processes live: in network namespaces, or behind a proxy. */
import test from 'ava';
import { Cluster } from '../../bench/torture/harness/cluster.js';
import { openNetwork } from '../../bench/torture/harness/open-network.js';
import { PATIENCE_MS } from './started.js';

for (const kind of ['auto', 'proxy'] as const) {
  test.serial(
    `two of three nodes go on without the third, and all have one table after the heal (${kind})`,
    async (t) => {
      const network = openNetwork(kind);
      if (kind === 'auto' && network.kind === 'proxy') {
        t.log('namespaces need root; the proxy is tested below');
        await network.close();
        return t.pass();
      }
      const cluster = new Cluster({ network, options: ['--preset', 'local'] });
      t.teardown(() => cluster.close());
      await cluster.startAll(3);
      const before = await cluster.agreed(PATIENCE_MS);
      const [lone, ...pair] = cluster.live;
      for (const other of pair) network.cut(lone!.place, other.place);
      await cluster.agreed(PATIENCE_MS, pair);
      const refused = await publish(lone!.url, 'cut off');
      t.is(refused.error?.retry, true, JSON.stringify(refused));
      t.is((await publish(pair[0]!.url, 'still here')).error, undefined);
      network.heal();
      const after = await cluster.agreed(PATIENCE_MS);
      t.is(after.iteration, before.iteration);
      t.is((await publish(lone!.url, 'back')).error, undefined);
    },
  );
}

interface Answer {
  readonly position?: string;
  readonly error?: { readonly code: string; readonly retry: boolean };
}

async function publish(url: string, data: string): Promise<Answer> {
  const response = await fetch(`${url}/v1/publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ channel: 'room', data }),
  });
  return (await response.json()) as Answer;
}
