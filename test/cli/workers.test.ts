/** `halod start --workers`: several member nodes behind one port, as processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const MAIN = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));

interface Ready {
  readonly url: string;
  readonly workers: readonly { id: string; url: string; pid: number }[];
}

async function startGroup(...flags: string[]): Promise<{ child: ChildProcess; ready: Ready }> {
  const child = spawn(process.execPath, [MAIN, 'start', '--port', '0', '--json', '--slots', '64', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout! })) {
    const event = JSON.parse(line) as Ready & { event: string };
    if (event.event === 'ready') return { child, ready: event };
  }
  throw new Error('the group ended before it served');
}

test.serial('workers are members of one cluster, serve one port, and leave together', async (t) => {
  const { child, ready } = await startGroup('--workers', '2', '--drain-timeout', '5s');
  t.teardown(() => child.kill('SIGKILL'));
  t.is(ready.workers.length, 2);
  const asked = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const response = await fetch(`${ready.url}/v1/cluster`, { headers: { connection: 'close' } });
      return (await response.json()) as { self: string; nodes: { id: string }[] };
    }),
  );
  t.deepEqual([...new Set(asked.map((a) => a.self))].sort(), ready.workers.map((w) => w.id).sort());
  t.true(asked.every((a) => a.nodes.length === 2));
  const body = JSON.stringify({ channel: 'room', data: 1 });
  const headers = { 'content-type': 'application/json' };
  const published = await fetch(`${ready.url}/v1/publish`, { method: 'POST', headers, body });
  t.is(published.status, 200);
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  t.is(code, 0);
});

test.serial('a group that is drained through its port leaves as a whole', async (t) => {
  const { child, ready } = await startGroup('--host', '::1', '--workers', '2', '--drain-timeout', '5s');
  t.teardown(() => child.kill('SIGKILL'));
  t.regex(ready.url, /^http:\/\/\[::1\]:\d+$/);
  const ended = once(child, 'exit');
  const drain = spawn(process.execPath, [MAIN, 'drain', '--node', ready.url], { stdio: 'ignore' });
  const [code] = (await once(drain, 'exit')) as [number];
  t.is(code, 0);
  t.is((await ended)[0], 0);
});

test.serial('a worker that is killed is started again', async (t) => {
  const { child, ready } = await startGroup('--workers', '2');
  t.teardown(() => child.kill('SIGTERM'));
  process.kill(ready.workers[1]!.pid, 'SIGKILL');
  const serving = async (): Promise<number> => {
    const response = await fetch(`${ready.workers[0]!.url}/v1/cluster`);
    const { nodes } = (await response.json()) as { nodes: { id: string; state: string }[] };
    return nodes.filter((n) => n.state === 'alive' && n.id !== ready.workers[1]!.id).length;
  };
  const until = Date.now() + 30_000;
  let alive = await serving();
  while (alive < 2 && Date.now() < until) alive = await serving();
  t.is(alive, 2);
});

test.serial('workers that were killed together find their history again', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'halod-workers-'));
  t.teardown(() => rm(data, { recursive: true, force: true }));
  const first = await startGroup('--workers', '2', '--data', data);
  t.teardown(() => first.child.kill('SIGKILL'));
  const body = JSON.stringify({ messages: Array.from({ length: 50 }, (_, i) => ({ channel: `room-${i}`, data: i })) });
  const headers = { 'content-type': 'application/json' };
  const published = await fetch(`${first.ready.url}/v1/publish`, { method: 'POST', headers, body });
  const { results } = (await published.json()) as { results: { copies?: number }[] };
  t.deepEqual(
    results.map(({ copies }) => copies),
    Array.from({ length: 50 }, () => 2),
  );
  const ended = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  for (const { pid } of first.ready.workers) process.kill(pid, 'SIGKILL');
  await ended;
  const second = await startGroup('--workers', '2', '--data', data);
  t.teardown(() => second.child.kill('SIGTERM'));
  t.deepEqual(second.ready.workers.map(({ id }) => id).sort(), first.ready.workers.map(({ id }) => id).sort());
  for (const { url } of second.ready.workers) {
    for (let i = 0; i < 50; i++) {
      const response = await fetch(`${url}/v1/history/room-${i}`);
      const { messages } = (await response.json()) as { messages: { data: number }[] };
      t.deepEqual(
        messages.map((message) => message.data),
        [i],
      );
    }
  }
});

test.serial('what cannot go with workers is refused', async (t) => {
  const child = spawn(process.execPath, [MAIN, 'start', '--workers', '2', '--advertise', 'http://x'], {
    stdio: 'ignore',
  });
  const [code] = (await once(child, 'exit')) as [number];
  t.is(code, 2);
});
