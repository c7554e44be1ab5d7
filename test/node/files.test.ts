import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Node } from '../../lib/node/node.js';
import { call, startNode } from './running.js';

async function site(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'halod-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, 'site/sub'), { recursive: true });
  await writeFile(join(directory, 'secret.txt'), 'secret');
  await writeFile(join(directory, 'site/index.html'), '<!doctype html>home');
  await writeFile(join(directory, 'site/sub/page.js'), 'export {};');
  await writeFile(join(directory, 'site/.env'), 'secret');
  await writeFile(join(directory, 'site/tool.exe'), 'secret');
  await symlink(join(directory, 'secret.txt'), join(directory, 'site/.hidden.txt'));
  return join(directory, 'site');
}

/** As it stands, without what a client library would do to the path. */
function rawGet(node: Node, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(node.url);
    const socket = connect(Number(port), hostname, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`),
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

test('the console comes with the client that it imports, and under a strict policy', async (t) => {
  const node = await startNode(t);
  const client = await call(node, '/console/client/index.js');
  t.is(client.status, 200);
  t.regex(client.headers.get('content-type')!, /javascript/);
  t.is((await call(node, '/console/wire/position.js')).status, 200);
  t.regex(client.headers.get('content-security-policy')!, /default-src 'self'.*frame-ancestors 'none'/);
  t.is(client.headers.get('x-content-type-options'), 'nosniff');
  const again = await call(node, '/console/client/index.js', {
    headers: { 'if-none-match': client.headers.get('etag')! },
  });
  t.is(again.status, 304);
});

test('every module that the client imports is served', async (t) => {
  const node = await startNode(t);
  const seen = new Set<string>();
  const wanted = ['/console/client/index.js'];
  for (let path = wanted.pop(); path !== undefined; path = wanted.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const { status, body } = await call(node, path);
    t.is(status, 200, path);
    for (const [, target] of (body as string).matchAll(/(?:from|import)\s*['"]([^'"]+)['"]/g)) {
      t.true(target!.startsWith('.'), `${path} imports ${target}, which no browser finds`);
      wanted.push(new URL(target!, `http://x${path}`).pathname);
    }
  }
  t.true(seen.size > 5);
});

test('a node without a console serves none', async (t) => {
  const node = await startNode(t, { console: false });
  for (const path of ['/console', '/console/client/index.js', '/']) t.is((await call(node, path)).status, 404);
});

test('a directory of assets is served, and nothing beside it', async (t) => {
  const node = await startNode(t, { assets: await site(t) });
  t.is((await call(node, '/')).body, '<!doctype html>home');
  t.is((await call(node, '/sub/page.js')).body, 'export {};');
  for (const path of ['/.env', '/tool.exe', '/.hidden.txt', '/sub', '/sub/', '/index.html/']) {
    const { status, body } = await call(node, path);
    t.true(status === 404 || !JSON.stringify(body).includes('secret'), path);
  }
});

for (const path of [
  '/../secret.txt',
  '/..%2fsecret.txt',
  '/%2e%2e/secret.txt',
  '/%2e%2e%2fsecret.txt',
  '/..%5csecret.txt',
  '/..\\secret.txt',
  '/....//secret.txt',
  '/sub/../../secret.txt',
  '/sub/%2e%2e/%2e%2e/secret.txt',
  '/console/../../../package.json',
  '/console/client/../../../../package.json',
  '/console/assets/%2e%2e/%2e%2e/index.js',
  '//etc/passwd',
  '/etc/passwd',
  '/%00',
  '/index.html%00.txt',
  '/C:/Windows/win.ini',
  '/file:///etc/passwd',
  'http://127.0.0.1/../secret.txt',
]) {
  test(`the path ${path} leads nowhere`, async (t) => {
    const node = await startNode(t, { assets: await site(t) });
    const answer = await rawGet(node, path);
    t.regex(answer, /^HTTP\/1\.1 (400|404) /);
    t.false(answer.includes('secret\n') || answer.endsWith('secret'));
  });
}

test('assets that are no directory keep the node from starting', async (t) => {
  await t.throwsAsync(startNode(t, { assets: '/no/such/directory' }), { message: /no such/i });
});
