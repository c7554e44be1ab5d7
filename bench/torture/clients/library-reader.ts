/** A reader as an application writes one: `connect` and `subscribe` of the client library. */
import { type Client, type ClientState, connect } from '../../../lib/client/index.js';
import type { Reader, ReaderLog } from './log.js';

export class LibraryReader implements Reader {
  readonly log: ReaderLog;
  readonly #urls: readonly string[];
  #client: Client | undefined;

  constructor(log: ReaderLog, urls: readonly string[]) {
    this.log = log;
    this.#urls = urls;
  }

  start(): void {
    const { log } = this;
    const { user, relay, transport } = log.plan;
    log.subscribing();
    const client = connect([...this.#urls], {
      ...(user === '' ? {} : { user }),
      ...(relay ? { relay } : {}),
      ...(transport === 'library-sse' ? { transports: ['sse'] } : {}),
      ...(transport === 'library-poll' ? { transports: ['poll'] } : {}),
    });
    this.#client = client;
    client.on('state', (state) => log.state(state.state, describe(state)));
    client.on('error', (error) => log.state('error', error.message));
    for (const channel of log.channels) {
      const subscription = client.subscribe(channel);
      subscription.on('gap', (gap) => log.gap(channel, gap.reason, gap.position));
      subscription.on('subscribed', (s) => log.subscribed(channel, s.recovered, s.position));
      subscription.on('message', (m) => log.message(m));
    }
  }

  away(): void {
    throw new Error('the library holds its own connections');
  }

  back(): void {}

  async stop(): Promise<void> {
    await this.#client?.close();
  }
}

/** `silent`: while it moves, no connection delivers. */
function describe(state: ClientState): string {
  if (state.state === 'connected') return `${state.node} ${state.reason}`;
  return state.state === 'moving' && state.silent ? `silent: ${state.reason}` : state.reason;
}
