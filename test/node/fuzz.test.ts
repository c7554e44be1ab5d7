/** Whatever a client sends in whatever order, the node goes on and everybody else is served. */
import test from 'ava';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { readServerMsgpack } from '../../lib/wire/codec-client-msgpack.js';
import { call, post, startNode, until, Watcher } from './running.js';

const packr = new Packr({ useRecords: false });

const odd = fc.oneof(
  fc.constantFrom('room', '@u', '@', '', 'now', 'start', '1~', '1~AAAAAAAA.1', '1!x!', null, -1, 0, 1, 1e99, true),
  fc.jsonValue({ maxDepth: 3 }),
);
const message = fc.record(
  {
    type: fc.constantFrom(
      'connect',
      'subscribe',
      'unsubscribe',
      'publish',
      'history',
      'presence',
      'refresh',
      'ping',
      'x',
    ),
    ref: odd,
    channel: odd,
    after: odd,
    limit: odd,
    user: odd,
    token: odd,
    relay: odd,
    messages: fc.oneof(
      odd,
      fc.array(
        fc.record({ channel: odd, data: odd, id: odd, publisher: odd, seq: odd, ageMs: odd }, { requiredKeys: [] }),
        { maxLength: 4 },
      ),
    ),
  },
  { requiredKeys: ['type'] },
);

for (const subprotocol of ['halod.v1.json', 'halod.v1.msgpack']) {
  test(`any sequence of messages in ${subprotocol} leaves the node as it was for others`, async (t) => {
    const seed = Date.now() % 1e9;
    t.log(`seed ${seed}`);
    const isJson = subprotocol === 'halod.v1.json';
    const node = await startNode(t);
    const decode = (data: Buffer) => (isJson ? JSON.parse(data.toString()) : readServerMsgpack(data));
    const other = await new Watcher(t, `${node.url}/v1/ws?user=other`).opened();
    await other.next('subscribed');
    for (const messages of fc.sample(fc.array(message, { minLength: 1, maxLength: 30 }), { seed, numRuns: 60 })) {
      const client = await new Watcher(t, `${node.url}/v1/ws`, [subprotocol], { decode }).opened();
      for (const each of messages) client.ws.send(isJson ? JSON.stringify(each) : packr.pack(each));
      const ping = { type: 'ping' };
      client.ws.send(isJson ? JSON.stringify(ping) : packr.pack(ping));
      await until(() => client.of('pong').length > 0 || client.closed !== undefined);
      client.ws.terminate();
    }
    await post(node, '/v1/publish', { channel: '@other', data: 'still here' });
    await other.next('message');
    t.is(other.closed, undefined);
    await until(() => node.stats.webSockets === 1);
  });
}

test('any query is answered', async (t) => {
  const seed = Date.now() % 1e9;
  t.log(`seed ${seed}`);
  const node = await startNode(t);
  const paths = ['/v1/poll', '/v1/history/a', '/v1/presence/a', '/v1/locate/a', '/v1/publish', '/v1/cluster'];
  const query = fc.dictionary(
    fc.constantFrom('channel', 'user', 'after', 'limit', 'wait', 'relay', 'token'),
    fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('now', 'start', '0', '1~')),
  );
  for (const each of fc.sample(fc.tuple(fc.constantFrom(...paths), query), { seed, numRuns: 150 })) {
    const [path, fields] = each;
    const { status, body } = await call(node, `${path}?${new URLSearchParams({ ...fields, wait: '0' })}`);
    t.true(status < 500 || status === 504, `${path} ${JSON.stringify(fields)} ${status} ${JSON.stringify(body)}`);
  }
});
