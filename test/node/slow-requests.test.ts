import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { completeOptions } from '../../lib/config/complete.js';
import type { AppendRequest } from '../../lib/core/channel/types.js';
import { Gate } from '../../lib/node/auth/gate.js';
import { Origins } from '../../lib/node/auth/origin.js';
import type { Driver } from '../../lib/node/driver.js';
import { Listener } from '../../lib/node/http/listener.js';
import { Stats } from '../../lib/node/stats.js';
import { until, within } from './running.js';

/** What a node stands for here: it takes publishes, and answers them when the test says so. */
interface Taker {
  readonly port: number;
  readonly taken: AppendRequest[];
}

async function listen(t: ExecutionContext): Promise<Taker> {
  const listener = new Listener({ headersMs: 150, requestMs: 150, checkMs: 20 });
  t.teardown(() => listener.close());
  const taken: AppendRequest[] = [];
  const options = completeOptions({});
  const stats = new Stats();
  const gate = new Gate({ ...options, apiKey: '' }, stats);
  const driver = {
    options,
    stats,
    gate,
    origins: new Origins(options, false, true, () => []),
    random: { name: () => 'name' },
    core: { publish: (request: AppendRequest) => void taken.push(request) },
    log: () => {},
    now: () => 0,
    touch: () => {},
    wasStalled: () => false,
  } as unknown as Driver;
  const port = await listener.listen('127.0.0.1', 0);
  await listener.prepare(driver, { accept: () => {} });
  listener.serve();
  return { port, taken };
}

const BODY = JSON.stringify({ channel: 'room', data: 1, id: 'a' });
const REQUEST = [
  'POST /v1/publish HTTP/1.1',
  'host: 127.0.0.1',
  'content-type: application/json',
  `content-length: ${BODY.length}`,
  '',
  BODY,
].join('\r\n');

async function dial(t: ExecutionContext, { port }: Taker): Promise<{ socket: Socket; text: () => string }> {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => {});
  await within(once(socket, 'connect'), 'the connection');
  return { socket, text: () => text };
}

const stored = { ok: true, id: 'a', position: '1~', copies: 1 } as const;

test('a body that comes too slowly is answered with an error that says to try again, and is not carried out', async (t) => {
  const taker = await listen(t);
  const { socket, text } = await dial(t, taker);
  socket.write(REQUEST.slice(0, -5));
  await within(once(socket, 'close'), 'the end of the connection');
  t.regex(text(), /"error":\{"code":"timeout","message":"[^"]+","retry":true\}/);
  t.is(taker.taken.length, 0);
});

test('a publish that came in whole may take longer than requests may take to arrive', async (t) => {
  const taker = await listen(t);
  const { socket, text } = await dial(t, taker);
  socket.write(REQUEST);
  await until(() => taker.taken.length === 1);
  // another connection is found too slow meanwhile, so this one was looked at
  const slow = await dial(t, taker);
  slow.socket.write('POST ');
  await within(once(slow.socket, 'close'), 'the end of the slow connection');
  t.is(text(), '');
  taker.taken[0]!.done(stored);
  await until(() => text().includes('"position"'));
  t.regex(text(), /^HTTP\/1\.1 200 /);
});

test('noise after a publish that came in whole is no answer to that publish', async (t) => {
  const taker = await listen(t);
  const { socket, text } = await dial(t, taker);
  socket.write(`${REQUEST}NOISE\r\n\r\n`);
  await within(once(socket, 'close'), 'the end of the connection');
  t.is(text(), '');
});

test('requests that waited while the node stood still are carried out or to be tried again, never refused', async (t) => {
  const taker = await listen(t);
  const early = await dial(t, taker);
  const half = await dial(t, taker);
  half.socket.write(REQUEST.slice(0, 40));
  early.socket.write(REQUEST);
  // as SIGSTOP does: what was sent lies in the kernel, and every timer is due afterwards
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  half.socket.write(REQUEST.slice(40));
  await until(() => taker.taken.length > 0 || early.text() !== '');
  for (const request of taker.taken) request.done(stored);
  const answered = () => [early, half].every(({ socket, text }) => text() !== '' || socket.destroyed);
  await until(() => {
    for (const request of taker.taken) request.done(stored);
    return answered();
  });
  for (const { text } of [early, half]) t.notRegex(text(), /"retry":false/);
});
