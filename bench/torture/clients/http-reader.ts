/** A reader that asks over plain HTTP, one request after the other: who starts it, stops it, and where it asks next. */
import { Addresses } from './addresses.js';
import type { Reader, ReaderLog } from './log.js';

export abstract class HttpReader implements Reader {
  readonly log: ReaderLog;
  protected readonly addresses: Addresses;
  /** Of the request at hand. */
  protected abort = new AbortController();
  #wanted = true;

  constructor(log: ReaderLog, urls: readonly string[], first: number) {
    this.log = log;
    this.addresses = new Addresses(urls, first);
  }

  start(): void {
    this.log.subscribing();
    void this.#run();
  }

  away(): void {
    this.#wanted = false;
    this.abort.abort();
  }

  back(): void {
    this.#wanted = true;
    void this.#run();
  }

  async stop(): Promise<void> {
    this.away();
  }

  /** One request, with an `abort` of its own. Resolves with whom to ask at once; '': another one, after a pause. */
  protected abstract ask(url: string): Promise<string>;

  async #run(): Promise<void> {
    let next = '';
    while (this.#wanted) {
      try {
        next = await this.ask(next || this.addresses.url);
      } catch (error) {
        next = '';
        if (this.#wanted) this.log.state('connecting', (error as Error).message);
      }
      if (this.#wanted && next === '') await this.addresses.pause();
    }
  }
}

/** @throws Error where the answer is no success */
export async function checkOk(response: Response): Promise<void> {
  if (!response.ok) throw new Error(`${response.status} ${(await response.text()).slice(0, 200)}`);
}
