import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { type WebSocket, WebSocketServer } from 'ws';
import { LeanWebSocket } from '../../bench/harness/websocket.js';

/** A `ws` server on a free port, and one lean client of it. */
async function pair(onMessage: (text: string) => void = () => {}) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const closed: { code: number; why: string }[] = [];
  let onClosed = () => {};
  const connected = once(server, 'connection') as Promise<[WebSocket]>;
  const opened = new Promise<LeanWebSocket>((resolve) => {
    const client = new LeanWebSocket(
      { host: '127.0.0.1', port, path: '/' },
      {
        onOpen: () => resolve(client),
        onMessage: (data, start, end) => onMessage(data.toString('utf8', start, end)),
        onClose: (code, why) => {
          closed.push({ code, why });
          onClosed();
        },
      },
    );
  });
  const [[remote], client] = await Promise.all([connected, opened]);
  const whenClosed = new Promise<void>((resolve) => {
    onClosed = resolve;
  });
  return { server, remote, client, closed, whenClosed };
}

/** Collects texts until there are `count` of them. */
function collector(count: number) {
  const texts: string[] = [];
  let done = () => {};
  const all = new Promise<string[]>((resolve) => {
    done = () => resolve(texts);
  });
  return {
    all,
    take(text: string) {
      texts.push(text);
      if (texts.length === count) done();
    },
  };
}

test('messages of every length class arrive whole and in order', async (t) => {
  const texts = [
    '',
    'a',
    'b'.repeat(125),
    'c'.repeat(126),
    'd'.repeat(65_535),
    'e'.repeat(65_536),
    'f'.repeat(1_200_000),
    'last',
  ];
  const { all, take } = collector(texts.length);
  const { server, remote, client } = await pair(take);
  for (const text of texts) remote.send(text);
  t.deepEqual(await all, texts);
  client.destroy();
  server.close();
});

test('a message in fragments arrives as one', async (t) => {
  const { all, take } = collector(2);
  const { server, remote, client } = await pair(take);
  remote.send('first ', { fin: false });
  remote.send('and ', { fin: false });
  remote.send('last', { fin: true });
  remote.send('next');
  t.deepEqual(await all, ['first and last', 'next']);
  client.destroy();
  server.close();
});

test('what it sends, `ws` reads', async (t) => {
  const { server, remote, client } = await pair();
  for (const text of ['short', 'ü'.repeat(100), 'x'.repeat(70_000)]) {
    const heard = once(remote, 'message');
    client.send(text);
    t.is(String((await heard)[0]), text);
  }
  client.destroy();
  server.close();
});

test('a ping is answered with its own content', async (t) => {
  const { server, remote, client } = await pair();
  const pong = once(remote, 'pong');
  remote.ping('are you there');
  t.is(String((await pong)[0]), 'are you there');
  client.destroy();
  server.close();
});

test('the close code of the server is told, once', async (t) => {
  const { server, remote, closed, whenClosed } = await pair();
  remote.close(4301, 'elsewhere');
  await whenClosed;
  t.deepEqual(closed, [{ code: 4301, why: 'closed by the server: elsewhere' }]);
  remote.terminate();
  server.close();
});

test('a refused upgrade is told with its status', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: () => false });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const why = await new Promise<string>((resolve) => {
    new LeanWebSocket(
      { host: '127.0.0.1', port, path: '/' },
      { onOpen: () => t.fail(), onMessage: () => t.fail(), onClose: (_code, reason) => resolve(reason) },
    );
  });
  t.regex(why, /401/);
  server.close();
});
