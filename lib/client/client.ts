/** The client that applications hold: promises, events and iterators over the core. */
import type { PublishedResult, WireMessage } from '../wire/client.js';
import { type ErrorBody, HalodError } from '../wire/errors.js';
import { ClientCore } from './core/core.js';
import { CLIENT_LIMITS } from './core/limits.js';
import type { ClientGap, ClientState, ExportedState } from './core/ports.js';
import { Emitter } from './emitter.js';
import { type ClientOptions, checkTransports, checkUrls } from './options.js';
import { checkChannel, checkId, encodeData } from './payload.js';
import { Runtime } from './runtime.js';
import { type History, type HistoryOptions, type Presence, type Subscribed, Subscription } from './subscription.js';
import { TransportChoice } from './transports/choose.js';

export interface SubscribeOptions {
  /** `now`, `start`, or the position after which to go on. Without it: `now`, or where `options.state` says. */
  readonly after?: 'now' | 'start' | (string & {});
}

export interface PublishOptions {
  /**
   * Makes it harmless to publish the same again, from another process too: same id, one message. Costs a round trip for
   * each message of a channel; retries of this client's own need no id.
   */
  readonly id?: string;
}

export interface ClientEvents {
  /** The user's own channel. */
  message: WireMessage;
  state: ClientState;
  /** Of any channel. */
  gap: ClientGap;
  /** Of any channel. */
  subscribed: Subscribed;
  /** Something went wrong that ends nothing; what ends the client comes with the state `closed`. */
  error: Error;
}

export class Client extends Emitter<ClientEvents> {
  readonly #core: ClientCore;
  readonly #runtime: Runtime;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #getToken: (() => Promise<string> | string) | undefined;

  constructor(urls: string | readonly string[], options: ClientOptions = {}) {
    super();
    const { user = '', token, getToken, relay = false, after = 'now', apiKey, state } = options;
    const choice = new TransportChoice(checkTransports(options.transports), {
      apiKey,
      positionOf: (channel) => this.#core.positionOf(channel),
    });
    const runtime = new Runtime(choice);
    this.#runtime = runtime;
    this.#getToken = getToken;
    const core = {
      urls: checkUrls(urls),
      user: token === undefined && getToken === undefined ? user : '',
      token: getToken !== undefined ? ('asked' as const) : token !== undefined ? { value: token } : ('none' as const),
      relay,
      after,
      publishDeadlineMs: options.publishDeadlineMs ?? CLIENT_LIMITS.publishDeadlineMs,
      backoffBaseMs: options.backoffBaseMs ?? CLIENT_LIMITS.backoffBaseMs,
      backoffCapMs: options.backoffCapMs ?? CLIENT_LIMITS.backoffCapMs,
    };
    this.#core = new ClientCore(
      core,
      {
        random: runtime.random,
        open: (conn, url) => runtime.open(conn, url),
        send: (conn, message) => runtime.send(conn, message),
        close: (conn, code, reason) => runtime.close(conn, code, reason),
        flushSoon: () => runtime.flushSoon(),
        needToken: () => void this.#fetchToken(),
        state: (value) => this.emit('state', value),
        message: (channel, message) => this.#deliver(channel, message),
        gap: (gap) => {
          this.#subscriptions.get(gap.channel)?.tellGap(gap);
          this.emit('gap', gap);
        },
        subscribed: (channel, position, recovered) => {
          this.#subscriptions.get(channel)?.tellSubscribed({ channel, position, recovered });
          this.emit('subscribed', { channel, position, recovered });
        },
        ended: (channel, error) => this.#ended(channel, error),
        problem: (error) => this.emit('error', asError(error)),
      },
      state,
    );
    runtime.drive(this.#core);
    // listeners set in the turn of `connect` hear everything
    queueMicrotask(() => {
      if (this.state.state === 'closed') return;
      this.#core.start(runtime.now());
      runtime.touch();
    });
  }

  get state(): ClientState {
    return this.#core.state;
  }

  /** @throws HalodError where the channel or `after` is malformed, or the channel is read already by this client */
  subscribe(channel: string, options: SubscribeOptions = {}): Subscription {
    checkChannel(channel);
    if (this.#subscriptions.has(channel)) throw new HalodError('bad-request', `${channel} is subscribed to already`);
    this.#core.subscribe(channel, options.after);
    const subscription = new Subscription(channel, {
      positionOf: (name) => this.#core.positionOf(name),
      pause: (name) => this.#core.pause(name),
      goOn: (name) => this.#core.goOn(name),
      history: (name, more) => this.history(name, more),
      presence: (name) => this.presence(name),
      leave: (name) => this.#leave(name),
    });
    this.#subscriptions.set(channel, subscription);
    this.#runtime.touch();
    return subscription;
  }

  /**
   * Resolves when the message is stored on the slot's copies. Rejects with a HalodError: a refusal, or `unknown` where
   * the deadline has passed and nobody can say whether it is stored.
   */
  publish(channel: string, data: unknown, options: PublishOptions = {}): Promise<PublishedResult> {
    return new Promise((resolve, reject) => {
      checkChannel(channel);
      if (options.id !== undefined) checkId(options.id);
      const encoded = encodeData(data);
      this.#core.publish(
        channel,
        encoded,
        options.id,
        (outcome) => ('error' in outcome ? reject(asError(outcome.error)) : resolve(outcome)),
        this.#runtime.now(),
      );
      this.#runtime.touch();
    });
  }

  history(channel: string, options: HistoryOptions = {}): Promise<History> {
    return new Promise((resolve, reject) => {
      checkChannel(channel);
      this.#core.history(
        channel,
        options.after,
        options.limit,
        (answer) => {
          if ('error' in answer) return reject(asError(answer.error));
          if (answer.type !== 'history') return reject(new HalodError('internal'));
          resolve({ messages: answer.messages, position: answer.position, gap: answer.gap });
        },
        this.#runtime.now(),
      );
      this.#runtime.touch();
    });
  }

  presence(channel: string): Promise<Presence> {
    return new Promise((resolve, reject) => {
      checkChannel(channel);
      this.#core.presence(
        channel,
        (answer) => {
          if ('error' in answer) return reject(asError(answer.error));
          if (answer.type !== 'presence') return reject(new HalodError('internal'));
          resolve({ users: answer.users, count: answer.count });
        },
        this.#runtime.now(),
      );
      this.#runtime.touch();
    });
  }

  /** For `connect(urls, { state })` in the next process: it goes on where this one is, and repeats nothing. */
  exportState(): ExportedState {
    return this.#core.exportState();
  }

  /** Publishes without an answer are rejected; await them first. */
  async close(): Promise<void> {
    this.#core.close();
    this.#runtime.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #deliver(channel: string, message: WireMessage): void {
    if (this.#core.isOwn(channel)) this.emit('message', message);
    this.#subscriptions.get(channel)?.deliver(message);
  }

  #leave(channel: string): void {
    const position = this.#core.positionOf(channel);
    this.#core.unsubscribe(channel);
    const subscription = this.#subscriptions.get(channel);
    this.#subscriptions.delete(channel);
    subscription?.end(position, undefined);
    this.#runtime.touch();
  }

  #ended(channel: string, error: ErrorBody | undefined): void {
    const subscription = this.#subscriptions.get(channel);
    this.#subscriptions.delete(channel);
    const failure = error === undefined ? undefined : asError(error);
    subscription?.end(subscription.position, failure);
    if (failure !== undefined) this.emit('error', failure);
  }

  async #fetchToken(): Promise<void> {
    try {
      const token = await this.#getToken!();
      if (typeof token !== 'string' || token === '') throw new TypeError('getToken gave no token');
      this.#core.setToken(token, this.#runtime.now());
    } catch (error) {
      this.emit('error', error as Error);
      this.#core.tokenFailed((error as Error).message, this.#runtime.now());
    }
    this.#runtime.touch();
  }
}

function asError({ code, message }: ErrorBody): HalodError {
  return new HalodError(code, message);
}
