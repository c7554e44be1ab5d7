/** The page of index.html. Every node serves the client as plain modules. */
import { connect } from '/console/client/index.js';

const client = connect(location.origin, { user: `guest-${Math.random().toString(36).slice(2, 6)}` });
const room = client.subscribe('room:1', { after: 'start' });

client.on('state', ({ state, reason, url }) => {
  document.getElementById('state').textContent = `${state}: ${reason} ${url ?? ''}`;
});
room.on('message', ({ data }) => {
  const line = document.createElement('li');
  line.textContent = typeof data === 'object' ? data.text : String(data);
  document.getElementById('room').append(line);
});
document.forms[0].addEventListener('submit', async (event) => {
  event.preventDefault();
  const { text } = event.target.elements;
  await client.publish('room:1', { text: text.value });
  text.value = '';
});
