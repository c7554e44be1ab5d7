/** A reader that polls: each answer's position is the next question's. */
import type { GapReason, WireMessage } from '../../../lib/wire/client.js';
import { checkOk, HttpReader } from './http-reader.js';
import type { ReaderLog } from './log.js';

const WAIT_S = 5;
const ANSWER_MS = WAIT_S * 1_000 + 8_000;

interface PollAnswer {
  readonly messages: readonly WireMessage[];
  readonly position: string;
  readonly gap: boolean;
  readonly gaps?: readonly { readonly channel: string; readonly reason: GapReason }[];
}

export class PollReader extends HttpReader {
  readonly #channel: string;
  #position = '';

  constructor(log: ReaderLog, urls: readonly string[], first: number) {
    super(log, urls, first);
    if (log.channels.length > 1) throw new Error('one channel is polled here');
    this.#channel = log.channels[0]!;
  }

  /** The next question goes to whoever answered. */
  protected async ask(url: string): Promise<string> {
    const channel = this.#channel;
    const query = new URLSearchParams({ channel, wait: this.#position === '' ? '0' : String(WAIT_S) });
    if (this.#position !== '') query.set('after', this.#position);
    if (this.log.plan.relay) query.set('relay', '1');
    this.abort = new AbortController();
    const signal = AbortSignal.any([this.abort.signal, AbortSignal.timeout(ANSWER_MS)]);
    const response = await fetch(`${url}/v1/poll?${query}`, { signal });
    await checkOk(response);
    const answer = (await response.json()) as PollAnswer;
    if (this.#position === '') this.log.subscribed(channel, true, answer.position);
    this.#position = answer.position;
    if (answer.gap) {
      const reason = answer.gaps?.[0]?.reason ?? 'size';
      this.log.gap(channel, reason, answer.messages.length === 0 ? answer.position : undefined);
    }
    for (const message of answer.messages) this.log.message(message);
    this.addresses.worked();
    return new URL(response.url).origin;
  }
}
