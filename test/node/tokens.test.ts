import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { CLOSE } from '../../lib/wire/errors.js';
import { call, post, Stream, startCluster, startNode, until, Watcher } from './running.js';

const SECRET = 'a secret of more than thirty-two bytes';
const KEY = 'the api key';

function sign(claims: JWTPayload, secret = SECRET, expires: string | number = '1h'): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

test('a token says who the user is, whatever the query says', async (t) => {
  const node = await startNode(t, { tokenSecret: SECRET });
  const token = await sign({ sub: 'alice' });
  const watcher = await new Watcher(t, `${node.url}/v1/ws?user=bob`).opened();
  watcher.send({ type: 'connect', user: 'bob', token });
  t.is((await watcher.next('connected')).user, 'alice');
  const stream = await Stream.open(t, `${node.url}/v1/subscribe?user=bob&token=${token}`);
  await until(() => stream.events.some((each) => each.event === 'subscribed'));
  t.is(stream.events.find((each) => each.event === 'subscribed')!.data.channel, '@alice');
});

test('nobody gets in with a token that is missing, forged, expired or of another kind', async (t) => {
  const node = await startNode(t, { tokenSecret: SECRET });
  const now = Math.floor(Date.now() / 1_000);
  const tokens = {
    missing: '',
    noise: 'noise',
    forged: await sign({ sub: 'alice' }, 'another secret of thirty-two bytes!'),
    expired: await sign({ sub: 'alice' }, SECRET, now - 60),
    'without sub': await sign({}),
    'with an empty sub': await sign({ sub: '' }),
    'without exp': await new SignJWT({ sub: 'a' })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(SECRET)),
    unsigned: new UnsecuredJWT({ sub: 'alice' }).setExpirationTime('1h').encode(),
    'too long': await sign({ sub: 'alice', x: 'y'.repeat(5_000) }),
    'with claims that make no sense': await sign({ sub: 'alice', channels: { sub: [5] } }),
    'with a user that is none': await sign({ sub: 'a\nb' }),
  };
  for (const [what, token] of Object.entries(tokens)) {
    const headers = token === '' ? {} : bearer(token);
    t.is(
      (await call(node, '/v1/poll?channel=a&wait=0', { headers })).status,
      what.endsWith('is none') ? 400 : 401,
      what,
    );
    const published = await post(node, '/v1/publish', { channel: 'a', data: 1 }, headers);
    t.is(published.status, what.endsWith('is none') ? 400 : 401, what);
    const watcher = await new Watcher(t, `${node.url}/v1/ws`).opened();
    watcher.send({ type: 'connect', token });
    t.true([CLOSE.unauthorized, CLOSE.badFrame, 4413].includes((await watcher.end()).code), what);
    t.is(watcher.of('connected').length, 0);
  }
  const silent = await new Watcher(t, `${node.url}/v1/ws`).opened();
  silent.send({ type: 'subscribe', channel: 'a' });
  t.is((await silent.end()).code, CLOSE.unauthorized, 'nor by not even trying');
  t.is((await call(node, '/livez')).status, 200);
});

test('a token opens the channels that it names, for what it names them', async (t) => {
  const node = await startNode(t, { tokenSecret: SECRET });
  const token = await sign({ sub: 'alice', channels: { sub: ['room:*', 'news'], pub: ['room:1'] } });
  const headers = bearer(token);
  t.is((await call(node, '/v1/history/room:7', { headers })).status, 200);
  t.is((await call(node, '/v1/history/other', { headers })).status, 403);
  t.is((await call(node, '/v1/presence/other', { headers })).status, 403);
  t.is((await call(node, '/v1/history/@alice', { headers })).status, 200);
  t.is((await call(node, '/v1/history/@bob', { headers })).status, 403);
  t.is((await call(node, '/v1/subscribe?channel=other', { headers })).status, 403);
  t.is((await post(node, '/v1/publish', { channel: 'room:1', data: 1 }, headers)).status, 200);
  t.is((await post(node, '/v1/publish', { channel: 'news', data: 1 }, headers)).status, 403);
  const watcher = await new Watcher(t, `${node.url}/v1/ws?token=${token}`).opened();
  watcher.send([
    { type: 'subscribe', channel: 'other' },
    { type: 'publish', ref: 1, messages: [{ channel: 'news', data: 1 }] },
  ]);
  t.is((await watcher.next('error')).error.code, 'forbidden');
  t.like((await watcher.next('published')).results[0], { error: { code: 'forbidden' } });
});

test('without a channels claim all is open but what belongs to others', async (t) => {
  const node = await startNode(t, { tokenSecret: SECRET });
  const headers = bearer(await sign({ sub: 'alice' }));
  t.is((await call(node, '/v1/history/anything', { headers })).status, 200);
  t.is((await post(node, '/v1/publish', { channel: '@bob', data: 'hi' }, headers)).status, 200);
  t.is((await call(node, '/v1/history/@bob', { headers })).status, 403);
});

test('a list of patterns stands for both subscribing and publishing', async (t) => {
  const node = await startNode(t, { tokenSecret: SECRET });
  const headers = bearer(await sign({ sub: 'alice', channels: ['a'] }));
  t.is((await post(node, '/v1/publish', { channel: 'a', data: 1 }, headers)).status, 200);
  t.is((await call(node, '/v1/history/a', { headers })).status, 200);
  t.is((await call(node, '/v1/history/b', { headers })).status, 403);
});

test('a client may bring a fresh token of its own, and no other', async (t) => {
  const node = await startNode(t, { tokenSecret: SECRET });
  const watcher = await new Watcher(
    t,
    `${node.url}/v1/ws?token=${await sign({ sub: 'alice', channels: [] })}`,
  ).opened();
  await watcher.next('connected');
  watcher.send({ type: 'refresh', token: await sign({ sub: 'alice', channels: ['room'] }) });
  await until(() => {
    watcher.send({ type: 'subscribe', channel: 'room' });
    return watcher.of('subscribed').some((each) => each.channel === 'room');
  });
  watcher.send({ type: 'refresh', token: 'nonsense' });
  await until(() => watcher.of('error').some((each) => each.error.code === 'unauthorized'));
  t.is(watcher.closed, undefined);
  watcher.send({ type: 'refresh', token: await sign({ sub: 'bob' }) });
  t.is((await watcher.end()).code, CLOSE.forbidden);
});

test('a key of the key set signs tokens, and its public half does not', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'halod-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
  const file = join(directory, 'keys.json');
  await writeFile(file, JSON.stringify({ keys: [jwk] }));
  const node = await startNode(t, { tokenJwks: file });
  const good = await new SignJWT({ sub: 'alice' })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setExpirationTime('1h')
    .sign(privateKey);
  t.is((await call(node, '/v1/poll?wait=0', { headers: bearer(good) })).status, 200);
  const confused = await sign({ sub: 'alice' }, JSON.stringify(jwk));
  t.is((await call(node, '/v1/poll?wait=0', { headers: bearer(confused) })).status, 401);
});

test('a key set that cannot be read keeps the node from starting', async (t) => {
  await t.throwsAsync(startNode(t, { tokenJwks: '/no/such/file' }), { message: /no JSON Web Key Set/ });
});

test('with an API key only apps publish, and clients still read', async (t) => {
  const node = await startNode(t, { apiKey: KEY });
  t.is((await post(node, '/v1/publish', { channel: 'a', data: 1 })).status, 401);
  t.is((await post(node, '/v1/publish', { channel: 'a', data: 1 }, bearer('wrong'))).status, 401);
  t.is((await post(node, '/v1/publish', { channel: 'a', data: 1 }, bearer(KEY))).status, 200);
  for (const path of ['/v1/cluster', '/metrics']) {
    t.is((await call(node, path)).status, 401, path);
    t.is((await call(node, path, { headers: bearer(KEY) })).status, 200, path);
  }
  t.is((await post(node, '/v1/drain', {})).status, 401);
  const watcher = await new Watcher(t, `${node.url}/v1/ws?user=u&channel=a&after=start`).opened();
  await watcher.next('message');
  watcher.send({ type: 'publish', ref: 1, messages: [{ channel: 'a', data: 2 }] });
  t.like((await watcher.next('published')).results[0], { error: { code: 'forbidden' } });
});

test('a token that allows no publishing is forbidden to, over HTTP as over WebSocket', async (t) => {
  for (const apiKey of ['', KEY]) {
    const node = await startNode(t, { apiKey, tokenSecret: SECRET });
    const token = await sign({ sub: 'alice', channels: { sub: ['room'], pub: [] } });
    const reply = await post(node, '/v1/publish', { channel: 'room', data: 1 }, bearer(token));
    t.is(reply.status, 403);
    t.is(reply.body.error.code, 'forbidden');
    const watcher = await new Watcher(t, `${node.url}/v1/ws?token=${token}`).opened();
    watcher.send({ type: 'publish', ref: 1, messages: [{ channel: 'room', data: 1 }] });
    t.like((await watcher.next('published')).results[0], { error: { code: 'forbidden' } });
  }
});

test('a node with tokens and no API key says what its own calls lack', async (t) => {
  const node = await startNode(t, { tokenSecret: SECRET });
  const headers = bearer(await sign({ sub: 'alice' }));
  for (const reply of [await call(node, '/metrics', { headers }), await post(node, '/v1/drain', {}, headers)]) {
    t.is(reply.status, 401);
    t.regex(reply.body.error.message, /--api-key/);
  }
});

test('with both, either opens what it is for', async (t) => {
  const node = await startNode(t, { apiKey: KEY, tokenSecret: SECRET });
  const token = await sign({ sub: 'alice' });
  t.is((await post(node, '/v1/publish', { channel: 'a', data: 1 }, bearer(KEY))).status, 200);
  t.is((await post(node, '/v1/publish', { channel: 'a', data: 1 }, bearer(token))).status, 200);
  t.is((await post(node, '/v1/publish', { channel: 'a', data: 1 })).status, 401);
  t.is((await post(node, '/v1/drain', {}, bearer(token))).status, 401);
});

test('a page of any site may come with a token', async (t) => {
  const node = await startNode(t, { tokenSecret: SECRET });
  const token = await sign({ sub: 'alice' });
  const headers = { ...bearer(token), origin: 'https://app.example' };
  const reply = await call(node, '/v1/poll?wait=0', { headers });
  t.is(reply.status, 200);
  t.is(reply.headers.get('access-control-allow-origin'), 'https://app.example');
});

test('a redirect takes the token along, since no client repeats the header elsewhere', async (t) => {
  const nodes = await startCluster(t, 2, { tokenSecret: SECRET });
  let user = '';
  for (let i = 0; user === ''; i++) if (!nodes[0]!.core.homeOf(`@u${i}`).self) user = `u${i}`;
  const headers = { ...bearer(await sign({ sub: user })), accept: 'text/event-stream' };
  const stream = await Stream.open(t, `${nodes[0]!.url}/v1/subscribe`, headers);
  t.is(stream.response.status, 200);
  t.true(stream.response.url.startsWith(nodes[1]!.url));
});

test('who reads with the API key is served where it asks, since the key is repeated nowhere', async (t) => {
  const nodes = await startCluster(t, 2, { apiKey: KEY, tokenSecret: SECRET });
  let room = '';
  for (let i = 0; room === ''; i++) if (!nodes[0]!.core.homeOf(`room:${i}`).self) room = `room:${i}`;
  await post(nodes[1]!, '/v1/publish', { channel: room, data: 1 }, bearer(KEY));
  const path = `/v1/poll?channel=${encodeURIComponent(room)}&after=start`;
  const polled = await call(nodes[0]!, path, { headers: bearer(KEY) });
  t.is(polled.status, 200);
  t.is(polled.body.messages.length, 1);
});

test('a node that can be reached from outside does not start unprotected', async (t) => {
  const error = await t.throwsAsync(startNode(t, { host: '0.0.0.0' }));
  t.regex(error!.message, /--cluster-secret, --api-key, --token-secret or --token-jwks/);
  const open = await startNode(t, { host: '0.0.0.0', insecure: true });
  t.notRegex(open.url, /0\.0\.0\.0/);
});

test('one client cannot flood a node, over WebSocket or over HTTP', async (t) => {
  const node = await startNode(t, { tokenSecret: SECRET });
  const token = await sign({ sub: 'alice' });
  const messages = new Array(1_000).fill({ channel: 'a', data: 1 });
  const watcher = await new Watcher(t, `${node.url}/v1/ws?token=${token}`).opened();
  for (let ref = 1; ref <= 10; ref++) watcher.send({ type: 'publish', ref, messages });
  const { error, ref } = await watcher.next('error');
  t.is(error.code, 'too-many');
  t.true(error.retry);
  t.true(ref! > 2);
  const statuses = await Promise.all(
    Array.from({ length: 8 }, async () => (await post(node, '/v1/publish', { messages }, bearer(token))).status),
  );
  t.true(statuses.includes(200) && statuses.includes(429));
});
