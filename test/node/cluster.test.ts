import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Node } from '../../lib/node/node.js';
import { CLOSE } from '../../lib/wire/errors.js';
import { call, post, Stream, startCluster, startNode, until, Watcher } from './running.js';
import { startAlone } from './started.js';

const SSE = { accept: 'text/event-stream' };

/** A user whose own channel the node owns, or does not own. */
function userOf(node: Node, isOwn: boolean): string {
  for (let i = 0; ; i++) if (node.core.homeOf(`@user${i}`).self === isOwn) return `user${i}`;
}

test('three nodes take publishes anywhere and give everyone every message once', async (t) => {
  const nodes = await startCluster(t, 3);
  const readers = await Promise.all(
    nodes.map((node) => new Watcher(t, `${node.url}/v1/ws?channel=room&relay=1`).opened()),
  );
  for (const reader of readers) await reader.next('subscribed');
  for (let i = 0; i < 30; i++) {
    const { status, body } = await post(nodes[i % 3]!, '/v1/publish', { channel: 'room', data: i });
    t.is(status, 200, JSON.stringify(body));
    t.true(body.copies >= 2);
  }
  for (const reader of readers) {
    await reader.next('message', 30);
    t.deepEqual(
      reader.of('message').map((message) => message.data),
      Array.from({ length: 30 }, (_, i) => i),
    );
  }
  for (const node of nodes) t.is((await call(node, '/v1/history/room')).body.messages.length, 30);
});

test('a WebSocket at the wrong node is told the right one and closed with 4301', async (t) => {
  const nodes = await startCluster(t, 3);
  const user = userOf(nodes[0]!, false);
  const lost = await new Watcher(t, `${nodes[0]!.url}/v1/ws`).opened();
  lost.send({ type: 'connect', user });
  const { url } = await lost.next('redirect');
  t.is((await lost.end()).code, CLOSE.redirect);
  const home = nodes.find((node) => node.url === url)!;
  t.true(home.core.homeOf(`@${user}`).self);
  const found = await new Watcher(t, `${url}/v1/ws?user=${user}`).opened();
  t.is((await found.next('connected')).node, home.id);
  t.true((await found.next('connected')).next.length > 0, 'and where to go should this one die');
});

test('an anonymous WebSocket is sent to the owner of its first channel', async (t) => {
  const nodes = await startCluster(t, 2);
  const channel = `@${userOf(nodes[0]!, false)}`;
  const lost = await new Watcher(t, `${nodes[0]!.url}/v1/ws`).opened();
  lost.send({ type: 'subscribe', channel });
  t.is((await lost.next('redirect')).url, nodes[1]!.url);
  t.is((await lost.end()).code, CLOSE.redirect);
});

test('streams and polls at the wrong node are redirected with 307, also for pages of other origins', async (t) => {
  const nodes = await startCluster(t, 2);
  const user = userOf(nodes[0]!, false);
  for (const path of [`/v1/subscribe?user=${user}&after=start`, `/v1/poll?user=${user}&wait=0`]) {
    const reply = await call(nodes[0]!, path, { headers: { ...SSE, origin: 'http://127.0.0.1:1' } });
    t.is(reply.status, 307);
    t.is(reply.headers.get('location'), nodes[1]!.url + path);
    t.is(reply.headers.get('access-control-allow-origin'), 'http://127.0.0.1:1');
  }
  const followed = await Stream.open(t, `${nodes[0]!.url}/v1/subscribe?user=${user}`, SSE);
  t.true(followed.response.url.startsWith(nodes[1]!.url));
  await until(() => followed.events.some((each) => each.event === 'subscribed'));
  await post(nodes[0]!, '/v1/publish', { channel: `@${user}`, data: 1 });
  await until(() => followed.messages.length === 1);
  const home = await call(nodes[1]!, `/v1/poll?user=${user}&wait=0`);
  t.is(home.status, 200);
});

test('who asks to be relayed is served where it is', async (t) => {
  const nodes = await startCluster(t, 2);
  const user = userOf(nodes[0]!, false);
  const socket = await new Watcher(t, `${nodes[0]!.url}/v1/ws`).opened();
  socket.send({ type: 'connect', user, relay: true });
  t.is((await socket.next('connected')).node, nodes[0]!.id);
  const stream = await Stream.open(t, `${nodes[0]!.url}/v1/subscribe?user=${user}&relay=1`, SSE);
  await socket.next('subscribed');
  await until(() => stream.events.some((each) => each.event === 'subscribed'));
  await post(nodes[1]!, '/v1/publish', { channel: `@${user}`, data: 'x' });
  t.is((await socket.next('message')).data, 'x');
  await until(() => stream.messages.length === 1);
});

test('a node with relay on redirects nobody', async (t) => {
  const nodes = await startCluster(t, 2, { relay: true });
  const user = userOf(nodes[0]!, false);
  const socket = await new Watcher(t, `${nodes[0]!.url}/v1/ws?user=${user}`).opened();
  t.is((await socket.next('connected')).node, nodes[0]!.id);
  t.is((await call(nodes[0]!, `/v1/poll?user=${user}&wait=0`)).status, 200);
});

test('presence is the same on every node', async (t) => {
  const nodes = await startCluster(t, 2);
  for (const [i, node] of nodes.entries()) {
    const watcher = await new Watcher(t, `${node.url}/v1/ws?user=u${i}&channel=room&relay=1`).opened();
    await watcher.next('subscribed', 2);
  }
  for (const node of nodes) t.deepEqual((await call(node, '/v1/presence/room')).body.users, ['u0', 'u1']);
});

test('a node that leaves takes nothing with it', async (t) => {
  const nodes = await startCluster(t, 3);
  for (let i = 0; i < 20; i++) await post(nodes[i % 3]!, '/v1/publish', { channel: `c${i}`, data: i });
  await nodes[0]!.close();
  for (let i = 0; i < 20; i++) {
    const { body } = await call(nodes[1 + (i % 2)]!, `/v1/history/c${i}`);
    t.deepEqual(
      body.messages.map((message: { data: unknown }) => message.data),
      [i],
    );
  }
  t.is((await post(nodes[1]!, '/v1/publish', { channel: 'after', data: 1 })).status, 200);
});

test('nodes with a secret seal what they say to each other', async (t) => {
  const nodes = await startCluster(t, 2, { clusterSecret: 'correct horse battery staple' });
  const published = await post(nodes[0]!, '/v1/publish', { channel: 'room', data: 1 });
  t.is(published.body.copies, 2);
});

for (const [what, own, theirs, warning] of [
  ['without the secret', {}, { clusterSecret: 'a' }, /secret: the cluster secret is missing or another one/],
  ['with another secret', { clusterSecret: 'b' }, { clusterSecret: 'a' }, /secret: the cluster secret is missing/],
  [
    'of another cluster',
    { cluster: 'blue' },
    { cluster: 'green' },
    /differs: --cluster is "blue" here and "green" there/,
  ],
  ['with other slots', { slots: 64 }, { slots: 128 }, /differs: --slots is 64 here and 128 there/],
  ['with other copies', { copies: 2 }, { copies: 3 }, /differs: --copies is 2 here and 3 there/],
  ['with other acks', { acks: 1 }, { acks: 2 }, /differs: --acks is 1 here and 2 there/],
] as const) {
  test(`a node ${what} is refused with a message that says so, and the others go on`, async (t) => {
    const member = await startNode(t, theirs);
    const { warnings } = startAlone(t, { seeds: [member.url], ...own });
    await until(() => warnings.length > 0);
    t.regex(warnings[0]!, warning);
    t.is(member.core.cluster().nodes.length, 1);
    t.is((await post(member, '/v1/publish', { channel: 'c', data: 1 })).status, 200);
  });
}

test('a port that is taken is an error with its code', async (t) => {
  const node = await startNode(t);
  const port = Number(new URL(node.url).port);
  const error = await t.throwsAsync(startNode(t, { port }));
  t.is((error as NodeJS.ErrnoException).code, 'EADDRINUSE');
});

test('a seed that nobody answers at is warned of, and tried again', async (t) => {
  const gone = await startNode(t);
  const seed = gone.url;
  await gone.close();
  const { warnings } = startAlone(t, { seeds: [seed] });
  await until(() => warnings.length > 0);
  t.regex(warnings[0]!, /nobody listens there/);
  const back = await startNode(t, { port: Number(new URL(seed).port) });
  await until(() => back.core.cluster().nodes.length === 2);
});

test('of two processes with one identity one stays, and the other says why it stopped', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'halod-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const keyFile = join(directory, 'node.key');
  const first = await startNode(t, { keyFile });
  const other = await startNode(t, { seeds: [first.url] });
  const stopped: string[] = [];
  first.once('superseded', () => stopped.push(first.url));
  const second = await startNode(t, { keyFile, seeds: [other.url] });
  second.once('superseded', () => stopped.push(second.url));
  t.is(second.id, first.id);
  await until(() => stopped.length > 0);
  const left = stopped[0] === first.url ? second : first;
  await until(() => other.core.cluster().nodes.find((node) => node.id === left.id)?.url === left.url);
  t.is(stopped.length, 1);
});
