/**
 * What a wire is: how one reader attaches, resumes and finds payloads in frames, and how the publisher writes a batch.
 * Readers all come over WebSocket, so a reader's wire only says what goes into the frames. A wire holds no check and no
 * clock: those are the generator's, the same for all.
 */

/** One node as the generator sees it. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Where the publisher connects, if not `port`. */
  readonly publishPort?: number;
}

/** `own`: reader r is user r and reads its own channel. `shared`: several readers read the same channels. */
export type ChannelKind = 'own' | 'shared';

export function channelName(kind: ChannelKind, channel: number): string {
  return kind === 'own' ? `u${channel}` : `room${channel}`;
}

/** What the generator offers to the wire of one reader. */
export interface ReaderLink {
  readonly reader: number;
  readonly kind: ChannelKind;
  /** Name of the channel, without what the peer's own addressing adds. */
  readonly channel: string;
  send(text: string): void;
  /** The subscription stands: from now on nothing that is published to the channel may be missed. */
  ready(): void;
  /** Every payload in `data[start, end)` has arrived. */
  deliver(data: Buffer, start: number, end: number): void;
  /** Connect elsewhere, now. */
  redirect(host: string, port: number): void;
  /** Something the peer should not have said. The run fails. */
  fault(why: string): void;
  /** Close this connection and dial again, as after a loss. */
  restart(): void;
}

export interface ReaderWire {
  upgrade(): { readonly path: string; readonly protocol?: string };
  opened(): void;
  message(data: Buffer, start: number, end: number): void;
  closed(): void;
  /** Called once a second while the connection is open. */
  second?(): void;
}

export type ReaderWireFactory = (link: ReaderLink) => ReaderWire;

/** What the generator offers to the publisher's wire. Ids are running numbers over all messages of the run. */
export interface PublisherLink {
  readonly kind: ChannelKind;
  readonly channels: readonly string[];
  /** Where an acknowledgement costs extra, it is asked for only by workloads that count what was acknowledged. */
  readonly wantsAcks: boolean;
  ready(): void;
  acked(first: number, count: number): void;
  refused(id: number, why: string): void;
  fault(why: string): void;
}

export interface PublisherWire {
  /** Puts a message into the batch; `payload` is reused after the call. */
  add(id: number, channel: number, payload: Buffer): void;
  /** Sends the batch. */
  flush(): void;
  close(): void;
}

export type PublisherWireFactory = (link: PublisherLink, endpoints: readonly Endpoint[]) => PublisherWire;

export interface Wire {
  readonly reader: ReaderWireFactory;
  readonly publisher: PublisherWireFactory;
}
