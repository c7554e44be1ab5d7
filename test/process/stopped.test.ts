/** A node that is stopped with publishes on their way to it: nobody is told that a message is refused which is stored. */
import test from 'ava';
import { PATIENCE_MS, startCluster } from './started.js';

/** Longer than it takes until others take its slots over. */
const STOPPED_MS = 4_000;
const COUNT = 40;

interface Answer {
  readonly position?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly retry: boolean };
}

test.serial('what a stopped node was sent is stored once, and never answered as refused', async (t) => {
  const cluster = await startCluster(t, 3);
  await cluster.agreed(PATIENCE_MS);
  const [stopped, other] = cluster.live;
  t.is((await publish(stopped!.url, 'before')).error, undefined);
  stopped!.signal('SIGSTOP');
  const ids = Array.from({ length: COUNT }, (_, i) => `id-${i}`);
  const first = Promise.all(ids.map((id) => publish(stopped!.url, id)));
  await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
  stopped!.signal('SIGCONT');
  const refused = (await first).filter(({ error }) => error?.retry === false);
  t.deepEqual(refused, []);
  await cluster.agreed(PATIENCE_MS);
  for (const id of ids) t.is((await publish(other!.url, id)).error, undefined, id);
  const history = await fetch(`${other!.url}/v1/history/room?limit=1000`);
  const { messages } = (await history.json()) as { messages: { id: string }[] };
  const got = messages.map(({ id }) => id).filter((id) => id !== 'before');
  t.deepEqual(got.sort(), [...ids].sort());
});

/** An answer, or that there was none. */
async function publish(url: string, id: string): Promise<Answer> {
  try {
    const response = await fetch(`${url}/v1/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ channel: 'room', data: 'x'.repeat(10_000), id }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return (await response.json()) as Answer;
  } catch (error) {
    return { error: { code: 'none', message: String(error), retry: true } };
  }
}
