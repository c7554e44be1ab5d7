/**
 * The smallest cluster: two nodes in this process, a reader on one, a message published through the other.
 * Run it with `npm run build && node dist/examples/hello.js`.
 */
import { connect } from '../lib/client/index.js';
import { createNode } from '../lib/index.js';

const first = await createNode({ port: 0 });
const second = await createNode({ port: 0, seeds: [first.url] });
console.log(`nodes at ${first.url} and ${second.url}`);

const alice = connect(first.url, { user: 'alice' });
const room = alice.subscribe('room:1', { after: 'start' });
room.on('message', (message) => console.log('alice reads', message.data));

const bob = connect(second.url, { user: 'bob' });
const { copies } = await bob.publish('room:1', { text: 'hello from the other node' });
console.log(`stored, copies: ${copies}`);

// One node goes; alice goes on, wherever she was.
await first.close();
await bob.publish('room:1', { text: 'still here' });

await new Promise((resolve) => setTimeout(resolve, 500));
await Promise.all([alice.close(), bob.close()]);
await second.close();
