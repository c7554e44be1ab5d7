/**
 * Every message between a node and its clients over WebSocket, as types; PROTOCOL.md describes them with examples.
 * In `halod.v1.json` a frame is one JSON object or an array of them; in `halod.v1.msgpack` the same objects in
 * MessagePack, where data may also be bytes. SSE and NDJSON carry the server's messages in their own framing.
 * Unknown fields are ignored, unknown types are an error: that is how both sides may be upgraded one after the other.
 */
import type { ErrorBody, HalodError } from './errors.js';

export const SUBPROTOCOLS = ['halod.v1.json', 'halod.v1.msgpack'] as const;
export type Subprotocol = (typeof SUBPROTOCOLS)[number];

/** Data as the core carries it: JSON text, never parsed on the way, or bytes. */
export type Data = string | Uint8Array;

/** Where a subscription starts: after what is there now, at the oldest retained message, or after a position. */
export type After = 'now' | 'start' | (string & {});

/** One message to publish. `publisher` and `seq` make it a link of that publisher session's chain in this channel. */
export interface PublishItem {
  readonly channel: string;
  /** JSON text or bytes; the codecs turn the `data` field of a frame into it. */
  readonly data: Data;
  /** Makes a retry harmless: one id, one message. Drawn by the node where absent (or `publisher.seq` in a chain). */
  readonly id?: string;
  /** Publisher session, drawn at random by the publisher: 8 to 32 base64url characters. Goes with `seq`. */
  readonly publisher?: string;
  /** 1, 2, 3 … without holes, by publisher session and channel. */
  readonly seq?: number;
  /** Milliseconds since the first try: a first message that is older than publishers are remembered is refused. */
  readonly ageMs?: number;
  /** Never sent: what the reader of a frame found wrong with this one. It gets its own result, and so do the others. */
  readonly wrong?: HalodError;
}

export type ClientMessage =
  /** First message, unless the URL's query said it all. `after` resumes the own channel `@user`. */
  | { type: 'connect'; user?: string; token?: string; relay?: boolean; after?: After }
  | { type: 'subscribe'; channel: string; after?: After }
  | { type: 'unsubscribe'; channel: string }
  /** `ref` is the client's number for the call, repeated in the answer. */
  | { type: 'publish'; ref: number; messages: readonly PublishItem[] }
  | { type: 'history'; ref: number; channel: string; after?: After; limit?: number }
  | { type: 'presence'; ref: number; channel: string }
  | { type: 'refresh'; token: string }
  | { type: 'ping' };

export type GapReason = 'size' | 'age' | 'overflow' | 'unknown' | 'lost' | 'reset';

export interface PublishedResult {
  readonly id: string;
  readonly channel: string;
  readonly position: string;
  /** Nodes that hold the message. */
  readonly copies: number;
}

export type PublishOutcome = PublishedResult | { readonly error: ErrorBody };

/** A message as JSON carries it everywhere. Publisher and seq are present where the publisher numbers its messages. */
export interface WireMessage {
  readonly id: string;
  readonly channel: string;
  readonly data: unknown;
  readonly position: string;
  readonly time: number;
  readonly publisher?: string;
  readonly seq?: number;
}

export type ServerMessage =
  /** `next`: where to go should this node die, best first, and over how many ms to spread (`spreadMs`). */
  | {
      type: 'connected';
      node: string;
      url: string;
      user: string;
      iteration: string;
      pingMs: number;
      next: readonly string[];
      spreadMs: number;
    }
  /** The connection is closed with 4301 after this. */
  | { type: 'redirect'; url: string; reason: string }
  /** Sent before the first message of a (re)subscription. `recovered`: nothing between `after` and here is missing. */
  | { type: 'subscribed'; channel: string; position: string; recovered: boolean }
  | { type: 'unsubscribed'; channel: string }
  | ({ type: 'message' } & WireMessage)
  /** Comes before the first message after the hole. Allows a publisher's chain to jump. */
  | { type: 'gap'; channel: string; reason: GapReason; position: string }
  /** The position moves without a message. */
  | { type: 'position'; channel: string; position: string }
  | { type: 'published'; ref: number; results: readonly PublishOutcome[] }
  | { type: 'history'; ref: number; messages: readonly WireMessage[]; position: string; gap: boolean }
  | { type: 'presence'; ref: number; users: readonly string[]; count: number }
  | { type: 'error'; ref?: number; channel?: string; error: ErrorBody }
  /** Open a connection to `url` after `afterMs`, resume there, then close this one; before `deadlineMs`. */
  | { type: 'move'; url: string; afterMs: number; deadlineMs: number }
  | { type: 'next'; next: readonly string[]; spreadMs: number }
  | { type: 'pong' };
