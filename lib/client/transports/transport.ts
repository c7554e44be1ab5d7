/**
 * What a transport is to the client: messages both ways, opened once, closed once. Over HTTP, where there is no such
 * thing, the transport makes it look so; the core cannot tell the difference.
 */
import type { ClientMessage, ServerMessage } from '../../wire/client.js';

export type TransportName = 'websocket' | 'sse' | 'poll';

/** Nothing is called from inside `open`, `send` or `close`; nothing after `closed`, nor after `close`. */
export interface TransportEvents {
  opened(): void;
  /** Something of the node came through: this transport works here. */
  proven(): void;
  message(message: ServerMessage): void;
  closed(code: number, reason: string): void;
}

export interface TransportConnection {
  send(message: ClientMessage): void;
  close(code: number, reason: string): void;
}

export interface TransportContext {
  /** Of apps, in Node only: sent as `Authorization: Bearer`. */
  readonly apiKey: string | undefined;
  /** Where the client is in a channel it reads; undefined before it is anywhere. */
  positionOf(channel: string): string | undefined;
}

export type OpenTransport = (url: string, events: TransportEvents, context: TransportContext) => TransportConnection;

/** The close code that says what an HTTP status says. */
export function closeCodeOf(status: number): number {
  if (status === 401) return 4401;
  if (status === 403) return 4403;
  if (status === 413) return 4413;
  if (status === 429) return 4429;
  if (status >= 500) return 4503;
  return status >= 400 ? 4400 : 1006;
}
