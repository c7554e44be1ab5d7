import test from 'ava';
import { call, post, Stream, startNode, until } from './running.js';

const SSE = { accept: 'text/event-stream' };
const LINES = { accept: 'application/x-ndjson' };

test('server-sent events carry messages with their position as id', async (t) => {
  const node = await startNode(t);
  const stream = await Stream.open(t, `${node.url}/v1/subscribe?channel=room`, SSE);
  t.is(stream.response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  await until(() => stream.events.some((each) => each.event === 'subscribed'));
  await post(node, '/v1/publish', { channel: 'room', data: { a: 1 } });
  await until(() => stream.messages.length === 1);
  const { id, data } = stream.messages[0]!;
  t.deepEqual(Object.keys(data), ['id', 'channel', 'data', 'position', 'time']);
  t.is(id, data.position);
  t.regex(stream.blocks[0]!, /^retry: \d+$/);
});

test('a line break in published data breaks no stream', async (t) => {
  const node = await startNode(t);
  const sse = await Stream.open(t, `${node.url}/v1/subscribe?channel=room`, SSE);
  const lines = await Stream.open(t, `${node.url}/v1/subscribe?channel=room`, LINES);
  await until(() => sse.events.length >= 2 && lines.lines.length >= 2);
  await post(node, '/v1/publish', '{"channel":"room","data":{\n  "a":\r\n\r\n 1\n}}');
  await until(() => sse.messages.length === 1 && lines.lines.some((line) => line['data'] !== undefined));
  t.deepEqual(sse.messages[0]!.data.data, { a: 1 });
  t.deepEqual(lines.lines.find((line) => line['data'] !== undefined)!['data'], { a: 1 });
});

test('Last-Event-ID wins over the URL and resumes where the stream broke', async (t) => {
  const node = await startNode(t);
  const publish = (data: number) => post(node, '/v1/publish', { channel: 'room', data });
  await publish(1);
  const url = `${node.url}/v1/subscribe?channel=room&after=start`;
  const first = await Stream.open(t, url, SSE);
  await until(() => first.messages.length === 1);
  first.close();
  await publish(2);
  await publish(3);
  const second = await Stream.open(t, url, { ...SSE, 'last-event-id': first.messages[0]!.id });
  await until(() => second.messages.length === 2);
  t.deepEqual(
    second.messages.map((each) => each.data.data),
    [2, 3],
  );
});

test('the block that closes a stream resumes after the last message, not before it', async (t) => {
  const node = await startNode(t);
  const stream = await Stream.open(t, `${node.url}/v1/subscribe?channel=room`, SSE);
  await until(() => stream.events.some((each) => each.event === 'subscribed'));
  for (let data = 1; data <= 3; data++) await post(node, '/v1/publish', { channel: 'room', data });
  await until(() => stream.messages.length === 3);
  await post(node, '/v1/drain', {});
  await until(() => stream.events.some((each) => each.event === 'close'));
  t.is(stream.events.findLast((each) => each.event === 'close')!.id, stream.messages.at(-1)!.id);
});

test('one stream of several channels resumes in all of them', async (t) => {
  const node = await startNode(t);
  const publish = (channel: string, data: number) => post(node, '/v1/publish', { channel, data });
  const url = `${node.url}/v1/subscribe?channel=b&channel=a&user=u`;
  const first = await Stream.open(t, url, SSE);
  await until(() => first.events.filter((each) => each.event === 'subscribed').length === 3);
  await publish('a', 1);
  await publish('b', 2);
  await publish('@u', 3);
  await until(() => first.messages.length === 3);
  first.close();
  const { id } = first.messages.at(-1)!;
  t.regex(id, /^1!/);
  await publish('b', 4);
  await publish('a', 5);
  const second = await Stream.open(t, `${url}&after=${encodeURIComponent(id)}`, SSE);
  await until(() => second.messages.length === 2);
  t.deepEqual(second.messages.map((each) => each.data.data).sort(), [4, 5]);
  const other = await Stream.open(
    t,
    `${node.url}/v1/subscribe?channel=a&channel=c&after=${encodeURIComponent(id)}`,
    SSE,
  );
  await until(() => other.events.some((each) => each.event === 'gap'));
  t.is(other.events.find((each) => each.event === 'gap')!.data.reason, 'unknown', 'it was made for other channels');
});

test('a stream that cannot give everything says gap before it goes on', async (t) => {
  const node = await startNode(t, { history: 2 });
  const publish = (data: number) => post(node, '/v1/publish', { channel: 'room', data });
  const { position } = (await publish(1)).body;
  for (const data of [2, 3, 4, 5]) await publish(data);
  const stream = await Stream.open(
    t,
    `${node.url}/v1/subscribe?channel=room&after=${encodeURIComponent(position)}`,
    SSE,
  );
  await until(() => stream.messages.length > 0);
  const events = stream.events.map((each) => each.event);
  t.true(events.includes('gap'));
  t.true(events.indexOf('gap') < events.indexOf('message'));
  t.is(stream.events.find((each) => each.event === 'gap')!.data.reason, 'size');
  t.false(stream.events.find((each) => each.event === 'subscribed')!.data.recovered);
});

test('NDJSON gives a message a line, and everything else with a type', async (t) => {
  const node = await startNode(t);
  const stream = await Stream.open(t, `${node.url}/v1/subscribe?channel=room`, LINES);
  t.is(stream.response.headers.get('content-type'), 'application/x-ndjson');
  await until(() => stream.lines.some((line) => line['type'] === 'subscribed'));
  await post(node, '/v1/publish', { channel: 'room', data: 'x' });
  await until(() => stream.lines.some((line) => line['type'] === undefined));
  const message = stream.lines.find((line) => line['type'] === undefined)!;
  t.deepEqual(Object.keys(message), ['id', 'channel', 'data', 'position', 'time']);
});

test('each NDJSON line of several channels says where the stream is, and it resumes there', async (t) => {
  const node = await startNode(t);
  const publish = (channel: string, data: number) => post(node, '/v1/publish', { channel, data });
  const url = `${node.url}/v1/subscribe?channel=a&user=u`;
  const first = await Stream.open(t, url, LINES);
  await until(() => first.lines.filter((line) => line['type'] === 'subscribed').length === 2);
  await publish('a', 1);
  await publish('@u', 2);
  await until(() => first.lines.filter((line) => line['type'] === undefined).length === 2);
  first.close();
  const { position, stream } = first.lines.at(-1)!;
  t.regex(String(position), /^1~/);
  await publish('a', 3);
  const second = await Stream.open(t, `${url}&after=${encodeURIComponent(String(stream))}`, LINES);
  await until(() => second.lines.some((line) => line['data'] === 3));
  t.deepEqual(
    second.lines.flatMap((line) => (line['type'] === undefined ? [line['data']] : [])),
    [3],
  );
  t.false(second.lines.some((line) => line['type'] === 'gap'));
});

test('a node that stops ends its streams with a word', async (t) => {
  const node = await startNode(t);
  const stream = await Stream.open(t, `${node.url}/v1/subscribe?channel=room`, SSE);
  await until(() => stream.events.some((each) => each.event === 'subscribed'));
  await node.close();
  await until(() => stream.ended);
  t.is(stream.events.at(-1)!.event, 'close');
  await until(() => node.stats.streams === 0);
});

test('a lone node that stops answers the polls that wait, and has left', async (t) => {
  const node = await startNode(t);
  const waiting = call(node, '/v1/poll?channel=room&wait=20');
  await until(() => node.stats.polls === 1);
  await node.close();
  t.like(await waiting, { status: 503, body: { error: { code: 'draining' } } });
  t.is(node.state, 'left');
});

test('the head of a stream cannot be had alone', async (t) => {
  const node = await startNode(t);
  const { status, headers } = await fetch(`${node.url}/v1/subscribe?channel=room`, { method: 'HEAD' });
  t.is(status, 405);
  t.is(headers.get('allow'), 'GET');
});

test('a poll waits for the first message, and the next goes on from its position', async (t) => {
  const node = await startNode(t);
  const waiting = call(node, '/v1/poll?channel=room&wait=20');
  await until(() => node.stats.polls === 1);
  await post(node, '/v1/publish', { messages: [1, 2].map((data) => ({ channel: 'room', data })) });
  const first = (await waiting).body;
  t.deepEqual(
    first.messages.map((message: { data: unknown }) => message.data),
    [1, 2],
  );
  t.false(first.gap);
  await post(node, '/v1/publish', { channel: 'room', data: 3 });
  const second = (await call(node, `/v1/poll?channel=room&after=${encodeURIComponent(first.position)}`)).body;
  t.is(second.messages[0].data, 3);
  await until(() => node.stats.polls === 0);
});

test('a poll that may not wait answers at once with where it stands', async (t) => {
  const node = await startNode(t);
  await post(node, '/v1/publish', { channel: 'a', data: 1 });
  const now = (await call(node, '/v1/poll?channel=a&channel=b&wait=0')).body;
  t.deepEqual(now.messages, []);
  await post(node, '/v1/publish', { channel: 'b', data: 2 });
  const next = (await call(node, `/v1/poll?channel=a&channel=b&wait=0&after=${encodeURIComponent(now.position)}`)).body;
  t.is(next.messages.length, 1);
  t.is(next.messages[0].data, 2);
  const all = (await call(node, '/v1/poll?channel=a&channel=b&wait=0&after=start')).body;
  t.is(all.messages.length, 2);
});

test('a poll tells of a gap', async (t) => {
  const node = await startNode(t, { history: 2 });
  const { position } = (await post(node, '/v1/publish', { channel: 'room', data: 1 })).body;
  await post(node, '/v1/publish', { messages: [2, 3, 4, 5].map((data) => ({ channel: 'room', data })) });
  const { body } = await call(node, `/v1/poll?channel=room&after=${encodeURIComponent(position)}`);
  t.true(body.gap);
  t.is(body.gaps[0].channel, 'room');
});

test('a poll that is given up leaves nothing behind', async (t) => {
  const node = await startNode(t);
  const abort = new AbortController();
  const waiting = fetch(`${node.url}/v1/poll?user=alice&wait=60`, { signal: abort.signal });
  await until(() => node.stats.polls === 1);
  abort.abort();
  await t.throwsAsync(waiting, { any: true });
  await until(() => node.stats.polls === 0);
  t.is((await call(node, '/v1/presence/@alice')).body.count, 0);
});
