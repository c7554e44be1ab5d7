/** A reader as an application writes one: `connect` and `subscribe` of the client library. */
import { type Client, connect } from '../../../lib/client/index.js';
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
    const { user, channels, relay } = log.plan;
    log.subscribing();
    const client = connect([...this.#urls], { ...(user === '' ? {} : { user }), ...(relay ? { relay } : {}) });
    this.#client = client;
    client.on('state', (state) => log.state(state.state, state.reason));
    if (user !== '') {
      client.on('message', (m) => log.message(m));
      client.on('gap', (gap) => log.gap(gap.channel, gap.reason, gap.position));
      client.on('subscribed', (s) => {
        if (s.channel === `@${user}`) log.subscribed(s.channel, s.recovered, s.position);
      });
    }
    for (const channel of channels) {
      const subscription = client.subscribe(channel);
      subscription.on('message', (m) => log.message(m));
      subscription.on('gap', (gap) => log.gap(channel, gap.reason, gap.position));
      subscription.on('subscribed', (s) => log.subscribed(channel, s.recovered, s.position));
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
