/** Whoever comes while the node starts is answered once it can. */
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { completeOptions } from '../../lib/config/complete.js';
import { Core } from '../../lib/core/node.js';
import { coreOptions } from '../../lib/node/core-options.js';
import { Node } from '../../lib/node/node.js';

const UPGRADE = [
  'GET /v1/ws?user=alice HTTP/1.1',
  'host: 127.0.0.1',
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==',
];
const REQUEST = ['GET /v1/cluster HTTP/1.1', 'host: 127.0.0.1', 'connection: close'];

/** The first line of the answer to what is sent as soon as somebody listens there. */
async function firstAnswer(port: number, lines: readonly string[]): Promise<string> {
  for (let tries = 0; tries < 2_000; tries++) {
    const answer = await new Promise<string | undefined>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`));
      socket.once('data', (chunk) => {
        resolve(chunk.toString().split('\r\n')[0]);
        socket.destroy();
      });
      socket.on('error', () => resolve(undefined));
      socket.on('close', () => resolve('closed without an answer'));
    });
    if (answer !== undefined) return answer;
    await pause(1);
  }
  return 'nobody listened';
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('a WebSocket and a request that come before the node is ready wait for it', async (t) => {
  const port = await freePort();
  // it reads its key while it listens already, which takes a while
  const data = mkdtempSync(join(tmpdir(), 'halod-early-'));
  const node = new Node(completeOptions({ port, data }), (complete, identity, url, ports) => {
    return new Core(coreOptions(complete, identity, url), ports);
  });
  t.teardown(async () => {
    await node.close({ drain: false });
    rmSync(data, { recursive: true });
  });
  const answers = Promise.all([UPGRADE, REQUEST].map((lines) => firstAnswer(port, lines)));
  await node.start();
  t.deepEqual(await answers, ['HTTP/1.1 101 Switching Protocols', 'HTTP/1.1 200 OK']);
});
