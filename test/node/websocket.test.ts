import { connect } from 'node:net';
import test from 'ava';
import { Packr } from 'msgpackr';
import { readServerMsgpack } from '../../lib/wire/codec-client-msgpack.js';
import { CLOSE } from '../../lib/wire/errors.js';
import { LIMITS } from '../../lib/wire/limits.js';
import { call, post, startNode, until, Watcher } from './running.js';

const packr = new Packr({ useRecords: false });

test('a user who connects reads the own channel and is told where it is', async (t) => {
  const node = await startNode(t);
  const alice = await new Watcher(t, `${node.url}/v1/ws`).opened();
  alice.send({ type: 'connect', user: 'alice' });
  const connected = await alice.next('connected');
  t.is(connected.user, 'alice');
  t.is(connected.node, node.id);
  t.is(connected.url, node.url);
  t.is((await alice.next('subscribed')).channel, '@alice');
  await post(node, '/v1/publish', { channel: '@alice', data: { hi: 1 } });
  const message = await alice.next('message');
  t.is(message.channel, '@alice');
  t.deepEqual(message.data, { hi: 1 });
});

test('the query of the URL stands for a connect message and subscriptions', async (t) => {
  const node = await startNode(t);
  await post(node, '/v1/publish', { channel: 'room', data: 1 });
  const reader = await new Watcher(t, `${node.url}/v1/ws?channel=room&after=start`).opened();
  t.is((await reader.next('connected')).user, '');
  t.is((await reader.next('message')).data, 1);
});

test('a position in the URL is for the channels that it was given for', async (t) => {
  const node = await startNode(t);
  const publish = (channel: string, data: number) => post(node, '/v1/publish', { channel, data });
  const query = 'channel=a&channel=b&user=u';
  const { position } = (await call(node, `/v1/poll?${query}&wait=0`)).body;
  const single = (await publish('a', 1)).body.position;
  await publish('@u', 2);
  const open = (after: string) => new Watcher(t, `${node.url}/v1/ws?${query}&after=${encodeURIComponent(after)}`);
  const reader = await open(position).opened();
  await reader.next('message', 2);
  await reader.next('subscribed', 3);
  t.deepEqual(
    reader
      .of('message')
      .map((each) => each.data)
      .sort(),
    [1, 2],
  );
  t.deepEqual(reader.of('gap'), []);
  t.true(reader.of('subscribed').every((each) => each.recovered));
  const refused = open(single);
  t.is((await refused.next('error')).error.code, 'bad-position');
  t.is((await refused.end()).code, CLOSE.badFrame);
});

test('a ping is answered with what it carries', async (t) => {
  const node = await startNode(t);
  const reader = await new Watcher(t, `${node.url}/v1/ws?user=alice`).opened();
  const answers: string[] = [];
  reader.ws.on('pong', (content) => answers.push(content.toString()));
  reader.ws.ping('');
  reader.ws.ping('still there?');
  reader.ws.ping('x'.repeat(125));
  await until(() => answers.length === 3, 'an answer to each ping');
  t.deepEqual(answers, ['', 'still there?', 'x'.repeat(125)]);
});

test('several messages may stand in one frame', async (t) => {
  const node = await startNode(t);
  const client = await new Watcher(t, `${node.url}/v1/ws`).opened();
  client.send([
    { type: 'connect', user: 'u' },
    { type: 'subscribe', channel: 'room' },
    { type: 'publish', ref: 1, messages: [{ channel: 'room', data: { a: [1, 2] } }] },
    { type: 'ping' },
  ]);
  await client.next('pong');
  const published = await client.next('published');
  t.is(published.ref, 1);
  t.deepEqual((await client.next('message')).data, { a: [1, 2] });
});

test('calls are answered by their ref', async (t) => {
  const node = await startNode(t);
  const client = await new Watcher(t, `${node.url}/v1/ws?user=u&channel=room`).opened();
  await client.next('subscribed', 2);
  client.send({
    type: 'publish',
    ref: 7,
    messages: [
      { channel: 'room', data: 'a' },
      { channel: '', data: 'b' },
    ],
  });
  const published = await client.next('published');
  t.is(published.ref, 7);
  t.true('copies' in published.results[0]!);
  t.like(published.results[1], { error: { code: 'bad-channel', retry: false } });
  client.send({ type: 'history', ref: 8, channel: 'room', limit: 10 });
  const history = await client.next('history');
  t.is(history.ref, 8);
  t.deepEqual(
    history.messages.map((message) => message.data),
    ['a'],
  );
  client.send({ type: 'presence', ref: 9, channel: 'room' });
  t.like(await client.next('presence'), { ref: 9, users: ['u'], count: 1 });
  client.send({ type: 'unsubscribe', channel: 'room' });
  await client.next('unsubscribed');
  await post(node, '/v1/publish', { channel: 'room', data: 'c' });
  client.send({ type: 'ping' });
  await client.next('pong');
  t.is(client.of('message').length, 1);
});

test('a reader resumes after the position of the last message it has', async (t) => {
  const node = await startNode(t);
  const publish = (data: number) => post(node, '/v1/publish', { channel: 'room', data });
  const first = await new Watcher(t, `${node.url}/v1/ws?channel=room`).opened();
  await first.next('subscribed');
  await publish(1);
  const { position } = await first.next('message');
  first.ws.close();
  await publish(2);
  await publish(3);
  const second = await new Watcher(t, `${node.url}/v1/ws?channel=room&after=${encodeURIComponent(position)}`).opened();
  t.true((await second.next('subscribed')).recovered);
  await second.next('message', 2);
  await publish(4);
  await second.next('message', 3);
  t.deepEqual(
    second.of('message').map((message) => message.data),
    [2, 3, 4],
  );
});

test('MessagePack carries the same messages, and bytes as they are', async (t) => {
  const node = await startNode(t);
  const decode = (data: Buffer) => readServerMsgpack(data);
  const client = await new Watcher(t, `${node.url}/v1/ws`, ['halod.v1.msgpack'], { decode }).opened();
  t.is(client.ws.protocol, 'halod.v1.msgpack');
  client.ws.send(packr.pack({ type: 'connect', user: 'u' }));
  client.ws.send(packr.pack({ type: 'subscribe', channel: 'room' }));
  await client.next('subscribed', 2);
  const bytes = Buffer.from([0, 1, 2, 255]);
  const messages = [
    { channel: 'room', data: bytes },
    { channel: 'room', data: { text: 'hi' } },
  ];
  client.ws.send(packr.pack([{ type: 'publish', ref: 1, messages }]));
  await client.next('message', 2);
  t.deepEqual(Buffer.from(client.of('message')[0]!.data as Uint8Array), bytes);
  t.deepEqual(client.of('message')[1]!.data, { text: 'hi' });
  t.true(client.frames.every((frame) => frame.isBinary));
  const json = (await call(node, '/v1/history/room')).body.messages[0];
  t.is(json.data, bytes.toString('base64'));
  t.is(json.encoding, 'base64');
});

test('a message that makes no sense is refused by its ref, and the connection goes on', async (t) => {
  const node = await startNode(t);
  const client = await new Watcher(t, `${node.url}/v1/ws?user=u`).opened();
  for (const [message, code] of [
    [{ type: 'dance', ref: 1 }, 'bad-request'],
    [{ type: 'publish', ref: 2 }, 'bad-request'],
    [{ type: 'subscribe', ref: 5 }, 'bad-channel'],
    [{ type: 'subscribe', ref: 6, channel: 'x'.repeat(256) }, 'bad-channel'],
    [{ type: 'subscribe', ref: 7, channel: 'c', after: '?' }, 'bad-position'],
    [{ type: 'history', ref: 8, channel: 'c', limit: -1 }, 'bad-request'],
    [7, 'bad-request'],
  ] as const) {
    const before = client.of('error').length;
    client.send(message);
    const { error, ref } = await client.next('error', before + 1);
    t.is(error.code, code, JSON.stringify(message).slice(0, 80));
    if (typeof message === 'object' && 'messages' in message) t.is(ref, message.ref);
  }
  client.send({ type: 'ping' });
  await client.next('pong');
  t.is(client.closed, undefined);
});

test('messages of one frame are published or refused each by itself, in order', async (t) => {
  const node = await startNode(t);
  const bad = [5, {}, { channel: 'c' }, { data: 1 }, { channel: 'c', data: 'x'.repeat(LIMITS.dataBytesMax) }];
  const messages = bad.flatMap((each) => [each, { channel: 'c', data: 1 }]);
  const codes = ['bad-request', 'bad-channel', 'bad-request', 'bad-channel', 'too-large'];
  const expected = codes.flatMap((code) => [{ error: { code } }, { channel: 'c' }]);
  const text = await new Watcher(t, `${node.url}/v1/ws?user=u`).opened();
  text.send({ type: 'publish', ref: 1, messages });
  t.like((await text.next('published')).results, expected as object[]);
  const decode = (data: Buffer) => readServerMsgpack(data);
  const binary = await new Watcher(t, `${node.url}/v1/ws?user=u`, ['halod.v1.msgpack'], { decode }).opened();
  binary.ws.send(packr.pack({ type: 'publish', ref: 2, messages }));
  t.like((await binary.next('published')).results, expected as object[]);
  t.deepEqual(text.of('error'), []);
});

for (const [what, send, code] of [
  ['text that is no JSON', (client: Watcher) => client.ws.send('{"type":'), CLOSE.badFrame],
  ['binary noise', (client: Watcher) => client.ws.send(Buffer.from([0xc1, 0xff, 0x00])), CLOSE.badFrame],
  ['text that is no UTF-8', (client: Watcher) => client.ws.send(Buffer.from([0xff, 0xfe]), { binary: false }), 1007],
  ['a frame over its limit', (client: Watcher) => client.ws.send('x'.repeat(LIMITS.clientFrameBytesMax + 1)), 1009],
  [
    'a thousand messages too many',
    (client: Watcher) => client.send(new Array(1_001).fill({ type: 'ping' })),
    CLOSE.tooLarge,
  ],
] as const) {
  test(`a client that sends ${what} is closed with ${code}, and nobody else notices`, async (t) => {
    const node = await startNode(t);
    const other = await new Watcher(t, `${node.url}/v1/ws?user=other`).opened();
    const client = await new Watcher(t, `${node.url}/v1/ws?user=u`).opened();
    await client.next('connected');
    send(client);
    t.is((await client.end()).code, code);
    await post(node, '/v1/publish', { channel: '@other', data: 1 });
    await other.next('message');
    t.is(other.closed, undefined);
    await until(() => node.stats.webSockets === 1);
  });
}

for (const [what, bytes] of [
  ['lists that claim more than there is', Buffer.alloc(65_536, 0xdd)],
  ['an extension', Buffer.from([0xc7, 1, 0x78, 0])],
  ['a record', Buffer.from([0xd4, 0x72, 0x40])],
  ['a hundred levels', Buffer.concat([Buffer.alloc(100, 0x91), Buffer.from([1])])],
  ['too many values', packr.pack(new Array(5_000).fill(1))],
  ['bytes left over', Buffer.from([0x80, 0x80])],
] as const) {
  test(`MessagePack with ${what} is refused before it is decoded`, async (t) => {
    const node = await startNode(t);
    const decode = (data: Buffer) => readServerMsgpack(data);
    const client = await new Watcher(t, `${node.url}/v1/ws?user=u`, ['halod.v1.msgpack'], { decode }).opened();
    await client.next('connected');
    client.ws.send(bytes);
    t.true([CLOSE.badFrame, CLOSE.tooLarge].includes((await client.end()).code as 4400));
    t.is(client.of('error').length, 1);
  });
}

test('an upgrade that cannot be served is answered with a status', async (t) => {
  const node = await startNode(t);
  const status = async (path: string, protocols: string[] = [], headers: Record<string, string> = {}) => {
    const watcher = new Watcher(t, `${node.url}${path}`, protocols, { headers });
    await until(() => watcher.failure !== undefined);
    return watcher.failure;
  };
  t.is(await status('/v2/ws'), 'Unexpected server response: 404');
  t.is(await status('/v1/ws', ['mqtt']), 'Unexpected server response: 400');
  t.is(await status('/v1/ws', [], { origin: 'https://evil.example' }), 'Unexpected server response: 403');
  t.is(await status('/v1/ws?channel='), 'Unexpected server response: 400');
  t.is(await status('/v1/peer', ['halod.v1.peer'], { origin: 'http://127.0.0.1' }), 'Unexpected server response: 403');
});

test('a handshake that is none is refused in words', async (t) => {
  const node = await startNode(t);
  const { port } = new URL(node.url);
  for (const upgrade of ['websocket', 'h2c']) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(`GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    t.regex(answer, /^HTTP\/1.1 400 /);
    t.like(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))), { error: { code: 'bad-request', retry: false } });
  }
});

test('a reader that does not read is cut off, and slows nobody', async (t) => {
  const node = await startNode(t, { history: 100 });
  const slow = await new Watcher(t, `${node.url}/v1/ws?channel=flood`).opened();
  await slow.next('subscribed');
  (slow.ws as unknown as { _socket: { pause(): void } })._socket.pause();
  const quick = await new Watcher(t, `${node.url}/v1/ws?channel=flood`).opened();
  await quick.next('subscribed');
  const data = 'x'.repeat(60_000);
  let sent = 0;
  while (node.stats.slow === 0 && sent < 2_000) {
    await post(node, '/v1/publish', { messages: new Array(15).fill({ channel: 'flood', data }) });
    sent += 15;
    await until(() => quick.of('message').length === sent);
  }
  t.is(node.stats.slow, 1);
  t.is(quick.of('message').length, sent);
  await until(() => node.stats.webSockets === 1);
});

test('a node that stops says so with a code', async (t) => {
  const node = await startNode(t);
  const client = await new Watcher(t, `${node.url}/v1/ws?user=u`).opened();
  await client.next('connected');
  await node.close();
  t.is((await client.end()).code, CLOSE.draining);
});

test('a reader with more to catch up on than may wait gets it in parts, by coming back', async (t) => {
  const node = await startNode(t, { history: 1_000, historyBytes: 64 * 1024 * 1024 });
  const data = 'x'.repeat(60_000);
  for (let i = 0; i < 10; i++) {
    await post(node, '/v1/publish', { messages: new Array(15).fill({ channel: 'big', data }) });
  }
  let after = 'start';
  let got = 0;
  for (let visits = 1; got < 150; visits++) {
    t.true(visits <= 5, `${got} messages after ${visits} visits`);
    const url = `${node.url}/v1/ws?channel=big&after=${encodeURIComponent(after)}`;
    const reader = await new Watcher(t, url).opened();
    await until(() => reader.closed !== undefined || got + reader.of('message').length === 150);
    if (reader.closed !== undefined) t.is(reader.closed.code, CLOSE.slow);
    got += reader.of('message').length;
    after = reader.of('message').at(-1)!.position;
    reader.ws.terminate();
  }
  t.is(got, 150);
});
