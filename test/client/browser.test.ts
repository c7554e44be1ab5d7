/** The client in Chromium, as the nodes serve it: plain modules, no bundler. */
import { existsSync } from 'node:fs';
import test from 'ava';
import { type Browser, chromium, type Page } from 'playwright-core';
import { connect } from '../../lib/client/index.js';
import { TestCluster, until } from './cluster.js';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const serial = existsSync(CHROMIUM) ? test.serial : test.serial.skip;

let browser: Browser;

test.before(async () => {
  if (existsSync(CHROMIUM)) browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
});
test.after.always(() => browser?.close());

interface Seen {
  own: unknown[];
  room: unknown[];
  urls: string[];
  errors: string[];
}

/** Opens a page of that node, with a client in it, connected there. */
async function openPage(origin: string, user: string, transport: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${origin}/livez`);
  await page.evaluate(
    async ({ user, transport }) => {
      const seen: Seen = { own: [], room: [], urls: [], errors: [] };
      const module = `${location.origin}/console/client/index.js`;
      const { connect } = (await import(module)) as typeof import('../../lib/client/index.js');
      const client = connect(location.origin, { user, transports: [transport as 'sse'] });
      client.on('state', (s) => s.state === 'connected' && seen.urls.push(s.url));
      client.on('error', (error) => seen.errors.push(error.message));
      client.on('gap', (gap) => seen.errors.push(`gap ${gap.reason}`));
      client.on('message', (m) => seen.own.push(m.data));
      client.subscribe('room', { after: 'start' }).on('message', (m) => seen.room.push(m.data));
      Object.assign(globalThis, { seen, client });
    },
    { user, transport },
  );
  return page;
}

function seenBy(page: Page): Promise<Seen> {
  return page.evaluate(() => (globalThis as unknown as { seen: Seen }).seen);
}

async function seenUntil(page: Page, holds: (seen: Seen) => boolean): Promise<Seen> {
  let last = await seenBy(page);
  const end = performance.now() + 15_000;
  while (!holds(last)) {
    if (performance.now() > end) throw new Error(`not in time: ${JSON.stringify(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    last = await seenBy(page);
  }
  return last;
}

for (const transport of ['websocket', 'sse', 'poll']) {
  serial(
    `a page over ${transport}, connected to the wrong node, ends up at its owner and stays in touch`,
    async (t) => {
      const cluster = await TestCluster.start(3);
      t.teardown(() => cluster.close());
      const home = cluster.nodes[2]!;
      const own = cluster.nameAt(home, '@user');
      const writer = connect(cluster.urls[0]!);
      t.teardown(() => writer.close());
      await writer.publish('room', 0);
      const page = await openPage(cluster.urls[0]!, own.slice(1), transport);
      t.teardown(() => page.close());
      await seenUntil(page, ({ room }) => room.length === 1);
      await page.evaluate(() =>
        (globalThis as unknown as { client: ReturnType<typeof connect> }).client.publish('room', 1),
      );
      await writer.publish(own, 'hello');
      const seen = await seenUntil(page, (s) => s.room.length === 2 && s.own.length === 1);
      t.deepEqual(seen.room, [0, 1]);
      t.deepEqual(seen.own, ['hello']);
      if (transport !== 'poll') t.is(seen.urls.at(-1), home.url);
      const left = cluster.stop(home, true);
      for (let n = 2; n < 30; n++) await writer.publish('room', n);
      await left;
      await writer.publish('room', 30);
      await writer.publish(own, 'still there?');
      const after = await seenUntil(page, (s) => s.room.length >= 31 && s.own.length >= 2);
      t.deepEqual(
        after.room,
        Array.from({ length: 31 }, (_, n) => n),
      );
      t.deepEqual(after.own, ['hello', 'still there?']);
      t.deepEqual(after.errors, []);
    },
  );
}

serial('nothing that a page loads has anything of Node in it', async (t) => {
  const cluster = await TestCluster.start(1);
  t.teardown(() => cluster.close());
  const page = await browser.newPage();
  t.teardown(() => page.close());
  const loaded: string[] = [];
  page.on('response', (response) => loaded.push(new URL(response.url()).pathname));
  await page.goto(`${cluster.urls[0]!}/livez`);
  await page.evaluate(() => import(`${location.origin}/console/client/index.js`));
  await until('modules', () => loaded.some((path) => path.endsWith('/client/index.js')));
  t.true(loaded.filter((path) => path.endsWith('.js')).every((path) => /^\/console\/(?:client|wire)\//.test(path)));
});
