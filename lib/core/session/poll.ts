/**
 * One long-poll: answers at once with what its reader missed, else when the first message comes or the wait is over.
 * Rule: the position in the answer covers exactly what its reader has been given, for it is all that is kept of a reader
 * between two polls, and the reader keeps it.
 */
import type { After, GapReason, ServerMessage } from '../../wire/client.js';
import type { Entry } from '../../wire/entry.js';
import { type ErrorBody, HalodError } from '../../wire/errors.js';
import { LIMITS } from '../../wire/limits.js';
import { formatPosition } from '../../wire/position.js';
import type { HistoryResult, NodeCore, SessionHandle } from '../api.js';
import type { StreamPositions } from './stream-positions.js';
import type { Grants, SessionSink } from './types.js';

export interface PollRequest {
  readonly user: string;
  readonly grants: Grants;
  readonly positions: StreamPositions;
  readonly after: After;
  /** Its position was written for other channels. */
  readonly mismatched: boolean;
  readonly waitMs: number;
}

export interface PollGap {
  readonly channel: string;
  readonly reason: GapReason;
}

/** `M`: a message as the answer carries it. */
export interface PollPorts<M> {
  readonly core: Pick<NodeCore, 'history' | 'openSession'>;
  now(): number;
  render(entry: Entry): M;
  /** The core was asked for something: its queues are to be looked after. */
  touch(): void;
  /** `waited` is to be called then; an earlier request is void. */
  wakeIn(ms: number): void;
  /** `finish` is to be called after this turn, so that all that it brings goes into one answer. */
  finishSoon(): void;
  /** Answered: `release` is to be called outside of any step of the core. */
  finished(error: ErrorBody | null): void;
}

/** How much longer than its wait a poll may take until all channels have said where they start. */
const LATE_MS = 5_000;

export class Poll<M> implements SessionSink {
  readonly messages: M[] = [];
  readonly gaps: PollGap[] = [];
  readonly #request: PollRequest;
  readonly #ports: PollPorts<M>;
  #session: SessionHandle | null = null;
  /** Channels of which a message was left out for want of room: their positions stay before it. */
  readonly #full = new Set<string>();
  /** Has something to say, or has waited long enough: only positions may still be missing. */
  #isDue = false;
  #isLate = false;
  #isFinishing = false;
  #isFinished = false;

  constructor(request: PollRequest, ports: PollPorts<M>) {
    this.#request = request;
    this.#ports = ports;
  }

  start(): void {
    const { positions, after, mismatched } = this.#request;
    if (mismatched) for (const channel of positions.channels) this.gaps.push({ channel, reason: 'unknown' });
    if (after === 'now' || mismatched) this.#open();
    else this.#catchUp(0);
  }

  /** As an HTTP body, of messages that are rendered as JSON. */
  answer(this: Poll<string>): string {
    const { gaps, messages } = this;
    const detail = gaps.length === 0 ? '' : `,"gaps":${JSON.stringify(gaps)}`;
    const position = JSON.stringify(this.#request.positions.toString());
    return `{"messages":[${messages.join(',')}],"position":${position},"gap":${gaps.length > 0}${detail}}`;
  }

  // what it missed

  #catchUp(index: number): void {
    const { positions, after, waitMs } = this.#request;
    const channel = positions.channels[index];
    if (this.#isFinished) return;
    if (channel === undefined) {
      if (this.messages.length > 0 || this.gaps.length > 0 || waitMs === 0) this.finish(null);
      else this.#open();
      return;
    }
    const from = after === 'start' ? after : positions.of(channel)!;
    const limit = Math.max(1, LIMITS.pollMessagesMax - this.messages.length);
    this.#ports.core.history(
      channel,
      from,
      limit,
      (result) => {
        if (!result.ok) return this.finish(result.error);
        this.#missed(channel, result.value);
        this.#catchUp(index + 1);
      },
      this.#ports.now(),
    );
    this.#ports.touch();
  }

  #missed(channel: string, { entries, position, gap }: HistoryResult): void {
    for (const entry of entries) this.messages.push(this.#ports.render(entry));
    this.#request.positions.set(channel, formatPosition(position));
    if (gap) this.gaps.push({ channel, reason: 'size' });
  }

  // what comes

  #open(): void {
    const { user, grants, positions, waitMs } = this.#request;
    const { core, now } = this.#ports;
    const start = (channel: string): After => positions.of(channel) ?? this.#request.after;
    this.#isDue = this.gaps.length > 0;
    this.#ports.wakeIn(waitMs);
    this.#session = core.openSession(
      this,
      { user, grants, relay: true, movable: false, ...(user === '' ? {} : { after: start(`@${user}`) }) },
      now(),
    );
    for (const channel of positions.channels) {
      if (user !== '' && channel === `@${user}`) continue;
      this.#session.onMessage({ type: 'subscribe', channel, after: start(channel) }, now());
    }
    this.#ports.touch();
  }

  entry(entry: Entry): void {
    if (this.#isFinished) return;
    if (this.messages.length >= LIMITS.pollMessagesMax) {
      this.#full.add(entry.channel);
      return;
    }
    this.messages.push(this.#ports.render(entry));
    this.#request.positions.read(entry);
    this.#finishSoon();
  }

  send(message: ServerMessage): void {
    if (this.#isFinished) return;
    const { positions } = this.#request;
    switch (message.type) {
      case 'gap':
        if (this.#full.has(message.channel)) return;
        this.gaps.push({ channel: message.channel, reason: message.reason });
        positions.set(message.channel, message.position);
        return this.#finishSoon();
      case 'subscribed':
        // what lies between here and the position it came with is still to come
        if (positions.of(message.channel) === undefined) positions.set(message.channel, message.position);
        if (this.#isDue && positions.isComplete) this.#finishSoon();
        return;
      case 'position':
        if (!this.#full.has(message.channel)) positions.set(message.channel, message.position);
        return;
      case 'error':
        return this.finish(message.error);
    }
  }

  close(): void {
    this.finish(new HalodError('draining').toBody());
  }

  // its end

  /** The time that `wakeIn` asked for has come. */
  waited(): void {
    if (this.#isFinished) return;
    if (this.#request.positions.isComplete) return this.finish(null);
    if (this.#isLate) return this.finish(new HalodError('timeout').toBody());
    this.#isLate = true;
    this.#isDue = true;
    this.#ports.wakeIn(LATE_MS);
  }

  /** null: with what has come. */
  finish(error: ErrorBody | null): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#ports.finished(error);
  }

  release(): void {
    this.#session?.onClosed(this.#ports.now());
    this.#ports.touch();
  }

  #finishSoon(): void {
    this.#isDue = true;
    if (this.#isFinishing || !this.#request.positions.isComplete) return;
    this.#isFinishing = true;
    this.#ports.finishSoon();
  }
}
