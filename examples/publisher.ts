/**
 * An app server's side: numbers its readings, ten channels at once, each sent straight to the node that owns its channel.
 * Run it beside `halod cluster 3` with `node dist/examples/publisher.js [URL…]`, and read with `halod subscribe sensor:0`.
 */
import { publisher } from '../lib/client/index.js';

const [...urls] = process.argv.slice(2);
const app = publisher(urls.length > 0 ? urls : 'http://127.0.0.1:7400', {
  // where the nodes have one: only apps hold it, never a page
  ...(process.env['HALOD_API_KEY'] === undefined ? {} : { apiKey: process.env['HALOD_API_KEY'] }),
  onRefused: (error) => console.error(`refused: ${error.code}: ${error.message}`),
});

for (let round = 1; round <= 10; round++) {
  const readings = Array.from({ length: 10 }, (_, i) => ({
    channel: `sensor:${i}`,
    data: { round, value: Math.random() },
  }));
  // one outcome for each, in order; what is retried is stored once
  const outcomes = await app.publishMany(readings);
  const failed = outcomes.filter((outcome) => 'error' in outcome);
  console.log(`round ${round}: ${outcomes.length - failed.length} stored, ${failed.length} not`);
}

// An id of your own makes it one message even where this process dies and does the same again.
const { copies } = await app.publish('orders', { item: 'tea' }, { id: 'order-17' });
console.log(`order stored, copies: ${copies}; sensor:0 is at ${app.ownerOf('sensor:0')}`);
await app.close();
