/** A page in Chromium that knows only the wrong node, and none of halod's own code. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { chromium } from 'playwright-core';
import { post, startCluster, until } from './running.js';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const onlyWithChromium = existsSync(CHROMIUM) ? test.serial : test.serial.skip;

onlyWithChromium('a page of another origin ends up at its owner, over EventSource and over WebSocket', async (t) => {
  const nodes = await startCluster(t, 2);
  let user = '';
  for (let i = 0; user === ''; i++) if (!nodes[0]!.core.homeOf(`@u${i}`).self) user = `u${i}`;
  const site = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>site</title>');
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  t.teardown(async () => {
    await browser.close();
    site.close();
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
  const got: string[] = [];
  await page.exposeFunction('got', (text: string) => got.push(text));
  const script = `
    const source = new EventSource('${nodes[0]!.url}/v1/subscribe?user=${user}');
    source.addEventListener('subscribed', () => got('stream subscribed'));
    source.onmessage = (event) => got('stream ' + JSON.parse(event.data).data);
    const socket = (url) => {
      const ws = new WebSocket(url.replace('http', 'ws') + '/v1/ws?user=${user}');
      ws.onmessage = (event) => {
        const message = JSON.parse(event.data);
        if (message.type === 'redirect') got('socket redirected') && socket(message.url);
        if (message.type === 'subscribed') got('socket subscribed');
        if (message.type === 'message') got('socket ' + message.data);
      };
    };
    socket('${nodes[0]!.url}');`;
  await page.evaluate(script);
  await until(() => got.includes('stream subscribed') && got.includes('socket subscribed'));
  t.true(got.includes('socket redirected'));
  t.is(nodes[0]!.stats.connections, 0);
  t.is(nodes[1]!.stats.connections, 2);
  await post(nodes[0]!, '/v1/publish', { channel: `@${user}`, data: 'hello' });
  await until(() => got.includes('stream hello') && got.includes('socket hello'));
});
