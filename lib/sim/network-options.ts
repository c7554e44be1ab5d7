/** How links behave when no fault is in force, and what is counted of them. */
export interface NetworkOptions {
  /** One way, uniform between these. */
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  readonly dialTimeoutMs: number;
  /** A link without traffic for so long is closed by whoever opened it. */
  readonly idleMs: number;
  /**
   * What a lost message does: just vanishes, or breaks the link as a stream that cannot lose would. As a stream does,
   * `break` also holds back what a cut wire does not let through and brings it after the cut, in order.
   */
  readonly lossMode: 'drop' | 'break';
  /** Where set: messages from and to these hosts vanish one by one, whatever `lossMode` says of the others. */
  readonly leaky?: (from: number, to: number) => boolean;
  /** Who is killed takes with it the end of what it sent, on some of its links, as a process does that dies at once. */
  readonly killLosesSuffix?: boolean;
  /** Bytes of a message as it would be on the wire, for the counters. */
  sizeOf(message: unknown): number;
  /** Name of a message's type, for traces and triggers. */
  typeOf(message: unknown): string;
  /** Where set, every message really goes through bytes. */
  readonly codec?: { encode(message: unknown): Uint8Array; decode(bytes: Uint8Array): unknown };
  /** Bytes each side sends to open a link. */
  readonly handshakeBytes: number;
}

export const LAN: NetworkOptions = {
  delayMinMs: 0.2,
  delayMaxMs: 1,
  dialTimeoutMs: 1_000,
  idleMs: 30_000,
  lossMode: 'drop',
  sizeOf: () => 0,
  typeOf: () => 'message',
  // Hello and introduction of one side as lib/wire/handshake.ts writes them.
  handshakeBytes: 350,
};

export class Counters {
  messages = 0;
  bytes = 0;
  dials = 0;
  lost = 0;
  blocked = 0;
  doubled = 0;
  clogged = 0;
  overtaken = 0;
}
