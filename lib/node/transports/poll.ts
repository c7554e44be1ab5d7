/**
 * Clients that ask again and again: answers at once with what they missed, else when the first message comes or the
 * wait is over. The position in the answer is all that is kept of a client between two polls, and the client keeps it.
 */
import type { SessionHandle } from '../../core/api.js';
import type { SessionSink } from '../../core/session/types.js';
import type { After, GapReason, ServerMessage } from '../../wire/client.js';
import type { Entry } from '../../wire/entry.js';
import { type ErrorBody, HalodError } from '../../wire/errors.js';
import { formatPosition } from '../../wire/position.js';
import type { Access } from '../auth/gate.js';
import type { Driver } from '../driver.js';
import { readHistory } from '../http/history.js';
import { jsonOf } from './frames.js';
import type { StreamPositions } from './stream-positions.js';

export interface PollRequest {
  readonly access: Access;
  readonly positions: StreamPositions;
  readonly after: After;
  readonly mismatched: boolean;
  readonly waitMs: number;
}

interface PollGap {
  readonly channel: string;
  readonly reason: GapReason;
}

/** Messages of one answer. */
const MESSAGES_MAX = 500;
/** How much longer than its wait a poll may take until all channels have said where they start. */
const LATE_MS = 5_000;

/** Resolves with the body of the answer. @throws HalodError */
export async function poll(request: PollRequest, driver: Driver, gone: AbortSignal): Promise<string> {
  const { positions, after } = request;
  const gaps: PollGap[] = [];
  if (request.mismatched) gaps.push(...positions.channels.map((channel) => ({ channel, reason: 'unknown' as const })));
  if (after !== 'now' && !request.mismatched) {
    const missed: string[] = [];
    for (const channel of positions.channels) {
      const from = after === 'start' ? after : positions.of(channel)!;
      const result = await readHistory(driver, channel, from, Math.max(1, MESSAGES_MAX - missed.length));
      for (const entry of result.entries) missed.push(jsonOf(entry));
      positions.set(channel, formatPosition(result.position));
      if (result.gap) gaps.push({ channel, reason: 'size' });
    }
    if (missed.length > 0 || gaps.length > 0 || request.waitMs === 0) return render(missed, positions, gaps);
  }
  return new Promise((resolve, reject) => {
    if (gone.aborted) return;
    const waiting = new Poll(request, gaps, driver, (error) => {
      if (error) reject(new HalodError(error.code, error.message));
      else resolve(render(waiting.messages, positions, waiting.gaps));
    });
    waiting.open();
    gone.addEventListener('abort', () => waiting.finish(null), { once: true });
  });
}

function render(messages: readonly string[], positions: StreamPositions, gaps: readonly PollGap[]): string {
  const detail = gaps.length === 0 ? '' : `,"gaps":${JSON.stringify(gaps)}`;
  return `{"messages":[${messages.join(',')}],"position":${JSON.stringify(positions.toString())},"gap":${gaps.length > 0}${detail}}`;
}

class Poll implements SessionSink {
  readonly messages: string[] = [];
  readonly gaps: PollGap[];
  readonly #request: PollRequest;
  readonly #driver: Driver;
  readonly #done: (error: ErrorBody | null) => void;
  #session: SessionHandle | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Has something to say, or has waited long enough: only positions may still be missing. */
  #isDue = false;
  #finishing = false;
  #finished = false;

  constructor(request: PollRequest, gaps: PollGap[], driver: Driver, done: (error: ErrorBody | null) => void) {
    this.#request = request;
    this.gaps = gaps;
    this.#driver = driver;
    this.#done = done;
  }

  open(): void {
    const { access, positions, waitMs } = this.#request;
    const driver = this.#driver;
    const { user, grants } = access;
    driver.stats.polls++;
    const start = (channel: string): After => positions.of(channel) ?? this.#request.after;
    this.#timer = setTimeout(() => this.#waited(), waitMs);
    this.#session = driver.core.openSession(
      this,
      { user, grants, relay: true, movable: false, ...(user === '' ? {} : { after: start(`@${user}`) }) },
      driver.now(),
    );
    for (const channel of positions.channels) {
      if (user !== '' && channel === `@${user}`) continue;
      this.#session.onMessage({ type: 'subscribe', channel, after: start(channel) }, driver.now());
    }
    driver.touch();
  }

  entry(entry: Entry): void {
    if (this.#finished || this.messages.length >= MESSAGES_MAX) return;
    this.#driver.stats.deliveries++;
    this.messages.push(jsonOf(entry));
    this.#request.positions.read(entry);
    this.#finishSoon();
  }

  send(message: ServerMessage): void {
    if (this.#finished) return;
    const { positions } = this.#request;
    switch (message.type) {
      case 'gap':
        this.gaps.push({ channel: message.channel, reason: message.reason });
        positions.set(message.channel, message.position);
        return this.#finishSoon();
      case 'subscribed':
        // what lies between here and the position it came with is still to come
        if (positions.of(message.channel) === undefined) positions.set(message.channel, message.position);
        if (this.#isDue && positions.isComplete) this.#finishSoon();
        return;
      case 'position':
        return positions.set(message.channel, message.position);
      case 'error':
        return this.finish(message.error);
    }
  }

  close(): void {
    this.finish(new HalodError('draining').toBody());
  }

  /** null: with what has come. */
  finish(error: ErrorBody | null): void {
    if (this.#finished) return;
    this.#finished = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#driver.stats.polls--;
    // not at once: this may be a step of the core
    setImmediate(() => {
      this.#session?.onClosed(this.#driver.now());
      this.#driver.touch();
      this.#done(error);
    });
  }

  #waited(): void {
    if (this.#request.positions.isComplete) return this.finish(null);
    this.#isDue = true;
    this.#timer = setTimeout(() => this.finish(new HalodError('timeout').toBody()), LATE_MS);
  }

  /** What the same turn brings goes into the same answer. */
  #finishSoon(): void {
    this.#isDue = true;
    if (this.#finishing || !this.#request.positions.isComplete) return;
    this.#finishing = true;
    setImmediate(() => this.finish(null));
  }
}
