/** The demo as somebody meets it: the command, the page, and a node that is killed from there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { launch, openPage } from './chromium.js';

const MAIN = fileURLToPath(new URL('../../examples/demo/main.js', import.meta.url));

test('users of a killed node go on elsewhere, and nothing is missing or repeated', async (t) => {
  const demo = spawn(process.execPath, [MAIN, '--port', '0', '--speed', '20'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(demo, 'close');
  let summary = '';
  const address = new Promise<string>((resolve) => {
    createInterface({ input: demo.stdout }).on('line', (line) => {
      const match = /Open {2}(\S+)/.exec(line);
      if (match) resolve(match[1]!);
      if (line.includes('published,')) summary = line;
    });
  });
  const browser = await launch();
  try {
    const { page, complaints } = await openPage(browser, await address);
    await page.locator('.said').first().waitFor();
    t.is(await page.locator('.card').count(), 3);
    t.is(await page.locator('.room').count(), 3);
    t.deepEqual(complaints, []);
    // Names are spread by hash over nodes whose ids are random: take a node that serves somebody besides the page.
    const card = page.locator('.card', { has: page.locator('.people', { hasText: /^([2-9]|\d\d) users$/ }) }).first();
    const number = await card.getAttribute('data-node');
    await card.locator('.kill').click();
    await page.locator('#events', { hasText: `node ${number} killed with kill −9` }).waitFor();
    await page.locator('#events', { hasText: `of node ${number} connected elsewhere` }).waitFor();
    const before = Number((await page.textContent('#delivered'))!.replaceAll(',', ''));
    await page.waitForFunction(
      (n) => Number(document.getElementById('delivered')!.textContent!.replaceAll(',', '')) > n + 100,
      before,
    );
    t.is(await page.textContent('#repeated'), '0');
  } finally {
    await browser.close();
    demo.kill('SIGTERM');
    await ended;
  }
  t.regex(summary, /, 0 missing, 0 repeated,/);
});
