/**
 * Server-sent events down, POST up. Channels share a stream where they can: a stream is opened for what was asked for
 * in one turn, and once all know their positions one stream takes over for all. An old stream is closed only when the
 * new one stands; what both bring, the core drops.
 */
import type { After, ServerMessage } from '../../wire/client.js';
import { LIMITS } from '../../wire/limits.js';
import { EMPTY_POSITION, formatStreamPosition, parsePosition } from '../../wire/position.js';
import { closeFor, errorOf, HttpTransport } from './http-calls.js';
import { decodeFrame, withAllBytes } from './json.js';
import { type SseEvent, SseParser } from './sse-events.js';
import type { TransportConnection, TransportContext, TransportEvents } from './transport.js';

export function openSse(url: string, events: TransportEvents, context: TransportContext): TransportConnection {
  return new SseTransport(url, events, context);
}

interface Wanted {
  readonly after: After;
  /** The streams whose messages of this channel count. */
  readonly streams: Set<Stream>;
  /** The core was told that the subscription stands. */
  told: boolean;
}

interface Stream {
  /** Asked for, the own channel included where it must be. */
  readonly channels: readonly string[];
  readonly standing: Set<string>;
  readonly abort: AbortController;
  heardAt: number;
}

/** Streams side by side before they are made one, even if a channel has to start over for it. */
const STREAMS_MAX = 4;
/** How long new subscriptions may come in before streams are made one. */
const MERGE_MS = 1_000;
/** The node gives a sign of life every 25 s. */
const SILENT_MS = 60_000;

class SseTransport extends HttpTransport {
  readonly #wanted = new Map<string, Wanted>();
  readonly #streams = new Set<Stream>();
  #planned = false;
  #mergeTimer: ReturnType<typeof setTimeout> | undefined;

  protected follow(channel: string, after: After): void {
    for (const stream of this.#wanted.get(channel)?.streams ?? []) this.#release(stream, channel);
    this.#wanted.set(channel, { after, streams: new Set(), told: false });
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => this.#plan());
  }

  protected leave(channel: string): void {
    const wanted = this.#wanted.get(channel);
    if (wanted === undefined) return;
    this.#wanted.delete(channel);
    for (const stream of wanted.streams) this.#release(stream, channel);
  }

  protected halt(): void {
    clearTimeout(this.#mergeTimer);
    for (const stream of this.#streams) stream.abort.abort();
    this.#streams.clear();
  }

  protected get flows(): boolean {
    for (const stream of this.#streams) if (performance.now() - stream.heardAt > SILENT_MS) return false;
    return true;
  }

  /** Opens streams for what has none, grouped by where they start. */
  #plan(): void {
    this.#planned = false;
    if (this.over) return;
    const groups = new Map<string, string[]>();
    for (const [channel, { after, streams }] of this.#wanted) {
      if (streams.size > 0) continue;
      const kind = after === 'now' || after === 'start' ? after : 'position';
      groups.set(kind, [...(groups.get(kind) ?? []), channel]);
    }
    for (const [kind, channels] of groups) this.#openAll(channels, kind);
  }

  #openAll(channels: readonly string[], kind: string): Stream[] {
    const sorted = [...channels].sort((a, b) => Number(b === this.own) - Number(a === this.own));
    const opened: Stream[] = [];
    for (let i = 0; i < sorted.length; i += LIMITS.channelsPerStream) {
      opened.push(this.#open(sorted.slice(i, i + LIMITS.channelsPerStream), kind));
    }
    return opened;
  }

  #open(channels: readonly string[], kind: string): Stream {
    const stream: Stream = {
      channels,
      standing: new Set(),
      abort: new AbortController(),
      heardAt: performance.now(),
    };
    this.#streams.add(stream);
    for (const channel of channels) this.#wanted.get(channel)!.streams.add(stream);
    void this.#run(stream, kind);
    return stream;
  }

  async #run(stream: Stream, kind: string): Promise<void> {
    try {
      const query = stream.channels.filter((channel) => channel !== this.own).map((c) => ['channel', c] as const);
      const address = this.address('/v1/subscribe', [...query, ['after', this.#after(stream, kind)], ['moves', '1']]);
      const response = await this.request(address, { headers: { accept: 'text/event-stream' } }, stream.abort.signal);
      if (!response.ok || response.body === null) return await this.#refused(stream, kind, response);
      this.base = new URL(response.url).origin;
      const parser = new SseParser();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        stream.heardAt = performance.now();
        for (const event of parser.push(value)) this.#event(stream, event);
      }
      this.#lost(stream, 'the stream has ended');
    } catch (error) {
      this.#lost(stream, (error as Error).message);
    }
  }

  #lost(stream: Stream, reason: string): void {
    if (!this.#streams.has(stream)) return;
    this.fail(1006, reason);
  }

  /** The position of all channels of a stream; the own channel is read by every stream of a user. */
  #after(stream: Stream, kind: string): string {
    if (kind !== 'position') return kind;
    const all = this.own === undefined ? stream.channels : [...new Set([...stream.channels, this.own])];
    return formatStreamPosition(all, (channel) => {
      const text = this.#known(channel);
      return text === undefined ? EMPTY_POSITION : parsePosition(text);
    });
  }

  #known(channel: string): string | undefined {
    const position = this.context.positionOf(channel);
    if (position !== undefined) return position;
    const after = this.#wanted.get(channel)?.after;
    return after === undefined || after === 'now' || after === 'start' ? undefined : after;
  }

  async #refused(stream: Stream, kind: string, response: Response): Promise<void> {
    const error = await errorOf(response);
    if (!this.#streams.has(stream)) return;
    const perChannel = response.status === 403 || response.status === 400;
    if (!perChannel) return this.fail(closeFor(response.status, error), error.message);
    // one channel among several is not allowed: each is asked for alone
    this.#streams.delete(stream);
    for (const channel of stream.channels) {
      const wanted = this.#wanted.get(channel);
      if (wanted === undefined) continue;
      wanted.streams.delete(stream);
      if (stream.channels.length > 1) this.#open([channel], kind);
      else if (channel === this.own) return this.fail(closeFor(response.status, error), error.message);
      else {
        this.#wanted.delete(channel);
        this.pass({ type: 'error', channel, error });
      }
    }
  }

  #event(stream: Stream, { event, data }: SseEvent): void {
    this.events.proven();
    if (!this.#streams.has(stream)) return;
    const frame = decodeFrame(data) as ServerMessage & { code?: number; reason?: string };
    if (event === 'close') return this.fail(frame.code ?? 1006, frame.reason ?? '');
    if (event === '') return this.#message(stream, { ...frame, type: 'message' } as ServerMessage);
    this.#message(stream, frame);
  }

  #message(stream: Stream, message: ServerMessage): void {
    switch (message.type) {
      case 'connected':
        if (message.url !== '') this.pass({ ...message, user: this.user });
        return;
      case 'subscribed':
        return this.#subscribed(stream, message);
      case 'message':
      case 'position':
      case 'gap':
        // the own channel comes with every stream; only the one that was opened for it knows where it is
        if (this.#wanted.get(message.channel)?.streams.has(stream)) this.pass(withAllBytes(message));
        return;
      default:
        this.pass(message);
    }
  }

  #subscribed(stream: Stream, message: Extract<ServerMessage, { type: 'subscribed' }>): void {
    const wanted = this.#wanted.get(message.channel);
    if (wanted === undefined || !wanted.streams.has(stream)) return;
    stream.standing.add(message.channel);
    if (!wanted.told) {
      wanted.told = true;
      this.pass(message);
    }
    // this stream has it now: the others are not needed for this channel
    for (const other of wanted.streams) if (other !== stream) this.#release(other, message.channel);
    if (this.#streams.size <= this.#streamsNeeded || this.#mergeTimer !== undefined) return;
    this.#mergeTimer = setTimeout(() => this.#merge(), MERGE_MS);
  }

  get #streamsNeeded(): number {
    return Math.ceil(this.#wanted.size / LIMITS.channelsPerStream);
  }

  #merge(): void {
    this.#mergeTimer = undefined;
    if (this.over || this.#streams.size <= this.#streamsNeeded) return;
    const allKnown = [...this.#wanted.keys()].every((channel) => this.#known(channel) !== undefined);
    const settled = [...this.#wanted.values()].every((wanted) => wanted.told);
    if (settled && (allKnown || this.#streams.size > STREAMS_MAX)) this.#openAll([...this.#wanted.keys()], 'position');
    else this.#mergeTimer = setTimeout(() => this.#merge(), MERGE_MS);
  }

  /** The channel is not read from this stream any more; a stream without channels is closed. */
  #release(stream: Stream, channel: string): void {
    const wanted = this.#wanted.get(channel);
    wanted?.streams.delete(stream);
    for (const other of stream.channels) if (this.#wanted.get(other)?.streams.has(stream)) return;
    this.#streams.delete(stream);
    stream.abort.abort();
  }
}
