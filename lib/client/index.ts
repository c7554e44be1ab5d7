/** `halod/client`: what applications import, in browsers and in Node. */
import { Client } from './client.js';
import type { ClientOptions, PublisherOptions } from './options.js';
import { Publisher } from './publisher.js';

/** Connects to a cluster through any of its nodes. Returns at once; `state` events tell how it goes. */
export function connect(urls: string | readonly string[], options?: ClientOptions): Client {
  return new Client(urls, options);
}

/** The client of app servers, which publish much and read nothing. */
export function publisher(urls: string | readonly string[], options?: PublisherOptions): Publisher {
  return new Publisher(urls, options);
}

export type { PublishedResult, PublishOutcome, WireMessage as Message } from '../wire/client.js';
export { ERRORS, type ErrorBody, type ErrorCode, HalodError } from '../wire/errors.js';
export { slotOf } from '../wire/slot.js';
export type { Client, ClientEvents, PublishOptions, SubscribeOptions } from './client.js';
export type { ClientGap, ClientState, ExportedState } from './core/ports.js';
export type { ClientOptions, PublisherOptions } from './options.js';
export type { OutgoingMessage, Publisher } from './publisher.js';
export type {
  History,
  HistoryOptions,
  Presence,
  Subscribed,
  Subscription,
  SubscriptionEvents,
} from './subscription.js';
export type { TransportName } from './transports/transport.js';
