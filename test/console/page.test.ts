/** The console in a real browser. */
import test from 'ava';
import { createNode } from '../../lib/index.js';
import { launch, openPage } from './chromium.js';

test('the console shows the nodes, watches a channel and publishes to it', async (t) => {
  const first = await createNode({ port: 0, preset: 'local' });
  const second = await createNode({ port: 0, preset: 'local', seeds: [first.url] });
  const browser = await launch();
  try {
    const { page, complaints } = await openPage(browser, `${second.url}/console`);
    for (const { id } of [first, second]) await page.getByText(id).waitFor();
    t.is(await page.textContent('#figure-nodes'), '2');

    await page.fill('#channel', 'room:1');
    await page.click('#watch button');
    await page.fill('#data', '{"text":"<img src=x onerror=alert(1)>"}');
    await page.click('#publish button');
    await page.locator('#messages li', { hasText: '<img src=x onerror=alert(1)>' }).waitFor();
    t.is(await page.locator('#messages img').count(), 0, 'what was published stays text');
    t.regex((await page.textContent('#published'))!, /^stored on 2 nodes$/);
    t.deepEqual(complaints, []);
  } finally {
    await browser.close();
    await second.close({ drain: false });
    await first.close({ drain: false });
  }
});

test('the console of a cluster with an API key asks for it', async (t) => {
  const node = await createNode({ port: 0, apiKey: 'open sesame' });
  const browser = await launch();
  try {
    const { page } = await openPage(browser, `${node.url}/console`);
    await page.locator('#key').waitFor();
    await page.fill('#key-value', 'open sesame');
    await page.click('#key button');
    await page.getByText(node.id).waitFor();
    t.pass();
  } finally {
    await browser.close();
    await node.close();
  }
});
