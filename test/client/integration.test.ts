/** The client against real nodes, over every transport. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect as connectSocket, type Socket } from 'node:net';
import test from 'ava';
import { SignJWT } from 'jose';
import { type Client, type ClientGap, connect, type Message, publisher, slotOf } from '../../lib/client/index.js';
import type { TransportName } from '../../lib/client/transports/transport.js';
import { TestCluster, until } from './cluster.js';

const TRANSPORTS: readonly TransportName[] = ['websocket', 'sse', 'poll'];

/** The address of the node that serves this client now. */
function servedBy(client: Client): string | undefined {
  return client.state.state === 'connected' ? client.state.url : undefined;
}

function listen(
  client: Client,
  channel: string,
  after: 'now' | 'start' = 'start',
): { texts: number[]; gaps: ClientGap[] } {
  const seen = { texts: [] as number[], gaps: [] as ClientGap[] };
  const subscription = client.subscribe(channel, { after });
  subscription.on('message', (m) => seen.texts.push(m.data as number));
  subscription.on('gap', (gap) => seen.gaps.push(gap));
  return seen;
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

for (const transport of TRANSPORTS) {
  test.serial(
    `over ${transport}: own channel, rooms, history and presence, wherever the client connects first`,
    async (t) => {
      const cluster = await TestCluster.start(3);
      t.teardown(() => cluster.close());
      const home = cluster.nodes[2]!;
      const channel = cluster.nameAt(home, '@user');
      const alice = connect(cluster.urls[0]!, { user: channel.slice(1), transports: [transport] });
      const bob = connect(cluster.urls[1]!, { transports: [transport] });
      t.teardown(() => Promise.all([alice.close(), bob.close()]));
      const own: Message[] = [];
      alice.on('message', (m) => own.push(m));
      const early = await bob.publish('room', { n: 1 });
      t.true(early.copies >= 2);
      const rooms: unknown[] = [];
      const room = alice.subscribe('room', { after: 'start' });
      room.on('message', (m) => rooms.push(m.data));
      const standing = new Promise((resolve) => room.once('subscribed', resolve));
      await standing;
      await bob.publish('room', { n: 2 });
      await bob.publish(channel, 'hello', { id: 'greeting-1' });
      await until('both rooms', () => rooms.length === 2);
      t.deepEqual(rooms, [{ n: 1 }, { n: 2 }]);
      await until('the greeting', () => own.length === 1);
      t.like(own[0], { id: 'greeting-1', channel, data: 'hello' });
      if (transport !== 'poll') await until('served by the owner', () => servedBy(alice) === home.url);
      const history = await room.history({ limit: 10 });
      t.deepEqual(
        history.messages.map((m) => m.data),
        [{ n: 1 }, { n: 2 }],
      );
      t.is(history.position, room.position!);
      const presence = await bob.presence(channel);
      t.deepEqual(presence, { users: [channel.slice(1)], count: 1 });
    },
  );

  test.serial(
    `over ${transport}: thousands of messages of two publishers in four rooms, each once and in order`,
    async (t) => {
      const cluster = await TestCluster.start(2);
      t.teardown(() => cluster.close());
      const reader = connect(cluster.urls, { transports: [transport] });
      const writers = [connect(cluster.urls), publisher(cluster.urls)];
      t.teardown(() => Promise.all([reader, ...writers].map((client) => client.close())));
      const rooms = upTo(4).map((i) => ({ channel: `room${i}`, seen: [] as [number, number][] }));
      for (const { channel, seen } of rooms) {
        reader.subscribe(channel, { after: 'start' }).on('message', (m) => seen.push(m.data as [number, number]));
      }
      const sends: Promise<unknown>[] = [];
      for (let n = 0; n < 300; n++) {
        for (const { channel } of rooms) sends.push(...writers.map((writer, w) => writer.publish(channel, [w, n])));
        if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(sends);
      for (const { channel, seen } of rooms) {
        await until(`${channel} is complete`, () => seen.length >= 600);
        for (const w of [0, 1]) {
          t.deepEqual(
            seen.filter(([writer]) => writer === w).map(([, n]) => n),
            upTo(300),
          );
        }
      }
    },
  );

  test.serial(`over ${transport}: a node leaves, and its clients miss and repeat nothing`, async (t) => {
    const cluster = await TestCluster.start(3);
    t.teardown(() => cluster.close());
    const leaving = cluster.nodes[1]!;
    const channel = cluster.nameAt(leaving, '@user');
    const reader = connect(cluster.urls, { user: channel.slice(1), transports: [transport] });
    const writer = connect(cluster.urls[0]!);
    t.teardown(() => Promise.all([reader.close(), writer.close()]));
    const seen: number[] = [];
    reader.on('message', (m) => seen.push(m.data as number));
    reader.on('gap', (gap) => t.fail(`gap: ${gap.reason}`));
    await new Promise((resolve) => reader.once('subscribed', resolve));
    let n = 0;
    let stopped = false;
    const left = cluster.stop(leaving, true).then(() => {
      stopped = true;
    });
    while (!stopped) await writer.publish(channel, n++);
    await left;
    for (let i = 0; i < 20; i++) await writer.publish(channel, n++);
    await until(`all ${n}`, () => seen.length >= n).catch(() => {});
    t.deepEqual(seen, upTo(n));
  });
}

test.serial('a node dies: everything acknowledged arrives, once and in order', async (t) => {
  const cluster = await TestCluster.start(3);
  t.teardown(() => cluster.close());
  const dying = cluster.nodes[1]!;
  const room = cluster.nameAt(dying, 'room');
  const readers = TRANSPORTS.map((transport) => connect(cluster.urls, { transports: [transport] }));
  const writer = connect(cluster.urls, { relay: true });
  const far = publisher(cluster.urls);
  t.teardown(() => Promise.all([...readers, writer, far].map((client) => client.close())));
  const seen = readers.map((reader) => listen(reader, room));
  const others = readers.map((reader) => listen(reader, 'elsewhere'));
  let n = 0;
  const publishOne = async (): Promise<void> => {
    const data = n++;
    await Promise.all([writer.publish(room, data), far.publish('elsewhere', data)]);
  };
  while (n < 50) await publishOne();
  const dead = cluster.stop(dying, false);
  while (n < 100) await publishOne();
  await dead;
  for (const { texts, gaps } of [...seen, ...others]) {
    await until('everything', () => texts.length >= n);
    t.deepEqual(texts, upTo(n));
    t.deepEqual(gaps, []);
  }
});

test.serial('away for longer than the history reaches back, a gap is told before the next message', async (t) => {
  const cluster = await TestCluster.start(1, { history: 10 });
  t.teardown(() => cluster.close());
  const writer = connect(cluster.urls);
  t.teardown(() => writer.close());
  const { position } = await writer.publish('room', -1);
  for (const n of upTo(30)) await writer.publish('room', n);
  for (const transport of TRANSPORTS) {
    const reader = connect(cluster.urls, { transports: [transport] });
    t.teardown(() => reader.close());
    const order: unknown[] = [];
    const room = reader.subscribe('room', { after: position });
    room.on('gap', (gap) => order.push(gap.reason));
    room.on('message', (m) => order.push(m.data));
    await until(`what is left over ${transport}`, () => order.includes(29));
    t.deepEqual(order, ['size', ...upTo(30).slice(20)], transport);
  }
});

test.serial('where WebSocket is not let through, SSE serves, and where that neither, long-poll', async (t) => {
  const cluster = await TestCluster.start(1);
  t.teardown(() => cluster.close());
  const writer = connect(cluster.urls);
  t.teardown(() => writer.close());
  for (const blocked of [['/v1/ws'], ['/v1/ws', '/v1/subscribe']]) {
    const proxy = await startProxy(cluster.urls[0]!, blocked);
    t.teardown(() => proxy.server.close());
    const reader = connect(proxy.url, { relay: true });
    t.teardown(() => reader.close());
    const room = `room without ${blocked.join(' and ')}`;
    await writer.publish(room, 0);
    const { texts } = listen(reader, room);
    await until(`a message in a ${room}`, () => texts.length === 1);
    await reader.publish(room, 1);
    await until('the own one', () => texts.length === 2);
    t.deepEqual(texts, [0, 1]);
    const used = new Set(proxy.served);
    t.is(used.has('/v1/subscribe'), !blocked.includes('/v1/subscribe'));
    t.is(used.has('/v1/poll'), blocked.includes('/v1/subscribe'));
  }
});

test.serial('an iterator that is not read pauses its subscription, and misses nothing', async (t) => {
  const cluster = await TestCluster.start(1, { history: 10_000, historyBytes: 16 * 1_024 * 1_024 });
  t.teardown(() => cluster.close());
  const client = connect(cluster.urls);
  const app = publisher(cluster.urls);
  t.teardown(() => Promise.all([client.close(), app.close()]));
  const room = client.subscribe('room', { after: 'start' });
  const iterator = room[Symbol.asyncIterator]();
  const other = listen(client, 'other');
  const outcomes = await app.publishMany(upTo(5_000).map((n) => ({ channel: 'room', data: n })));
  t.true(outcomes.every((outcome) => !('error' in outcome)));
  await app.publish('other', 1);
  await until('the other room', () => other.texts.length === 1);
  const seen: unknown[] = [];
  for await (const m of iterator) {
    seen.push(m.data);
    if (seen.length === 5_000) break;
  }
  t.deepEqual(seen, upTo(5_000));
});

test.serial('the next process goes on where the last one was', async (t) => {
  const cluster = await TestCluster.start(2);
  t.teardown(() => cluster.close());
  const writer = connect(cluster.urls);
  const first = connect(cluster.urls);
  t.teardown(() => writer.close());
  const before = listen(first, 'room');
  for (const n of upTo(5)) await writer.publish('room', n);
  await until('five', () => before.texts.length === 5);
  const state = JSON.parse(JSON.stringify(first.exportState()));
  await first.close();
  for (const n of [5, 6]) await writer.publish('room', n);
  const second = connect(cluster.urls, { state });
  t.teardown(() => second.close());
  const after: unknown[] = [];
  second.subscribe('room').on('message', (m) => after.push(m.data));
  await until('two more', () => after.length >= 2);
  t.deepEqual(after, [5, 6]);
});

test.serial('tokens: who they name, what they allow, and a fresh one when the last has run out', async (t) => {
  const secret = 'a-secret-of-at-least-thirty-two-bytes!';
  const cluster = await TestCluster.start(1, { tokenSecret: secret, apiKey: 'key-of-the-app' });
  t.teardown(() => cluster.close());
  const key = new TextEncoder().encode(secret);
  const sign = (sub: string, seconds: number): Promise<string> =>
    new SignJWT({ channels: { sub: ['room*'], pub: ['room*'] } })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(sub)
      .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
      .sign(key);
  for (const transport of TRANSPORTS) {
    let asked = 0;
    const getToken = (): Promise<string> => sign('alice', asked++ === 0 ? -60 : 600);
    const alice = connect(cluster.urls, { getToken, transports: [transport] });
    t.teardown(() => alice.close());
    const own: unknown[] = [];
    alice.on('message', (m) => own.push(m.data));
    const room = alice.subscribe('room1', { after: 'start' });
    await new Promise((resolve) => room.once('subscribed', resolve));
    t.is(asked, 2, 'the first had run out');
    await alice.publish('room1', transport);
    await t.throwsAsync(alice.publish('other', 1), { code: 'forbidden' });
    const refused = alice.subscribe('secret');
    const error = await new Promise<Error>((resolve) => refused.once('error', resolve));
    t.like(error, { code: 'forbidden' });
    const app = publisher(cluster.urls, { apiKey: 'key-of-the-app' });
    t.teardown(() => app.close());
    await app.publish('@alice', transport);
    await until('the own channel', () => own.includes(transport));
  }
  const stranger = connect(cluster.urls, { token: await sign('eve', -60) });
  await until('refused for good', () => stranger.state.state === 'closed');
  t.like(stranger.state, { error: { code: 'unauthorized' } });
  const thief = publisher(cluster.urls, { apiKey: 'wrong' });
  t.teardown(() => thief.close());
  await t.throwsAsync(thief.publish('room1', 1));
});

test.serial('the publisher sends straight to owners, and survives the loss of one', async (t) => {
  const cluster = await TestCluster.start(3);
  t.teardown(() => cluster.close());
  const app = publisher(cluster.urls[0]!);
  t.teardown(() => app.close());
  await until('the table', () => app.ownerOf('room0') !== undefined);
  const channels = upTo(30).map((i) => `room${i}`);
  for (const channel of channels) t.is(app.ownerOf(channel), cluster.ownerOf(channel).url);
  const before = cluster.nodes.map((node) => node.stats.publishesWs);
  await app.publishMany(channels.map((channel) => ({ channel, data: 0 })));
  await app.publishMany(channels.flatMap((channel) => upTo(20).map((n) => ({ channel, data: n + 1 }))));
  cluster.nodes.forEach((node, i) => {
    const owned = channels.filter((channel) => cluster.ownerOf(channel) === node).length;
    t.true(node.stats.publishesWs - before[i]! >= owned * 20, `node ${i} got what it owns`);
  });
  const pending = app.publishMany(channels.flatMap((channel) => upTo(20).map((n) => ({ channel, data: n + 21 }))));
  await cluster.stop(cluster.nodes[1]!, false);
  const outcomes = await pending;
  t.deepEqual(
    outcomes.filter((outcome) => 'error' in outcome),
    [],
  );
  const reader = connect(cluster.urls);
  t.teardown(() => reader.close());
  const rooms = channels.map((channel) => listen(reader, channel));
  for (const { texts } of rooms) {
    await until('all', () => texts.length >= 41);
    t.deepEqual(texts, upTo(41));
  }
});

test.serial('same id, one message: from whichever process it comes, and in its place', async (t) => {
  const cluster = await TestCluster.start(2);
  t.teardown(() => cluster.close());
  const [one, two] = [connect(cluster.urls[0]!), publisher(cluster.urls[1]!)];
  t.teardown(() => Promise.all([one.close(), two.close()]));
  const results = await Promise.all([
    one.publish('room', 0),
    one.publish('room', 1, { id: 'order-1' }),
    one.publish('room', 2),
    one.publish('room', 3, { id: 'order-3' }),
  ]);
  const again = await two.publish('room', 1, { id: 'order-1' });
  t.is(again.position, results[1]!.position);
  await two.publish('room', 4);
  const { messages } = await one.history('room');
  t.deepEqual(
    messages.map((m) => m.data),
    [0, 1, 2, 3, 4],
  );
});

test.serial('what is malformed is refused before it is sent', async (t) => {
  const cluster = await TestCluster.start(1);
  t.teardown(() => cluster.close());
  const client = connect(cluster.urls);
  t.teardown(() => client.close());
  await t.throwsAsync(client.publish('', 1), { code: 'bad-channel' });
  await t.throwsAsync(client.publish('a\nb', 1), { code: 'bad-channel' });
  await t.throwsAsync(client.publish('é'.repeat(128), 1), { code: 'bad-channel' });
  await t.throwsAsync(client.publish('room', undefined), { code: 'bad-request' });
  await t.throwsAsync(client.publish('room', 'x'.repeat(70_000)), { code: 'too-large' });
  await t.throwsAsync(client.publish('room', 1, { id: '' }), { code: 'bad-id' });
  t.throws(() => client.subscribe(''), { code: 'bad-channel' });
  client.subscribe('room');
  t.throws(() => client.subscribe('room'), { code: 'bad-request' });
  t.throws(() => connect([]), { code: 'bad-request' });
  t.throws(() => connect('ftp://x'), { code: 'bad-request' });
  t.throws(() => connect('http://x', { transports: ['carrier-pigeon' as 'sse'] }), { code: 'bad-request' });
  const bytes = Uint8Array.from([0, 255, 10]);
  const binary = client.subscribe('binary', { after: 'start' });
  await client.publish('binary', bytes);
  for await (const m of binary) {
    t.deepEqual(Uint8Array.from(m.data as Uint8Array), bytes);
    break;
  }
  t.is(slotOf('room', 1_024), cluster.nodes[0]!.core.locate('room').slot & 1_023);
});

/** Passes everything on but some paths. */
async function startProxy(
  target: string,
  blocked: readonly string[],
): Promise<{ url: string; server: Server; served: string[] }> {
  const { hostname, port } = new URL(target);
  const served: string[] = [];
  const server = createServer({ keepAlive: false });
  const pass = (path: string, head: string, socket: Socket, body: (to: Socket) => void): void => {
    served.push(path);
    const to = connectSocket(Number(port), hostname);
    to.on('error', () => socket.destroy());
    socket.on('error', () => to.destroy());
    socket.on('close', () => to.destroy());
    to.on('close', () => socket.destroy());
    to.write(head);
    body(to);
    to.pipe(socket);
  };
  server.on('upgrade', (_request, socket) => socket.destroy());
  server.on('request', (request, response) => {
    const path = request.url!.split('?', 1)[0]!;
    if (blocked.some((prefix) => path.startsWith(prefix))) {
      response.socket!.destroy();
      return;
    }
    const headers = request.rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
    const head = `${request.method} ${request.url} HTTP/1.1\r\n${headers.replace(/connection: [^\r]*\r\n/i, '')}Connection: close\r\n\r\n`;
    const socket = response.socket!;
    response.detachSocket(socket);
    pass(path, head, socket, (to) => request.pipe(to, { end: false }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, served };
}
