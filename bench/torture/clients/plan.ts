/** What the orchestrator tells a process of clients and hears from it, over the channel of `fork`. */

export const TRANSPORTS = [
  'library',
  'library-sse',
  'library-poll',
  'ws-json',
  'ws-msgpack',
  'sse',
  'ndjson',
  'poll',
] as const;
export type Transport = (typeof TRANSPORTS)[number];

export interface ReaderPlan {
  readonly client: string;
  readonly transport: Transport;
  /** '' reads anonymously; else the own channel `@user` is read too, over the library only. */
  readonly user: string;
  readonly channels: readonly string[];
  /** Asks every node to serve it itself. */
  readonly relay: boolean;
}

export const PUBLISHER_KINDS = ['client', 'publisher', 'http'] as const;
export type PublisherKind = (typeof PUBLISHER_KINDS)[number];

export interface PublisherPlan {
  readonly p: string;
  readonly via: PublisherKind;
  readonly channels: readonly string[];
  readonly perSecond: number;
  readonly dataBytes: number;
  /** To random channels, or to one after the other. */
  readonly order: 'random' | 'turn';
}

export interface ClientsSetup {
  readonly file: string;
  readonly urls: readonly string[];
  readonly readers: readonly ReaderPlan[];
  readonly publishers: readonly PublisherPlan[];
  /** Readers that connect at the same time. */
  readonly atOnce: number;
  /** Copies that an acknowledgement must have. */
  readonly copiesDue: number;
}

/**
 * By channel and publisher, what a reader must have to have everything: the last message that was acknowledged, and
 * where no order is promised each of them, for a retried one may come after later ones.
 */
export type LastAcked = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

export type ClientsCommand =
  /** Answered when every reader is subscribed everywhere. */
  | { readonly do: 'setup'; readonly setup: ClientsSetup }
  | { readonly do: 'publish' }
  /** `count` messages to each channel of each publisher at once, beside any pace. Answered when all have ended. */
  | { readonly do: 'burst'; readonly count: number }
  /** Answered with the last acknowledged messages once every publish has ended. */
  | { readonly do: 'settle' }
  /** Answered when every reader has these, or with what is missing after the deadline. */
  | { readonly do: 'await'; readonly last: LastAcked; readonly deadlineMs: number }
  /** Closes these readers' connections from outside of their code, as a lost network would, and opens none until `return`. */
  | { readonly do: 'away'; readonly clients: readonly string[] }
  | { readonly do: 'return'; readonly clients: readonly string[] }
  | { readonly do: 'counts' }
  /** Answered with the node that each reader is connected to, '' for none. */
  | { readonly do: 'where' }
  /** Closes everything, finishes the history, ends the process. */
  | { readonly do: 'finish' };

export interface ClientsCounts {
  readonly delivered: number;
  readonly acked: number;
  readonly unknown: number;
  readonly refused: number;
  readonly gaps: number;
  readonly pending: number;
}

export interface Asked {
  readonly ref: number;
  readonly command: ClientsCommand;
}

export interface Answered {
  readonly ref: number;
  readonly result?: unknown;
  readonly error?: string;
}
