/** A reader of server-sent events, as EventSource is one, or of JSON lines: resumes with the last id or position it saw. */
import type { GapReason, WireMessage } from '../../../lib/wire/client.js';
import { checkOk, HttpReader } from './http-reader.js';
import type { ReaderLog } from './log.js';

const SILENT_MS = 40_000;
const ANSWER_MS = 5_000;

interface StreamMessage extends Partial<WireMessage> {
  readonly type?: string;
  readonly channel: string;
  readonly position: string;
  readonly recovered?: boolean;
  readonly reason?: GapReason;
}

export class StreamReader extends HttpReader {
  readonly #isSse: boolean;
  #resume = '';

  constructor(log: ReaderLog, urls: readonly string[], first: number) {
    super(log, urls, first);
    this.#isSse = log.plan.transport === 'sse';
    if (!this.#isSse && log.channels.length > 1) throw new Error('a JSON stream is read with one channel here');
  }

  protected async ask(url: string): Promise<string> {
    const query = new URLSearchParams(this.log.channels.map((channel) => ['channel', channel]));
    if (this.log.plan.relay) query.set('relay', '1');
    if (this.#resume !== '' && !this.#isSse) query.set('after', this.#resume);
    const abort = new AbortController();
    this.abort = abort;
    let timer = setTimeout(() => abort.abort(), ANSWER_MS);
    try {
      const response = await fetch(`${url}/v1/subscribe?${query}`, {
        headers: {
          accept: this.#isSse ? 'text/event-stream' : 'application/x-ndjson',
          ...(this.#resume !== '' && this.#isSse ? { 'last-event-id': this.#resume } : {}),
        },
        signal: abort.signal,
      });
      await checkOk(response);
      this.addresses.worked();
      this.log.state('connected', response.url);
      const decoder = new TextDecoder();
      const end = this.#isSse ? '\n\n' : '\n';
      let text = '';
      for await (const chunk of response.body!) {
        clearTimeout(timer);
        timer = setTimeout(() => abort.abort(), SILENT_MS);
        text += decoder.decode(chunk, { stream: true });
        for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end)) {
          const block = text.slice(0, at);
          text = text.slice(at + end.length);
          if (this.#isSse) this.#onBlock(block);
          else if (block !== '') this.#handle(JSON.parse(block) as StreamMessage);
        }
      }
      return '';
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  #onBlock(block: string): void {
    let event = '';
    let data = '';
    for (const line of block.split('\n')) {
      if (line.startsWith('id:')) this.#resume = line.slice(3).trim() || this.#resume;
      else if (line.startsWith('event:')) event = line.slice(6).trim();
      else if (line.startsWith('data:')) data += line.slice(5).trim();
    }
    if (data !== '') this.#handle({ type: event === '' ? 'message' : event, ...JSON.parse(data) } as StreamMessage);
  }

  #handle(m: StreamMessage): void {
    const type = m.type ?? 'message';
    if (!this.#isSse && m.position !== undefined && (type !== 'subscribed' || this.#resume === ''))
      this.#resume = m.position;
    if (type === 'message') this.log.message(m as WireMessage);
    else if (type === 'subscribed') this.log.subscribed(m.channel, m.recovered === true, m.position);
    else if (type === 'gap') this.log.gap(m.channel, m.reason!, m.position);
    else if (type === 'close' || type === 'refused' || type === 'error') {
      this.log.state('closing', JSON.stringify(m));
      this.abort.abort();
    }
  }
}
