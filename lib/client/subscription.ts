/**
 * One channel as the application reads it: events, or an async iterator, or both. What comes before anyone listens is
 * kept for whoever listens first.
 */
import type { WireMessage } from '../wire/client.js';
import { Backlog } from './backlog.js';
import type { ClientGap } from './core/ports.js';
import { Emitter, type Listener } from './emitter.js';

export interface HistoryOptions {
  /** `start`, or a position; without it the latest messages. */
  readonly after?: string;
  readonly limit?: number;
}

export interface History {
  readonly messages: readonly WireMessage[];
  readonly position: string;
  /** Messages after `after` are missing. */
  readonly gap: boolean;
}

export interface Presence {
  readonly users: readonly string[];
  readonly count: number;
}

export interface Subscribed {
  readonly channel: string;
  readonly position: string;
  /** Nothing is missing between the position asked for and here. */
  readonly recovered: boolean;
}

export interface SubscriptionEvents {
  message: WireMessage;
  gap: ClientGap;
  /** The subscription stands; again after each reconnect and move. */
  subscribed: Subscribed;
  /** It was refused, and is over. */
  error: Error;
  /** It is over, for whatever reason. */
  close: undefined;
}

/** What a subscription needs of its client. */
export interface SubscriptionOwner {
  positionOf(channel: string): string | undefined;
  pause(channel: string): void;
  goOn(channel: string): void;
  history(channel: string, options?: HistoryOptions): Promise<History>;
  presence(channel: string): Promise<Presence>;
  leave(channel: string): void;
}

export class Subscription extends Emitter<SubscriptionEvents> implements AsyncIterable<WireMessage> {
  readonly channel: string;
  readonly #owner: SubscriptionOwner;
  readonly #iterators = new Set<Backlog<WireMessage>>();
  /** Until someone listens. */
  #early: Backlog<WireMessage> | undefined;
  #paused = false;
  #lastPosition: string | undefined;
  #over = false;
  #error: Error | undefined;

  constructor(channel: string, owner: SubscriptionOwner) {
    super();
    this.channel = channel;
    this.#owner = owner;
    this.#early = this.#backlog();
  }

  /** Where this client is in the channel; resumes here. undefined before it is anywhere. */
  get position(): string | undefined {
    return this.#owner.positionOf(this.channel) ?? this.#lastPosition;
  }

  get closed(): boolean {
    return this.#over;
  }

  override on<K extends keyof SubscriptionEvents>(event: K, listener: Listener<SubscriptionEvents[K]>): this {
    super.on(event, listener);
    if (event === 'message') this.#release();
    return this;
  }

  history(options?: HistoryOptions): Promise<History> {
    return this.#owner.history(this.channel, options);
  }

  presence(): Promise<Presence> {
    return this.#owner.presence(this.channel);
  }

  unsubscribe(): void {
    if (!this.#over) this.#owner.leave(this.channel);
  }

  close(): void {
    this.unsubscribe();
  }

  /** Each iterator gets every message from its creation on, the first one also those before it. */
  [Symbol.asyncIterator](): AsyncIterableIterator<WireMessage> {
    const iterator = this.#early ?? this.#backlog();
    this.#early = undefined;
    if (this.#over) iterator.finish(this.#error);
    else this.#iterators.add(iterator);
    return iterator;
  }

  // from the client

  deliver(message: WireMessage): void {
    if (this.#early !== undefined) this.#fill(this.#early, message);
    else this.emit('message', message);
    for (const iterator of this.#iterators) this.#fill(iterator, message);
  }

  tellGap(gap: ClientGap): void {
    this.emit('gap', gap);
  }

  tellSubscribed(event: Subscribed): void {
    this.emit('subscribed', event);
  }

  end(position: string | undefined, error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#lastPosition = position;
    this.#early?.finish(error);
    for (const iterator of this.#iterators) iterator.finish(error);
    this.#iterators.clear();
    if (error !== undefined) this.emit('error', error);
    this.emit('close', undefined);
  }

  #backlog(): Backlog<WireMessage> {
    const backlog: Backlog<WireMessage> = new Backlog(
      () => this.#goOn(),
      () => {
        this.#iterators.delete(backlog);
        this.#goOn();
      },
    );
    return backlog;
  }

  #fill(backlog: Backlog<WireMessage>, message: WireMessage): void {
    backlog.push(message);
    if (!backlog.full || this.#paused) return;
    this.#paused = true;
    this.#owner.pause(this.channel);
  }

  #goOn(): void {
    if (!this.#paused || this.#over) return;
    for (const iterator of this.#iterators) if (!iterator.low) return;
    this.#paused = false;
    this.#owner.goOn(this.channel);
  }

  /** Messages that came before the first listener reach it after the present turn, still in order. */
  #release(): void {
    const early = this.#early;
    if (early === undefined) return;
    if (early.size === 0) {
      this.#early = undefined;
      return;
    }
    queueMicrotask(() => {
      if (this.#early !== early) return;
      this.#early = undefined;
      for (const message of early.takeAll()) this.emit('message', message);
      this.#goOn();
    });
  }
}
