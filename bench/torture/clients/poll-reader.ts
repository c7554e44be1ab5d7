/** A reader that polls: each answer's position is the next question's. */
import type { GapReason, WireMessage } from '../../../lib/wire/client.js';
import { Addresses } from './addresses.js';
import type { Reader, ReaderLog } from './log.js';

const WAIT_S = 5;
const ANSWER_MS = WAIT_S * 1_000 + 8_000;

interface PollAnswer {
  readonly messages: readonly WireMessage[];
  readonly position: string;
  readonly gap: boolean;
  readonly gaps?: readonly { readonly channel: string; readonly reason: GapReason }[];
}

export class PollReader implements Reader {
  readonly log: ReaderLog;
  readonly #addresses: Addresses;
  #position = '';
  #wanted = true;
  #abort = new AbortController();

  constructor(log: ReaderLog, urls: readonly string[], first: number) {
    this.log = log;
    this.#addresses = new Addresses(urls, first);
    if (log.channels.length > 1) throw new Error('one channel is polled here');
  }

  start(): void {
    this.log.subscribing();
    void this.#run();
  }

  away(): void {
    this.#wanted = false;
    this.#abort.abort();
  }

  back(): void {
    this.#wanted = true;
    void this.#run();
  }

  async stop(): Promise<void> {
    this.away();
  }

  async #run(): Promise<void> {
    let url = this.#addresses.url;
    while (this.#wanted) {
      try {
        url = await this.#ask(url);
        this.#addresses.worked();
      } catch (error) {
        if (!this.#wanted) return;
        this.log.state('connecting', (error as Error).message);
        await this.#addresses.pause();
        url = this.#addresses.url;
      }
    }
  }

  /** The URL of whoever answered: the next question goes there at once. */
  async #ask(url: string): Promise<string> {
    const [channel] = this.log.channels;
    const query = new URLSearchParams({ channel: channel!, wait: this.#position === '' ? '0' : String(WAIT_S) });
    if (this.#position !== '') query.set('after', this.#position);
    if (this.log.plan.relay) query.set('relay', '1');
    this.#abort = new AbortController();
    const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(ANSWER_MS)]);
    const response = await fetch(`${url}/v1/poll?${query}`, { signal });
    if (!response.ok) throw new Error(`${response.status} ${(await response.text()).slice(0, 200)}`);
    const answer = (await response.json()) as PollAnswer;
    if (this.#position === '') this.log.subscribed(channel!, true, answer.position);
    this.#position = answer.position;
    if (answer.gap) {
      const reason = answer.gaps?.[0]?.reason ?? 'size';
      this.log.gap(channel!, reason, answer.messages.length === 0 ? answer.position : undefined);
    }
    for (const message of answer.messages) this.log.message(message);
    return new URL(response.url).origin;
  }
}
