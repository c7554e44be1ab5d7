/** Watches one channel live through halod/client, and publishes to it. */

type ClientModule = typeof import('../../client/index.js');
type Client = ReturnType<ClientModule['connect']>;

const CLIENT_MODULE = '/console/client/index.js';
const LINES_KEPT = 500;

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

export function startViewer(): void {
  const list = byId('messages');
  const data = byId<HTMLInputElement>('data');
  let client: Client | undefined;
  let channel = '';

  byId('watch').addEventListener('submit', async (event) => {
    event.preventDefault();
    channel = byId<HTMLInputElement>('channel').value;
    const after = byId<HTMLSelectElement>('after').value;
    list.replaceChildren();
    void client?.close();
    const { connect } = (await import(CLIENT_MODULE)) as ClientModule;
    const connection = connect([location.origin]);
    client = connection;
    connection.on('state', (state) => {
      if (client === connection)
        byId('where').textContent = state.state === 'connected' ? `served by ${state.url}` : state.state;
    });
    try {
      const subscription = connection.subscribe(channel, { after });
      subscription.on('message', (message) => {
        append(list, clock(message.time), JSON.stringify(message.data), message.id);
      });
      subscription.on('gap', (gap) => append(list, '', `messages are missing here (${gap.reason})`, '', 'gap'));
      subscription.on('error', (error) => append(list, '', error.message, '', 'gap'));
    } catch (error) {
      append(list, '', (error as Error).message, '', 'gap');
      return;
    }
    data.disabled = false;
    byId('publish').querySelector('button')!.disabled = false;
    data.focus();
  });

  byId('publish').addEventListener('submit', async (event) => {
    event.preventDefault();
    const status = byId('published');
    try {
      const { copies } = await client!.publish(channel, readData(data.value));
      status.textContent = `stored on ${copies} ${copies === 1 ? 'node' : 'nodes'}`;
      data.value = '';
    } catch (error) {
      status.textContent = (error as Error).message;
    }
  });
}

function readData(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function append(list: HTMLElement, time: string, text: string, id: string, className = ''): void {
  const item = document.createElement('li');
  item.className = className;
  for (const [tag, content] of [
    ['time', time],
    ['span', text],
    ['small', id],
  ] as const) {
    const element = document.createElement(tag);
    element.textContent = content;
    item.append(element);
  }
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(item);
  while (list.children.length > LINES_KEPT) list.firstElementChild!.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function clock(time: number): string {
  const date = new Date(time);
  return `${date.toLocaleTimeString('en-GB')}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
