/**
 * What the client core asks of whoever drives it: sockets below, the application above. Every port is called
 * synchronously within a step; a driver answers later, through the core's inputs, never from inside the call.
 */
import type { After, ClientMessage, Data, GapReason, PublishOutcome, WireMessage } from '../../wire/client.js';
import type { ErrorBody } from '../../wire/errors.js';

/** A connection of this client, numbered from 1 in the order in which they are opened. Never used twice. */
export type ConnectionId = number;

export type ClientState =
  | { readonly state: 'connecting'; readonly reason: string }
  | { readonly state: 'connected'; readonly reason: string; readonly url: string; readonly node: string }
  /** On the way to another node; unless `silent`, the old connection still delivers. */
  | { readonly state: 'moving'; readonly reason: string; readonly url: string; readonly silent: boolean }
  | { readonly state: 'closed'; readonly reason: string; readonly error?: ErrorBody };

export interface ClientGap {
  readonly channel: string;
  readonly reason: GapReason;
  readonly position: string;
}

export type PublishDone = (outcome: PublishOutcome) => void;

/** The one source of chance. */
export interface ClientRandom {
  /** Uniform in [0, 1). */
  next(): number;
  /** `bytes` random bytes as base64url without padding. */
  name(bytes: number): string;
}

/** The network side, shared by the client and the publisher. */
export interface LinkPorts {
  readonly random: ClientRandom;
  /** Answered by `opened` or `closed`. */
  open(conn: ConnectionId, url: string): void;
  send(conn: ConnectionId, message: ClientMessage): void;
  /** The core has forgotten the connection: nothing of it may reach the core any more. */
  close(conn: ConnectionId, code: number, reason: string): void;
  /** Publishes wait: call `flush` after this turn, so that what one turn has leaves in one frame. */
  flushSoon(): void;
}

export interface ClientPorts extends LinkPorts {
  /** Answered by `setToken` or `tokenFailed`. Called only with `token: 'asked'`. */
  needToken(): void;

  state(state: ClientState): void;
  /** Each message once, in the channel's order. */
  message(channel: string, message: WireMessage): void;
  /** Messages of this channel are missing before the next one. */
  gap(gap: ClientGap): void;
  /** A (re)subscription stands. */
  subscribed(channel: string, position: string, recovered: boolean): void;
  /** The subscription is over and will not be tried again. */
  ended(channel: string, error: ErrorBody | undefined): void;
  /** Something the user should know that ends nothing. */
  problem(error: ErrorBody): void;
}

export interface ClientCoreOptions {
  readonly urls: readonly string[];
  /** '' reads anonymously. With a token the node says who the user is. */
  readonly user: string;
  readonly token: 'none' | 'asked' | { readonly value: string };
  /** Ask every node to serve this client itself. */
  readonly relay: boolean;
  /** Where the own channel starts. */
  readonly after: After;
  readonly publishDeadlineMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  readonly defences: ClientDefences;
}

/** What keeps a callback from seeing a message twice or out of order. On, always; tests switch one off to see it missed. */
export interface ClientDefences {
  /** Entries at or below the position are dropped. */
  readonly position: boolean;
  /** A publisher's messages are accepted in its order only. */
  readonly chain: boolean;
  /** The same message under a second name is dropped. */
  readonly alias: boolean;
}

export const ALL_DEFENCES: ClientDefences = { position: true, chain: true, alias: true };

export const CORE_DEFAULTS: Omit<ClientCoreOptions, 'urls'> = {
  user: '',
  token: 'none',
  relay: false,
  after: 'now',
  publishDeadlineMs: 30_000,
  backoffBaseMs: 200,
  backoffCapMs: 10_000,
  defences: ALL_DEFENCES,
};

/** What survives a restart of the process, as plain JSON. */
export interface ExportedState {
  readonly version: 1;
  readonly channels: Readonly<Record<string, ExportedChannel>>;
}

export interface ExportedChannel {
  /** Or `now` or `start`, where the subscription has not begun. */
  readonly position: string;
  /** [publisher, highest seq], most recently heard last. */
  readonly marks: readonly (readonly [string, number])[];
  readonly ids: readonly string[];
}

export type { After, ClientMessage, Data, PublishOutcome, WireMessage };
