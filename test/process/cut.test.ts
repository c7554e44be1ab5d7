/** Nodes that are cut off from each other while their processes live: in network namespaces, or behind a proxy. */
import test from 'ava';
import { Cluster } from '../../bench/torture/harness/cluster.js';
import { namespacesWork } from '../../bench/torture/harness/namespaces.js';
import { openNetwork } from '../../bench/torture/harness/open-network.js';
import { PATIENCE_MS } from './started.js';

for (const kind of ['namespaces', 'proxy'] as const) {
  const canRun = kind === 'proxy' || namespacesWork();
  const serial = canRun ? test.serial : test.serial.skip;
  serial(
    `two of three nodes go on without the third, and all have one table after the heal (${kind}${canRun ? '' : ', which need root'})`,
    async (t) => {
      const network = openNetwork(kind);
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
