/**
 * Long-poll: asks for all channels at once, from where each is, again and again; publishes are calls of their own. The
 * slowest way, and the one that gets through everything that speaks HTTP.
 */
import type { After, GapReason, WireMessage } from '../../wire/client.js';
import { LIMITS } from '../../wire/limits.js';
import {
  EMPTY_POSITION,
  formatPosition,
  formatStreamPosition,
  type Position,
  parsePosition,
  parseStreamPosition,
} from '../../wire/position.js';
import { closeFor, errorOf, HttpTransport } from './http-calls.js';
import { withBytes } from './json.js';
import type { TransportConnection, TransportContext, TransportEvents } from './transport.js';

export function openPoll(url: string, events: TransportEvents, context: TransportContext): TransportConnection {
  return new PollTransport(url, events, context);
}

interface Answer {
  readonly messages: readonly WireMessage[];
  readonly position: string;
  readonly gaps?: readonly { readonly channel: string; readonly reason: GapReason }[];
}

const WAIT_S = 25;

class PollTransport extends HttpTransport {
  /** Where each channel is: `now` and `start` until the node has said. */
  readonly #at = new Map<string, After>();
  /** Channels of which the core knows that their subscription stands. */
  readonly #told = new Set<string>();
  #round: AbortController | undefined;
  #planned = false;
  #answeredAt = performance.now();

  protected follow(channel: string, after: After): void {
    this.#at.set(channel, after);
    this.#told.delete(channel);
    this.#replan();
  }

  protected leave(channel: string): void {
    if (this.#at.delete(channel)) this.#replan();
  }

  protected halt(): void {
    this.#round?.abort();
    this.#round = undefined;
  }

  protected get flows(): boolean {
    return this.#at.size === 0 || performance.now() - this.#answeredAt < 2 * WAIT_S * 1_000;
  }

  /** What is under way is given up: nothing is lost, since the position has not moved. */
  #replan(): void {
    this.#round?.abort();
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      if (this.over) return;
      this.#round = new AbortController();
      void this.#run(this.#round.signal);
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      // first those that have no position: they get one at once
      for (const kind of ['now', 'start']) {
        const fresh = [...this.#at].filter(([, after]) => after === kind).map(([channel]) => channel);
        for (const some of inParts(fresh)) await this.#ask(some, kind, 0, signal);
      }
      while (!signal.aborted && this.#at.size > 0) {
        const parts = inParts([...this.#at.keys()]);
        // more channels than one call may name are asked for in turn, without waiting long in any
        const waitS = parts.length === 1 ? WAIT_S : 1;
        for (const some of parts) await this.#ask(some, 'position', waitS, signal);
      }
    } catch (error) {
      if (!signal.aborted) this.fail(1006, (error as Error).message);
    }
  }

  async #ask(channels: readonly string[], kind: string, waitS: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { own } = this;
    const all = own === undefined ? channels : [...new Set([...channels, own])];
    const after = kind === 'position' ? formatStreamPosition(all, (channel) => this.#position(channel)) : kind;
    const query = channels.filter((channel) => channel !== own).map((channel) => ['channel', channel] as const);
    const address = this.address('/v1/poll', [...query, ['after', after], ['wait', String(waitS)]]);
    const response = await this.request(address, {}, signal);
    if (!response.ok) return this.#refused(channels, kind, waitS, response, signal);
    const answer = (await response.json()) as Answer;
    if (signal.aborted) return;
    this.base = new URL(response.url).origin;
    this.#answeredAt = performance.now();
    this.events.proven();
    const positions = parseStreamPosition(answer.position, all);
    if (positions === undefined) throw new Error('the node answered with a position of other channels');
    this.#take(answer, positions, channels, kind);
    for (const channel of channels) {
      const position = formatPosition(positions.get(channel)!);
      this.#at.set(channel, position);
      this.pass({ type: 'position', channel, position });
    }
  }

  #take(answer: Answer, positions: ReadonlyMap<string, Position>, channels: readonly string[], kind: string): void {
    for (const channel of channels) {
      if (this.#told.has(channel)) continue;
      this.#told.add(channel);
      const comes = answer.messages.some((message) => message.channel === channel);
      const at = kind === 'now' && !comes ? positions.get(channel)! : this.#position(channel);
      const position = formatPosition(at);
      this.pass({
        type: 'subscribed',
        channel,
        position,
        recovered: !answer.gaps?.some((gap) => gap.channel === channel),
      });
    }
    for (const { channel, reason } of answer.gaps ?? []) {
      // the messages of this answer come after the gap: the position is the one from before, less what is lost for good
      const left = [...this.#position(channel)].filter(([lid]) => positions.get(channel)?.has(lid));
      this.pass({ type: 'gap', channel, reason, position: formatPosition(new Map(left)) });
    }
    for (const message of answer.messages) {
      if (channels.includes(message.channel)) this.pass({ type: 'message', ...withBytes(message) });
    }
  }

  #position(channel: string): Position {
    const after = this.#at.get(channel);
    return after === undefined || after === 'now' || after === 'start' ? EMPTY_POSITION : parsePosition(after);
  }

  async #refused(
    channels: readonly string[],
    kind: string,
    waitS: number,
    response: Response,
    signal: AbortSignal,
  ): Promise<void> {
    const error = await errorOf(response);
    if (signal.aborted) return;
    const perChannel = response.status === 403 || response.status === 400;
    if (!perChannel || channels[0] === this.own) return this.fail(closeFor(response.status, error), error.message);
    if (channels.length > 1) {
      for (const channel of channels) await this.#ask([channel], kind, Math.min(waitS, 1), signal);
      return;
    }
    this.#at.delete(channels[0]!);
    this.pass({ type: 'error', channel: channels[0]!, error });
  }
}

function inParts(channels: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let i = 0; i < channels.length; i += LIMITS.channelsPerStream) {
    parts.push(channels.slice(i, i + LIMITS.channelsPerStream));
  }
  return parts;
}
