import { connect } from 'node:net';
import test from 'ava';
import { METRIC_NAMES } from '../../lib/node/http/metrics.js';
import { ERRORS } from '../../lib/wire/errors.js';
import { LIMITS } from '../../lib/wire/limits.js';
import { call, post, type Reply, Stream, startNode, until, Watcher } from './running.js';

function isError(reply: Reply, code: keyof typeof ERRORS): boolean {
  const { error } = reply.body as { error?: { code?: string; message?: string; retry?: boolean } };
  return (
    reply.status === ERRORS[code].status &&
    error?.code === code &&
    typeof error.message === 'string' &&
    error.retry === ERRORS[code].retry
  );
}

test('a published message is answered with its place and stands in history as it was sent', async (t) => {
  const node = await startNode(t);
  const data = '{"text":"héllo","big":12345678901234567890,"list":[1, 2.50]}';
  const published = await post(node, '/v1/publish', `{"channel":"room:1","data":${data}}`);
  t.is(published.status, 200);
  t.deepEqual(Object.keys(published.body), ['id', 'channel', 'position', 'copies']);
  t.is(published.body.copies, 1);
  const text = await (await fetch(`${node.url}/v1/history/room:1`)).text();
  t.true(text.includes(`"data":${data},`), 'not one character of the data has changed');
  const history = JSON.parse(text);
  t.deepEqual(Object.keys(history), ['messages', 'position', 'gap']);
  t.is(history.messages[0].id, published.body.id);
  t.is(history.messages[0].position, published.body.position);
  t.is(typeof history.messages[0].time, 'number');
  t.false(history.gap);
});

test('a retry with the same id makes one message and gets the first answer', async (t) => {
  const node = await startNode(t);
  const first = await post(node, '/v1/publish', { channel: 'c', data: 1, id: 'order-7' });
  const again = await post(node, '/v1/publish', { channel: 'c', data: 1, id: 'order-7' });
  t.deepEqual(again.body, first.body);
  t.is((await call(node, '/v1/history/c')).body.messages.length, 1);
});

test('each message of a batch has its own outcome, in order', async (t) => {
  const node = await startNode(t);
  const big = 'x'.repeat(LIMITS.dataBytesMax);
  const { status, body } = await post(node, '/v1/publish', {
    messages: [
      { channel: 'c', data: 1 },
      { channel: '', data: 2 },
      { data: 3 },
      { channel: 'c', data: big },
      { channel: 'c' },
      7,
      { channel: 'c', data: 8 },
    ],
  });
  t.is(status, 200);
  t.deepEqual(
    body.results.map((result: { error?: { code: string } }) => result.error?.code ?? 'stored'),
    ['stored', 'bad-channel', 'bad-channel', 'too-large', 'bad-request', 'bad-request', 'stored'],
  );
  const { messages } = (await call(node, '/v1/history/c')).body;
  t.deepEqual(
    messages.map((message: { data: unknown }) => message.data),
    [1, 8],
  );
  t.deepEqual((await post(node, '/v1/publish', { messages: [] })).body, { results: [] });
});

test('bytes go in and come out as base64', async (t) => {
  const node = await startNode(t);
  await post(node, '/v1/publish', { channel: 'c', data: 'AAECAw==', encoding: 'base64' });
  const [message] = (await call(node, '/v1/history/c')).body.messages;
  t.is(message.data, 'AAECAw==');
  t.is(message.encoding, 'base64');
  t.true(isError(await post(node, '/v1/publish', { channel: 'c', data: '*', encoding: 'base64' }), 'bad-request'));
});

const deep = `${'['.repeat(40)}1${']'.repeat(40)}`;

for (const [what, body, code] of [
  ['no JSON', '{"channel":', 'bad-json'],
  ['an empty body', '', 'bad-json'],
  ['a list', '[]', 'bad-request'],
  ['no channel', '{"data":1}', 'bad-channel'],
  ['an empty channel', '{"channel":"","data":1}', 'bad-channel'],
  ['a channel of 256 bytes', JSON.stringify({ channel: 'x'.repeat(256), data: 1 }), 'bad-channel'],
  ['a channel with a control character', '{"channel":"a\\u0000","data":1}', 'bad-channel'],
  ['a channel that is half a character', '{"channel":"\\ud800","data":1}', 'bad-channel'],
  ['a channel that is a number', '{"channel":5,"data":1}', 'bad-channel'],
  ['no data', '{"channel":"c"}', 'bad-request'],
  ['data over its limit', JSON.stringify({ channel: 'c', data: 'x'.repeat(LIMITS.dataBytesMax) }), 'too-large'],
  ['data nested too deep', `{"channel":"c","data":${deep}}`, 'bad-request'],
  ['an empty id', '{"channel":"c","data":1,"id":""}', 'bad-id'],
  ['an id over its limit', JSON.stringify({ channel: 'c', data: 1, id: 'x'.repeat(129) }), 'bad-id'],
  ['a publisher without seq', '{"channel":"c","data":1,"publisher":"abcdefgh"}', 'bad-request'],
  ['too many messages', JSON.stringify({ messages: new Array(1_001).fill({ channel: 'c', data: 1 }) }), 'too-large'],
  [
    'a body over its limit',
    JSON.stringify({ channel: 'c', data: 'x'.repeat(LIMITS.clientFrameBytesMax) }),
    'too-large',
  ],
] as const) {
  test(`a publish with ${what} is answered with ${code}, and nobody else notices`, async (t) => {
    const node = await startNode(t);
    const reply = await post(node, '/v1/publish', body);
    t.true(isError(reply, code), JSON.stringify(reply.body));
    t.is((await post(node, '/v1/publish', { channel: 'c', data: 1 })).status, 200);
  });
}

test('a channel may be called like a property of every object', async (t) => {
  const node = await startNode(t);
  for (const channel of ['__proto__', 'constructor', 'toString']) {
    t.is((await post(node, '/v1/publish', `{"channel":"${channel}","data":{"__proto__":1}}`)).body.channel, channel);
    t.is((await call(node, `/v1/history/${channel}`)).body.messages.length, 1);
    t.is((await call(node, `/v1/presence/${channel}`)).body.count, 0);
  }
});

for (const [method, path, init, code] of [
  ['GET', '/nothing', {}, 'not-found'],
  ['GET', '/v1', {}, 'not-found'],
  ['GET', '/v1/history', {}, 'not-found'],
  ['GET', '/v1/publish', {}, 'method-not-allowed'],
  ['DELETE', '/v1/subscribe?channel=a', {}, 'method-not-allowed'],
  ['POST', '/v1/history/a', {}, 'method-not-allowed'],
  ['GET', '/v1/drain', {}, 'method-not-allowed'],
  ['GET', '/v1/ws', {}, 'bad-request'],
  ['GET', '/v1/peer', {}, 'bad-request'],
  ['GET', '/v1/history/', {}, 'bad-channel'],
  ['GET', '/v1/history/%ff', {}, 'bad-channel'],
  ['GET', `/v1/history/${'x'.repeat(256)}`, {}, 'bad-channel'],
  ['GET', '/v1/history/a?after=nonsense', {}, 'bad-position'],
  ['GET', '/v1/history/a?limit=-1', {}, 'bad-request'],
  ['GET', '/v1/history/a?limit=0', {}, 'bad-request'],
  ['GET', '/v1/locate/', {}, 'bad-channel'],
  ['GET', '/v1/presence/%00', {}, 'bad-channel'],
  ['GET', '/v1/subscribe', {}, 'bad-channel'],
  ['GET', '/v1/subscribe?channel=', {}, 'bad-channel'],
  ['GET', '/v1/subscribe?channel=a&after=~~~', {}, 'bad-position'],
  ['GET', '/v1/subscribe?channel=a', { headers: { accept: 'text/csv2' } }, 'sse'],
  ['GET', '/v1/subscribe?channel=a', { headers: { accept: 'image/png' } }, 'not-acceptable'],
  [
    'GET',
    `/v1/subscribe?${new Array(17)
      .fill(0)
      .map((_, i) => `channel=${i}`)
      .join('&')}`,
    {},
    'bad-request',
  ],
  ['GET', `/v1/subscribe?channel=a&x=${'y'.repeat(9_000)}`, {}, 'too-large'],
  ['GET', '/v1/subscribe?user=a%0ab', {}, 'bad-request'],
  ['GET', '/v1/poll', {}, 'bad-channel'],
  ['GET', '/v1/poll?channel=a&wait=soon', {}, 'bad-request'],
  ['POST', '/v1/publish', { body: '<a/>', headers: { 'content-type': 'application/xml' } }, 'unsupported-media-type'],
] as const) {
  if (code === 'sse') continue;
  const shown = path.length > 60 ? `${path.slice(0, 60)}…` : path;
  test(`${method} ${shown} ${'headers' in init ? JSON.stringify(init.headers) : ''} is answered with ${code}`, async (t) => {
    const node = await startNode(t);
    const reply = await call(node, path, { method, ...init });
    t.true(isError(reply, code), `${reply.status} ${JSON.stringify(reply.body)}`);
    if (code === 'method-not-allowed') t.regex(reply.headers.get('allow') ?? '', /^(GET|POST)$/);
  });
}

test('history is read in pages, each from where the last one ended', async (t) => {
  const node = await startNode(t);
  await post(node, '/v1/publish', { messages: [1, 2, 3, 4, 5].map((data) => ({ channel: 'c', data })) });
  const dataOf = (reply: Reply) => reply.body.messages.map((message: { data: unknown }) => message.data);
  t.deepEqual(dataOf(await call(node, '/v1/history/c?limit=2')), [4, 5], 'the latest, unless told otherwise');
  const first = await call(node, '/v1/history/c?after=start&limit=2');
  t.deepEqual(dataOf(first), [1, 2]);
  const second = await call(node, `/v1/history/c?limit=2&after=${encodeURIComponent(first.body.position)}`);
  t.deepEqual(dataOf(second), [3, 4]);
  const after4 = second.body.messages[1].position;
  t.deepEqual(dataOf(await call(node, `/v1/history/c?after=${encodeURIComponent(after4)}`)), [5]);
});

test('history says so where messages are gone', async (t) => {
  const node = await startNode(t, { history: 3 });
  const [first] = (await post(node, '/v1/publish', { messages: [{ channel: 'c', data: 0 }] })).body.results;
  await post(node, '/v1/publish', { messages: [1, 2, 3, 4, 5].map((data) => ({ channel: 'c', data })) });
  const { body } = await call(node, `/v1/history/c?after=${encodeURIComponent(first.position)}`);
  t.true(body.gap);
  t.is(body.messages.at(-1).data, 5);
});

test('presence names the users who read a channel, once each', async (t) => {
  const node = await startNode(t);
  for (const user of ['alice', 'bob', 'alice']) {
    const watcher = await new Watcher(t, `${node.url}/v1/ws?user=${user}&channel=room`).opened();
    await watcher.next('subscribed', 2);
  }
  t.deepEqual((await call(node, '/v1/presence/room')).body, { users: ['alice', 'bob'], count: 2 });
});

test('locate and cluster agree on who owns what', async (t) => {
  const node = await startNode(t, { cluster: 'blue', slots: 64 });
  const { body } = await call(node, '/v1/cluster');
  t.is(body.cluster, 'blue');
  t.is(body.slots, 64);
  t.is(body.owners.length, 64);
  t.is(body.self, node.id);
  const [self] = body.nodes;
  t.deepEqual(
    { id: self.id, url: self.url, state: self.state, weight: self.weight, zone: self.zone, slots: self.slots },
    { id: node.id, url: node.url, state: 'alive', weight: 1, zone: '', slots: 64 },
  );
  const located = (await call(node, '/v1/locate/room%3A1%2Fa')).body;
  t.is(located.channel, 'room:1/a');
  t.is(located.iteration, body.iteration);
  t.deepEqual(located.owner, { id: node.id, url: node.url });
  t.is(body.nodes[body.owners[located.slot]].id, node.id);
  t.deepEqual(located.copies, []);
});

test('health, readiness and metrics are told', async (t) => {
  const node = await startNode(t);
  t.is((await call(node, '/livez')).status, 200);
  t.is((await call(node, '/readyz')).status, 200);
  t.is((await fetch(`${node.url}/livez`, { method: 'HEAD' })).status, 200);
  await post(node, '/v1/publish', { channel: 'c', data: 1 });
  const { headers, body } = await call(node, '/metrics');
  t.true(headers.get('content-type')!.startsWith('text/plain'));
  t.regex(body, /^halod_published_total\{by="http"\} 1$/m);
  t.regex(body, /^halod_slots \d+$/m);
  t.regex(body, /^halod_committed_total 1$/m);
  t.regex(body, /^halod_history_bytes [1-9]\d+$/m);
  t.regex(body, /^halod_under_replicated 0$/m);
  const told = new Set(Array.from(body.matchAll(/^# TYPE (halod_\w+) /gm), (match) => (match as string[])[1]!));
  t.deepEqual([...told].sort(), [...METRIC_NAMES].sort());
  t.is((await call(node, '/metrics')).body.match(/^halod_committed_total (\d+)$/m)?.[1], '1', 'not counted twice');
});

test('a defect is answered as one, and told unasked', async (t) => {
  const node = await startNode(t);
  node.core.locate = () => {
    throw new Error('planted');
  };
  const warnings: [string, boolean][] = [];
  node.on('warning', (...warning) => warnings.push(warning));
  t.true(isError(await call(node, '/v1/locate/x'), 'internal'));
  await until(() => warnings.length > 0);
  t.regex(warnings[0]![0], /^internal error: Error: planted/);
  t.true(warnings[0]![1]);
});

test('a drain over HTTP answers, then the node leaves', async (t) => {
  const node = await startNode(t);
  const closed = new Promise((resolve) => node.once('closed', () => resolve(true)));
  const reply = await post(node, '/v1/drain', {});
  t.is(reply.status, 202);
  t.true(await closed);
});

test('browsers may ask across origins from this machine, and from nowhere else', async (t) => {
  const node = await startNode(t);
  const from = (origin: string, method = 'GET') => call(node, '/livez', { method, headers: { origin } });
  const near = await from('http://localhost:3000');
  t.is(near.status, 200);
  t.is(near.headers.get('access-control-allow-origin'), 'http://localhost:3000');
  t.true(isError(await from('https://evil.example'), 'forbidden'));
  const preflight = await from('http://127.0.0.1:9', 'OPTIONS');
  t.is(preflight.status, 204);
  t.regex(preflight.headers.get('access-control-allow-headers') ?? '', /authorization/);
});

test('an origin that is hidden may read what is redirected, and nothing else', async (t) => {
  const node = await startNode(t);
  await post(node, '/v1/publish', { channel: 'x', data: 1 });
  const origin = 'null';
  const get = (path: string) => call(node, path, { headers: { origin } });
  const poll = await get('/v1/poll?channel=x&after=start');
  t.is(poll.status, 200);
  t.is(poll.headers.get('access-control-allow-origin'), 'null');
  t.is((await Stream.open(t, `${node.url}/v1/subscribe?channel=x`, { origin })).response.status, 200);
  const closed = ['history/x', 'presence/x', 'locate/x', 'cluster'].map((path) => `/v1/${path}`);
  for (const path of [...closed, '/metrics', '/livez', '/console', '/v1/poll/']) {
    t.true(isError(await get(path), 'forbidden'), path);
  }
  for (const path of ['/v1/publish', '/v1/drain', '/v1/poll']) {
    t.true(isError(await post(node, path, { channel: 'x', data: 2 }, { origin }), 'forbidden'), path);
  }
  const preflight = async (path: string, method: string) => {
    return (await call(node, path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': method } }))
      .status;
  };
  t.is(await preflight('/v1/subscribe?channel=x', 'GET'), 204);
  t.is(await preflight('/v1/subscribe', 'POST'), 403);
  t.is(await preflight('/v1/publish', 'POST'), 403);
  t.is(await preflight('/v1/publish', 'GET'), 403);
  const socket = new Watcher(t, `${node.url}/v1/ws?user=alice`, [], { headers: { origin } });
  await until(() => socket.failure !== undefined);
  t.regex(socket.failure!, /403/);
  t.is((await call(node, '/v1/history/x')).body.messages.length, 1, 'nothing was published');
});

test('a name that a page has made point here is not served', async (t) => {
  const node = await startNode(t);
  const { port } = new URL(node.url);
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () =>
      socket.write('GET /v1/cluster HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'),
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
  });
  t.regex(answer, /^HTTP\/1\.1 403 /);
});

test('noise on the port is refused in words, and the node goes on', async (t) => {
  const node = await startNode(t);
  const { port } = new URL(node.url);
  const noises = [
    '\u0016\u0003\u0001 this is TLS',
    'GARBAGE\r\n\r\n',
    '\u0000'.repeat(100),
    `GET /${'x'.repeat(20_000)}\r\n`,
  ];
  for (const noise of noises) {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(noise));
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(text));
    });
    t.regex(answer, /^HTTP\/1\.1 (400|413) /);
    t.regex(answer, /"error":\{"code":"(bad-request|too-large)"/);
  }
  t.is((await call(node, '/livez')).status, 200);
});
