/** What a session needs from its connection, and what the node needs to know of the user behind it. */
import type { After, ServerMessage } from '../../wire/client.js';
import type { Entry } from '../channel/types.js';

/** What the token allows; `all` where tokens are not used. Patterns as in the token: `*` matches any run of characters. */
export interface Grants {
  readonly subscribe: readonly string[] | 'all';
  readonly publish: readonly string[] | 'all';
  /** Milliseconds since 1970; the session is asked for a new token after it. Infinity: never. */
  readonly expiresAt: number;
}

/**
 * The write side of one connection, given by a transport. It never throws, never calls back into the core before the
 * current step is over, and bounds its own queue (a slow reader is closed with `slow`).
 */
export interface SessionSink {
  /** The hot path: one message for this session. All readers of a channel get the same object one after the other. */
  entry(entry: Entry): void;
  send(message: ServerMessage): void;
  /** More waits than may: nothing that is sent now arrives any more, and the connection ends once this turn is over. */
  readonly full?: boolean;
  /** Closes after what was sent. */
  close(code: number, reason: string): void;
}

export interface SessionRequest {
  /** '' for anonymous readers. */
  readonly user: string;
  readonly grants: Grants;
  /** The client asked to be served here whatever the table says. */
  readonly relay: boolean;
  /** False where the transport cannot follow a `move` (a bare EventSource, a long-poll): it is served in place. */
  readonly movable: boolean;
  /** Where the user's own channel `@user` starts, to which the session subscribes by itself; `now` where absent. */
  readonly after?: After;
}
