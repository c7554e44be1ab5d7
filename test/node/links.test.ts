import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { WebSocket, WebSocketServer } from 'ws';
import { nodeUrlOf } from '../../lib/config/node-url.js';
import { type Identity, loadIdentity } from '../../lib/node/identity.js';
import { peerUrlOf, resolveAddresses } from '../../lib/node/links/addresses.js';
import { Links } from '../../lib/node/links/links.js';
import { stretchSecret } from '../../lib/node/links/seal.js';
import { PEER_SUBPROTOCOL } from '../../lib/wire/handshake.js';
import type { NodeId } from '../../lib/wire/ids.js';
import { LIMITS } from '../../lib/wire/limits.js';
import { until } from './running.js';

interface End {
  readonly identity: Identity;
  readonly url: string;
  readonly links: Links;
  readonly up: NodeId[];
  readonly down: (readonly [NodeId, string])[];
  readonly failed: string[];
  readonly frames: string[];
  readonly twins: number[];
  readonly server: Server;
}

async function end(
  t: ExecutionContext,
  fields: { secret?: string; identity?: Identity; cluster?: string } = {},
): Promise<End> {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: LIMITS.handshakeBytesMax });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const identity = fields.identity ?? (await loadIdentity({ data: '', keyFile: '' }));
  const up: NodeId[] = [];
  const down: (readonly [NodeId, string])[] = [];
  const failed: string[] = [];
  const frames: string[] = [];
  const twins: number[] = [];
  const cluster = fields.cluster ?? 'c';
  const links = new Links(
    {
      identity,
      terms: { cluster, slots: 64, copies: 3, acks: 2, table: 1 },
      url,
      secret: stretchSecret(fields.secret ?? '', cluster),
      sealed: fields.secret !== undefined,
    },
    {
      onUp: (peer) => void up.push(peer),
      onDown: (peer, why) => void down.push([peer, why]),
      onDialFailed: (_url, why, text) => void failed.push(`${why}: ${text}`),
      onFrame: (_peer, bytes) => void frames.push(Buffer.from(bytes).toString()),
      onTwin: (boot) => void twins.push(boot),
    },
    () => {},
  );
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (ws) => links.accept(ws, request));
  });
  t.teardown(() => {
    links.stop();
    links.cut();
    server.close();
    server.closeAllConnections();
  });
  return { identity, url, links, up, down, failed, frames, twins, server };
}

const text = (words: string): Uint8Array => Buffer.from(words);

test('frames reach the peer in order, those included that were sent before the link was up', async (t) => {
  const [a, b] = [await end(t, { secret: 's' }), await end(t, { secret: 's' })];
  for (let i = 0; i < 50; i++) a.links.sendFrame(b.identity.id, b.url, text(`${i}`));
  await until(() => b.frames.length === 50);
  t.deepEqual(
    b.frames,
    Array.from({ length: 50 }, (_, i) => `${i}`),
  );
  b.links.sendFrame(a.identity.id, a.url, text('back'));
  await until(() => a.frames.length === 1);
  t.is(a.links.count, 1);
  t.is(b.links.count, 1, 'one link serves both directions');
});

test('a proven peer may send frames far larger than a handshake', async (t) => {
  const [a, b] = [await end(t), await end(t)];
  a.links.sendFrame(b.identity.id, b.url, Buffer.alloc(3_000_000, 'x'));
  await until(() => b.frames.length === 1);
  t.is(b.frames[0]!.length, 3_000_000);
});

test('two nodes that dial each other at once end with one link, the same on both sides', async (t) => {
  for (let round = 0; round < 5; round++) {
    const [a, b] = [await end(t), await end(t)];
    a.links.sendFrame(b.identity.id, b.url, text('from a'));
    b.links.sendFrame(a.identity.id, a.url, text('from b'));
    await until(() => a.links.count === 1 && b.links.count === 1);
    // after all handshakes are over, both must still agree on a link that works
    await until(() => {
      a.links.sendFrame(b.identity.id, b.url, text('probe'));
      b.links.sendFrame(a.identity.id, a.url, text('probe'));
      return a.frames.includes('probe') && b.frames.includes('probe');
    });
    t.is(a.links.count, 1);
    t.is(b.links.count, 1);
  }
});

test('a dial tells whom it reached, and each way in which it may fail', async (t) => {
  const [a, b] = [await end(t, { secret: 's' }), await end(t, { secret: 's' })];
  a.links.dial(b.url);
  await until(() => a.up.includes(b.identity.id) && b.up.includes(a.identity.id));
  a.links.dial(a.url);
  await until(() => a.failed.length === 1);
  t.regex(a.failed[0]!, /^self: /);
  const stranger = await end(t);
  a.links.dial(stranger.url);
  await until(() => a.failed.length === 2);
  t.regex(a.failed[1]!, /^rejected: secret: /);
  const other = await end(t, { secret: 's', cluster: 'd' });
  a.links.dial(other.url);
  await until(() => a.failed.length === 3);
  // the secret is stretched with the name of the cluster: with both different, this is all that can be said
  t.regex(a.failed[2]!, /^rejected: secret: /);
  stranger.server.close();
  stranger.server.closeAllConnections();
  a.links.dial(stranger.url);
  await until(() => a.failed.length === 4);
  t.regex(a.failed[3]!, /^refused: /);
  a.links.dial('no such host');
  await until(() => a.failed.length === 5);
  t.regex(a.failed[4]!, /^timeout: .*no address/);
  t.deepEqual(stranger.up, []);
  t.deepEqual(other.up, []);
});

test('a node that stops says so once to those who dial it', async (t) => {
  const [a, b] = [await end(t), await end(t)];
  b.links.stop();
  a.links.dial(b.url);
  await until(() => a.failed.length === 1);
  t.is(a.failed[0], 'timeout: stopping: this node is stopping');
});

test('something that is no node is reported as such', async (t) => {
  const a = await end(t);
  const web = createServer((_request, response) => void response.writeHead(404).end());
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  t.teardown(() => web.close());
  a.links.dial(`127.0.0.1:${(web.address() as AddressInfo).port}`);
  await until(() => a.failed.length === 1);
  t.regex(a.failed[0]!, /^rejected: protocol: it answered with HTTP 404/);
});

test('a peer whose process is gone is reported at once', async (t) => {
  const [a, b] = [await end(t), await end(t)];
  a.links.sendFrame(b.identity.id, b.url, text('x'));
  await until(() => b.frames.length === 1);
  b.links.cut();
  b.server.close();
  b.server.closeAllConnections();
  await until(() => a.down.length === 1);
  t.deepEqual(a.down[0], [b.identity.id, 'closed']);
  a.links.sendFrame(b.identity.id, b.url, text('y'));
  await until(() => a.down.length === 2);
  t.deepEqual(a.down[1], [b.identity.id, 'refused']);
});

test('an address where another node answers now counts as left by the one that was meant', async (t) => {
  const [a, b, c] = [await end(t), await end(t), await end(t)];
  a.links.sendFrame(c.identity.id, b.url, text('for c'));
  await until(() => a.down.length === 1);
  t.deepEqual(a.down[0], [c.identity.id, 'refused']);
  t.deepEqual(a.up, [b.identity.id]);
  t.deepEqual(b.frames, []);
});

test('of two boots of one node the later one is linked, and the earlier one turned away', async (t) => {
  const a = await end(t);
  const young = await end(t);
  const old = await end(t, { identity: { ...young.identity, boot: young.identity.boot - 1 } });
  old.links.sendFrame(a.identity.id, a.url, text('old'));
  await until(() => a.frames.includes('old'));
  young.links.sendFrame(a.identity.id, a.url, text('young'));
  await until(() => a.frames.includes('young'));
  t.is(a.links.count, 1);
  await until(() => old.down.length === 1);
  old.links.sendFrame(a.identity.id, a.url, text('old again'));
  await until(() => old.twins.length > 0);
  t.is(old.twins[0], young.identity.boot, 'and it is told why');
  t.false(a.frames.includes('old again'));
});

test('a node that meets its own identity in another process says so', async (t) => {
  const a = await end(t);
  const twin = await end(t, { identity: { ...a.identity, boot: a.identity.boot + 1 } });
  twin.links.dial(a.url);
  await until(() => a.twins.length === 1 && twin.failed.length === 1);
  t.is(a.twins[0], a.identity.boot + 1);
});

test('a link closed on purpose is told apart from one that broke', async (t) => {
  const [a, b] = [await end(t), await end(t)];
  a.links.sendFrame(b.identity.id, b.url, text('x'));
  await until(() => b.up.length === 1);
  a.links.close(b.identity.id, 'unneeded', 'no longer needed');
  await until(() => a.down.length === 1 && b.down.length === 1);
  t.deepEqual(a.down[0], [b.identity.id, 'idle']);
  t.deepEqual(b.down[0], [a.identity.id, 'idle']);
});

test('a peer that breaks the protocol three times in a minute is quarantined', async (t) => {
  const [a, b] = [await end(t), await end(t)];
  for (let i = 1; i <= 3; i++) {
    await until(() => {
      b.links.sendFrame(a.identity.id, a.url, text('bad'));
      return a.up.length === i;
    });
    a.links.close(b.identity.id, 'misbehaved', 'nonsense');
    await until(() => b.down.length === i);
  }
  b.links.dial(a.url);
  await until(() => b.failed.length === 1);
  t.regex(b.failed[0]!, /^rejected: quarantined: /);
});

for (const [what, send] of [
  ['text', (ws: WebSocket) => ws.send('hello')],
  ['noise', (ws: WebSocket) => ws.send(Buffer.alloc(77, 7))],
  ['a frame as large as only a node may send', (ws: WebSocket) => ws.send(Buffer.alloc(1_000_000))],
] as const) {
  test(`${what} on the peer port is refused, and no link is disturbed`, async (t) => {
    const [a, b] = [await end(t), await end(t)];
    a.links.sendFrame(b.identity.id, b.url, text('x'));
    await until(() => b.frames.length === 1);
    const ws = new WebSocket(peerUrlOf(a.url), PEER_SUBPROTOCOL);
    ws.on('error', () => {});
    ws.on('open', () => send(ws));
    const code = await new Promise<number>((resolve) => ws.on('close', resolve));
    t.true(code === 4400 || code === 1009, String(code));
    a.links.sendFrame(b.identity.id, b.url, text('y'));
    await until(() => b.frames.length === 2);
    t.deepEqual(a.down, []);
  });
}

test('a stranger that says nothing is sent away when its time is over', async (t) => {
  const a = await end(t);
  const ws = new WebSocket(peerUrlOf(a.url), PEER_SUBPROTOCOL);
  ws.on('error', () => {});
  const code = await new Promise<number>((resolve) => ws.on('close', resolve));
  t.is(code, 4504);
});

test('only so many strangers are listened to at once', async (t) => {
  const a = await end(t);
  const sockets = Array.from({ length: LIMITS.halfOpenLinksMax + 5 }, () => {
    const ws = new WebSocket(peerUrlOf(a.url), PEER_SUBPROTOCOL);
    ws.on('error', () => {});
    return ws;
  });
  const codes: number[] = [];
  for (const ws of sockets) ws.on('close', (code: number) => codes.push(code));
  await until(() => codes.filter((code) => code === 4429).length === 5);
  for (const ws of sockets) ws.terminate();
  t.pass();
});

for (const [given, url] of [
  ['host', 'http://host:7400'],
  ['host:81', 'http://host:81'],
  ['host:80', 'http://host'],
  ['10.0.0.1', 'http://10.0.0.1:7400'],
  ['::1', 'http://[::1]:7400'],
  ['[::1]:7401', 'http://[::1]:7401'],
  ['http://host', 'http://host'],
  ['https://host/', 'https://host'],
] as const) {
  test(`the seed ${given} is the node at ${url}`, (t) => {
    t.is(nodeUrlOf(given), url);
  });
}

test('a seed that is no address is an error', (t) => {
  for (const bad of ['', 'ftp://host', 'a b', 'host:99999']) t.throws(() => nodeUrlOf(bad));
});

test('a name yields all its addresses', async (t) => {
  const found = await resolveAddresses('localhost:7400');
  t.true(found.length >= 1);
  t.true(found.every((address) => address.key.endsWith(' 7400') && address.url === 'ws://localhost:7400/v1/peer'));
});
