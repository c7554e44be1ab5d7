/** One connection of a client as the core sees it, and what its end means. */
import { CLOSE, type HalodError } from '../../wire/errors.js';
import type { ChannelReader } from './reader.js';

/** `opening`: no socket yet. `greeting`: `connect` is sent, `connected` not come. `ready`: in use. */
export type ConnectionPhase = 'opening' | 'greeting' | 'ready';

/** One subscription on one connection. */
export interface Stream {
  /** null: left, and its last answers are to come. */
  reader: ChannelReader | null;
  /** Answers to come; whatever arrives before the last of them belongs to an earlier subscription. */
  awaiting: number;
}

export class Connection {
  readonly id: number;
  readonly url: string;
  /** This node was asked to serve the client whatever the table says. */
  readonly relay: boolean;
  /** Redirects followed in a row to get here. */
  readonly redirects: number;
  phase: ConnectionPhase = 'opening';
  /** `ready` must be reached by then. */
  deadlineAt: number;
  readyAt = 0;
  heardAt: number;
  /** A ping without an answer was sent then; 0: none. */
  pingedAt = 0;
  pingMs = 0;
  spreadMs = 0;
  node = '';
  /** As the node itself gives it out; `url` is what was opened. */
  nodeUrl = '';
  readonly streams = new Map<string, Stream>();
  /** Streams with answers to come. */
  resuming = 0;

  constructor(id: number, url: string, relay: boolean, redirects: number, now: number, deadlineAt: number) {
    this.id = id;
    this.url = url;
    this.relay = relay;
    this.redirects = redirects;
    this.heardAt = now;
    this.deadlineAt = deadlineAt;
  }

  /** One more answer about this channel will come; it is for `reader`. */
  await(channel: string, reader: ChannelReader | null): void {
    let stream = this.streams.get(channel);
    if (stream === undefined) {
      stream = { reader, awaiting: 0 };
      this.streams.set(channel, stream);
    }
    stream.reader = reader;
    if (stream.awaiting++ === 0) this.resuming++;
  }

  /** Returns the reader for whom this was the last answer to come. */
  answered(channel: string): ChannelReader | null {
    const stream = this.streams.get(channel);
    if (stream === undefined || stream.awaiting === 0) return null;
    if (--stream.awaiting > 0) return null;
    this.resuming--;
    if (stream.reader === null) this.streams.delete(channel);
    return stream.reader;
  }

  drop(channel: string): void {
    const stream = this.streams.get(channel);
    if (stream !== undefined && stream.awaiting > 0) this.resuming--;
    this.streams.delete(channel);
  }

  /** Who reads what comes now of this channel; null where that is nobody, or a subscription that is only starting. */
  live(channel: string): ChannelReader | null {
    const stream = this.streams.get(channel);
    return stream === undefined || stream.awaiting > 0 ? null : stream.reader;
  }
}

/** What a client does when the node, or the network, ends its connection. */
export type AfterClose = 'elsewhere' | 'later' | 'token' | 'stop';

export function afterClose(code: number): AfterClose {
  if (code === CLOSE.unauthorized) return 'token';
  // cut off for being slow, or one too many here: coming back with a position, or to another node, is a change
  if (code === CLOSE.slow || code === CLOSE.tooMany) return 'later';
  if (code >= 4300 && code < 4400) return 'elsewhere';
  if (code >= 4400 && code < 4500) return 'stop';
  return 'later';
}

/** What is wrong with a client that is told not to come back. */
export function errorOfClose(code: number): HalodError['code'] {
  if (code === CLOSE.unauthorized) return 'unauthorized';
  if (code === CLOSE.forbidden) return 'forbidden';
  if (code === CLOSE.tooLarge) return 'too-large';
  return 'bad-request';
}
