/**
 * A chat in the terminal: `node dist/examples/client.js alice room:1 [URL…]`. What is typed goes to the room; what the room
 * and whoever writes to @alice say is printed. Kill nodes while it runs: nothing is missing, nothing comes twice.
 */
import { createInterface } from 'node:readline';
import { connect } from '../lib/client/index.js';

const [user = 'alice', channel = 'room:1', ...urls] = process.argv.slice(2);
const client = connect(urls.length > 0 ? urls : 'http://127.0.0.1:7400', { user });

client.on('state', (s) => console.error(`· ${s.state}: ${s.reason}${'url' in s ? ` (${s.url})` : ''}`));
client.on('gap', (gap) => console.error(`· messages of ${gap.channel} are missing here (${gap.reason})`));
client.on('message', (m) => console.log(`to you: ${JSON.stringify(m.data)}`));

const input = createInterface({ input: process.stdin });
input.on('line', (text) => {
  client.publish(channel, { user, text }).catch((error: Error) => console.error(`· not sent: ${error.message}`));
});
input.on('close', () => void client.close());

for await (const { data, time } of client.subscribe(channel, { after: 'start' })) {
  const { user: from, text } = data as { user: string; text: string };
  console.log(`${new Date(time).toLocaleTimeString()} ${from}: ${text}`);
}
