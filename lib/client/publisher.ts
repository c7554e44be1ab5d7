/**
 * The app server's client: straight to the owner of each channel, many messages in a frame, each answered. Light on
 * purpose: a publish is one object and one callback; promises are made only where they are asked for.
 */
import type { PublishedResult, PublishOutcome } from '../wire/client.js';
import { HalodError } from '../wire/errors.js';
import { slotOf } from '../wire/slot.js';
import { CLIENT_LIMITS } from './core/limits.js';
import { type ClusterTable, PublisherCore } from './core/publisher-core.js';
import { checkUrls, type PublisherOptions } from './options.js';
import { checkChannel, checkId, encodeData } from './payload.js';
import { Runtime } from './runtime.js';
import { TransportChoice } from './transports/choose.js';

export interface OutgoingMessage {
  readonly channel: string;
  readonly data: unknown;
  /** Same id, one message, whoever publishes it; costs a round trip for each message of a channel. */
  readonly id?: string;
}

const TABLE_TIMEOUT_MS = 3_000;

export class Publisher {
  readonly #core: PublisherCore;
  readonly #runtime: Runtime;
  readonly #options: PublisherOptions;
  #token: string | undefined;

  constructor(urls: string | readonly string[], options: PublisherOptions = {}) {
    const { apiKey, token, getToken } = options;
    this.#options = options;
    this.#token = token;
    const runtime = new Runtime(new TransportChoice(['websocket'], { apiKey, positionOf: () => undefined }));
    this.#runtime = runtime;
    this.#core = new PublisherCore(
      {
        urls: checkUrls(urls),
        token: getToken !== undefined ? 'asked' : token !== undefined ? { value: token } : 'none',
        publishDeadlineMs: options.publishDeadlineMs ?? CLIENT_LIMITS.publishDeadlineMs,
        backoffBaseMs: options.backoffBaseMs ?? CLIENT_LIMITS.backoffBaseMs,
        backoffCapMs: options.backoffCapMs ?? CLIENT_LIMITS.backoffCapMs,
      },
      {
        random: runtime.random,
        open: (conn, url) => runtime.open(conn, url),
        send: (conn, message) => runtime.send(conn, message),
        close: (conn, code, reason) => runtime.close(conn, code, reason),
        flushSoon: () => runtime.flushSoon(),
        fetchTable: (url) => void this.#fetchTable(url),
        needToken: () => void this.#fetchToken(),
        refused: (error) => {
          runtime.stop();
          options.onRefused?.(error);
        },
      },
    );
    runtime.drive(this.#core);
    queueMicrotask(() => {
      this.#core.start(runtime.now());
      runtime.touch();
    });
  }

  /** Publishes without an answer. */
  get pending(): number {
    return this.#core.pending;
  }

  /** The address of the node that owns the channel, as far as is known. */
  ownerOf(channel: string): string | undefined {
    const { table } = this.#core;
    return table?.nodes[table.owners[slotOf(channel, table.slots)] ?? -1]?.url;
  }

  /** Resolves when the message is stored on the slot's copies. Rejects with a HalodError. */
  publish(channel: string, data: unknown, options: { readonly id?: string } = {}): Promise<PublishedResult> {
    return new Promise((resolve, reject) => {
      this.send({ channel, data, ...options }, (outcome) => {
        if ('error' in outcome) reject(new HalodError(outcome.error.code, outcome.error.message));
        else resolve(outcome);
      });
    });
  }

  /** Resolves with one outcome for each message, in their order; it never rejects for one of them. */
  publishMany(messages: readonly OutgoingMessage[]): Promise<PublishOutcome[]> {
    return new Promise((resolve) => {
      const outcomes = new Array<PublishOutcome>(messages.length);
      let left = messages.length;
      if (left === 0) return resolve(outcomes);
      const set = (i: number, outcome: PublishOutcome): void => {
        outcomes[i] = outcome;
        if (--left === 0) resolve(outcomes);
      };
      messages.forEach((message, i) => {
        try {
          this.send(message, (outcome) => set(i, outcome));
        } catch (error) {
          if (!(error instanceof HalodError)) throw error;
          set(i, { error: error.toBody() });
        }
      });
    });
  }

  /** The lightest form: `done` is called once, with the result or the error. @throws HalodError where it is malformed */
  send(message: OutgoingMessage, done: (outcome: PublishOutcome) => void): void {
    const { channel, data, id } = message;
    checkChannel(channel);
    if (id !== undefined) checkId(id);
    this.#core.publish(channel, encodeData(data), id, done, this.#runtime.now());
    this.#runtime.touch();
  }

  /** Publishes without an answer end in an error; await them first. */
  async close(): Promise<void> {
    this.#core.close();
    this.#runtime.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #fetchTable(url: string): Promise<void> {
    let table: ClusterTable | undefined;
    try {
      const { apiKey } = this.#options;
      const bearer = apiKey ?? this.#token;
      const headers: Record<string, string> = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
      const response = await fetch(`${url}/v1/cluster`, { headers, signal: AbortSignal.timeout(TABLE_TIMEOUT_MS) });
      if (response.ok) table = (await response.json()) as ClusterTable;
      // who may not see the table still publishes, through any node
      else await response.body?.cancel();
    } catch {
      // the next address may answer
    }
    this.#core.tableFetched(table, this.#runtime.now());
    this.#runtime.touch();
  }

  async #fetchToken(): Promise<void> {
    for (let tries = 0; !this.#core.isClosed; tries++) {
      try {
        this.#token = await this.#options.getToken!();
        this.#core.setToken(this.#token, this.#runtime.now());
        return this.#runtime.touch();
      } catch {
        const waitMs = Math.random() * Math.min(CLIENT_LIMITS.backoffCapMs, CLIENT_LIMITS.backoffBaseMs * 2 ** tries);
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }
}
