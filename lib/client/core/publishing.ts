/**
 * Publishes from the call to the answer: chained by channel, a window under way, the same (publisher, seq, id) on every
 * retry, through any node. It ends in exactly one of: stored, refused, or, at the deadline, `unknown`.
 */
import type { Data, PublishOutcome } from '../../wire/client.js';
import { type ErrorBody, HalodError } from '../../wire/errors.js';
import { Chain, Publish } from './chain.js';
import { CLIENT_LIMITS } from './limits.js';
import type { ConnectionId, LinkPorts, PublishDone } from './ports.js';

/** What was sent in one message and is answered in one. */
interface Frame {
  readonly conn: ConnectionId;
  readonly ref: number;
  readonly sentAt: number;
  readonly publishes: readonly Publish[];
}

interface Draft {
  readonly publishes: Publish[];
  chars: number;
}

export interface PublishingOptions {
  readonly deadlineMs: number;
  /** Publishes under way at a time, over all channels. */
  readonly windowMax: number;
  /** Publishes that wait for a place in the window. */
  readonly queueMax: number;
  /** Channels whose chain is kept while nothing is under way. */
  readonly chainsMax: number;
}

export class Publishing {
  readonly #ports: LinkPorts;
  readonly #options: PublishingOptions;
  readonly #nextRef: () => number;
  readonly #chains = new Map<string, Chain>();
  /** Chains that may have something to send now. */
  readonly #due = new Set<Chain>();
  readonly #frames = new Map<number, Frame>();
  #flushAsked = false;
  #numbered = 0;
  #inLine = 0;
  #retryAt = Number.POSITIVE_INFINITY;
  #sweepAt = Number.POSITIVE_INFINITY;

  constructor(ports: LinkPorts, options: PublishingOptions, nextRef: () => number) {
    this.#ports = ports;
    this.#options = options;
    this.#nextRef = nextRef;
  }

  /** Publishes that have no answer yet. */
  get pending(): number {
    return this.#numbered + this.#inLine;
  }

  publish(channel: string, data: Data, id: string | undefined, done: PublishDone, now: number): void {
    if (this.#inLine >= this.#options.queueMax) {
      const why = `${this.#options.queueMax} publishes are waiting already; it is not stored`;
      return done({ error: new HalodError('overloaded', why).toBody() });
    }
    const chain = this.#chains.get(channel) ?? this.#start(channel);
    chain.lineUp(new Publish(channel, data, id, done, now + this.#options.deadlineMs));
    this.#inLine++;
    if (this.#sweepAt === Number.POSITIVE_INFINITY) this.#sweepAt = now + CLIENT_LIMITS.sweepMs;
    this.#want(chain);
  }

  /** Sends what may be sent. `route` names the connection for a channel, or null where there is none now. */
  flush(route: (channel: string) => ConnectionId | null, now: number): void {
    this.#flushAsked = false;
    if (this.#due.size === 0) return;
    const drafts = new Map<ConnectionId, Draft>();
    for (const chain of this.#due) {
      if (chain.retryAt > now) {
        this.#due.delete(chain);
        continue;
      }
      const conn = route(chain.channel);
      if (conn === null) continue;
      this.#fill(chain);
      for (const publish of chain.window) {
        if (publish.state === 'waiting' && !chain.broken) this.#draft(drafts, conn, publish, now);
      }
      if (!chain.hasRoom) this.#due.delete(chain);
    }
    for (const [conn, draft] of drafts) this.#send(conn, draft, now);
  }

  answered(ref: number, results: readonly PublishOutcome[], now: number): void {
    const frame = this.#takeFrame(ref);
    if (frame === undefined) return;
    for (let i = 0; i < frame.publishes.length; i++) {
      const outcome = results[i] ?? { error: new HalodError('timeout').toBody() };
      this.#settle(frame.publishes[i]!, outcome, now);
    }
    this.#mendChains(frame, now);
  }

  /** The whole frame was refused. */
  refused(ref: number, error: ErrorBody, now: number): boolean {
    const frame = this.#takeFrame(ref);
    if (frame === undefined) return false;
    for (const publish of frame.publishes) this.#settle(publish, { error }, now);
    this.#mendChains(frame, now);
    return true;
  }

  /** What was under way there may or may not be stored: it is sent again. */
  lost(conn: ConnectionId, now: number): void {
    for (const frame of this.#frames.values()) if (frame.conn === conn) this.#abandon(frame, now);
  }

  /** When the oldest unanswered frame of this connection left; undefined where none is. */
  unansweredSince(conn: ConnectionId): number | undefined {
    for (const frame of this.#frames.values()) if (frame.conn === conn) return frame.sentAt;
    return undefined;
  }

  nextWakeAt(): number {
    return Math.min(this.#retryAt, this.#sweepAt);
  }

  tick(now: number): void {
    if (now >= this.#retryAt) this.#retry(now);
    if (now >= this.#sweepAt) this.#sweep(now);
  }

  /** The client closes, for good where the nodes gave an `error`: whatever has no answer gets one. */
  close(error?: ErrorBody): void {
    this.#frames.clear();
    this.#due.clear();
    for (const chain of this.#chains.values()) {
      for (const publish of chain.empty()) this.#end(publish, undetermined(publish, 'the client was closed', error));
    }
    this.#chains.clear();
    this.#numbered = 0;
    this.#inLine = 0;
    this.#sweepAt = Number.POSITIVE_INFINITY;
    this.#retryAt = Number.POSITIVE_INFINITY;
  }

  #start(channel: string): Chain {
    if (this.#chains.size >= this.#options.chainsMax) this.#forgetIdle();
    const chain = new Chain(channel, this.#ports.random.name(12));
    this.#chains.set(channel, chain);
    return chain;
  }

  /** The chain that has been there longest without anything under way: its next publish begins a new session. */
  #forgetIdle(): void {
    for (const [channel, chain] of this.#chains) {
      if (!chain.idle) continue;
      this.#chains.delete(channel);
      return;
    }
  }

  #fill(chain: Chain): void {
    while (this.#numbered < this.#options.windowMax && chain.number() !== undefined) {
      this.#numbered++;
      this.#inLine--;
    }
  }

  #draft(drafts: Map<ConnectionId, Draft>, conn: ConnectionId, publish: Publish, now: number): void {
    let draft = drafts.get(conn);
    if (draft === undefined) {
      draft = { publishes: [], chars: 0 };
      drafts.set(conn, draft);
    }
    const full = draft.publishes.length >= CLIENT_LIMITS.frameMessagesMax;
    if (full || (draft.chars > 0 && draft.chars + publish.chars > CLIENT_LIMITS.frameCharsMax)) {
      this.#send(conn, draft, now);
      draft = { publishes: [], chars: 0 };
      drafts.set(conn, draft);
    }
    publish.state = 'sent';
    draft.publishes.push(publish);
    draft.chars += publish.chars;
  }

  #send(conn: ConnectionId, { publishes }: Draft, now: number): void {
    if (publishes.length === 0) return;
    const ref = this.#nextRef();
    this.#frames.set(ref, { conn, ref, sentAt: now, publishes });
    const messages = publishes.map((publish) => publish.item(this.#chains.get(publish.channel)!.publisher, now));
    this.#ports.send(conn, { type: 'publish', ref, messages });
  }

  #takeFrame(ref: number): Frame | undefined {
    const frame = this.#frames.get(ref);
    this.#frames.delete(ref);
    return frame;
  }

  #settle(publish: Publish, outcome: PublishOutcome, now: number): void {
    if (publish.state !== 'sent') return;
    const chain = this.#chains.get(publish.channel)!;
    if (!('error' in outcome)) {
      chain.tries = 0;
      chain.leave(publish);
      this.#numbered--;
      publish.done(outcome);
      return;
    }
    const { error } = outcome;
    publish.lastError = error;
    if (error.code === 'publisher-unknown') {
      publish.state = 'waiting';
      chain.broken = true;
    } else if (error.retry) {
      publish.state = 'waiting';
      // `order` alone says that this very node has not taken it, and no other was asked
      if (error.code !== 'order') publish.certainlyNot = false;
      this.#delay(chain, error.code === 'order', now);
    } else {
      chain.broken ||= !publish.named;
      // an earlier try, not answered, may have been stored all the same
      this.#leave(chain, publish, publish.certainlyNot ? outcome : undetermined(publish, error.message));
    }
  }

  #delay(chain: Chain, order: boolean, now: number): void {
    if (chain.retryAt > now) return;
    const random = this.#ports.random.next();
    const backoff = Math.min(
      CLIENT_LIMITS.retryCapMs,
      CLIENT_LIMITS.retryBaseMs * 2 ** Math.min(order ? 0 : chain.tries++, 10),
    );
    chain.retryAt = now + (order ? CLIENT_LIMITS.orderRetryMs * (0.5 + random) : backoff * (0.5 + random / 2));
    this.#retryAt = Math.min(this.#retryAt, chain.retryAt);
  }

  /** After answers: chains that broke go on, and whoever waits for a place in the window gets it. */
  #mendChains(frame: Frame, now: number): void {
    if (this.#due.size > 0) this.#askFlush();
    let chain: Chain | undefined;
    for (const publish of frame.publishes) {
      if (publish.channel === chain?.channel) continue;
      chain = this.#chains.get(publish.channel);
      if (chain === undefined) continue;
      if (chain.broken) this.#mend(chain, now);
      if (!chain.idle && chain.retryAt <= now) this.#want(chain);
    }
  }

  /** A broken chain goes on under a new name once every answer is in. */
  #mend(chain: Chain, now: number): void {
    if (!chain.broken || chain.window.some((publish) => publish.state === 'sent')) return;
    const before = chain.window.length;
    const unknown = chain.startAnew(this.#ports.random.name(12));
    this.#numbered -= before;
    this.#inLine += before - unknown.length;
    for (const publish of unknown)
      this.#end(publish, undetermined(publish, 'an earlier publish to the channel failed'));
    // a first time is an accident, such as a long pause; whoever is refused again and again waits in between
    if (++chain.tries > 1) this.#delay(chain, false, now);
    else if (!chain.idle) this.#want(chain);
  }

  #want(chain: Chain): void {
    this.#due.add(chain);
    this.#askFlush();
  }

  #askFlush(): void {
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    this.#ports.flushSoon();
  }

  #abandon(frame: Frame, now: number): void {
    this.#frames.delete(frame.ref);
    for (const publish of frame.publishes) {
      if (publish.state !== 'sent') continue;
      publish.state = 'waiting';
      publish.certainlyNot = false;
    }
    this.#mendChains(frame, now);
  }

  #retry(now: number): void {
    this.#retryAt = Number.POSITIVE_INFINITY;
    for (const chain of this.#chains.values()) {
      if (chain.retryAt === 0 || chain.idle) continue;
      if (chain.retryAt > now) this.#retryAt = Math.min(this.#retryAt, chain.retryAt);
      else this.#want(chain);
    }
  }

  #sweep(now: number): void {
    this.#sweepAt = this.pending === 0 ? Number.POSITIVE_INFINITY : now + CLIENT_LIMITS.sweepMs;
    for (const frame of this.#frames.values()) {
      if (now < frame.sentAt + CLIENT_LIMITS.answerMs) break;
      this.#abandon(frame, now);
    }
    for (const chain of this.#chains.values()) {
      if (chain.idle) continue;
      for (const publish of chain.overdueInLine(now)) {
        this.#inLine--;
        this.#end(publish, undetermined(publish, 'its turn did not come'));
      }
      for (const publish of [...chain.window]) {
        if (publish.deadlineAt > now) break;
        chain.broken ||= !publish.named;
        this.#leave(chain, publish, undetermined(publish, 'no answer in time'));
      }
      if (chain.broken) this.#mend(chain, now);
    }
  }

  #leave(chain: Chain, publish: Publish, outcome: PublishOutcome): void {
    chain.leave(publish);
    this.#numbered--;
    this.#end(publish, outcome);
  }

  #end(publish: Publish, outcome: PublishOutcome): void {
    publish.state = 'done';
    publish.done(outcome);
  }
}

/** How a publish without a clear answer ends: `unknown`, or, where no node can have it, what the last one said. */
function undetermined(publish: Publish, why: string, refusal?: ErrorBody): PublishOutcome {
  if (publish.state === 'sent' || !publish.certainlyNot) {
    return { error: new HalodError('unknown', `${why}: whether the message is stored cannot be known`).toBody() };
  }
  if (refusal !== undefined) return { error: refusal };
  if (publish.lastError !== undefined) return { error: publish.lastError };
  return { error: new HalodError('timeout', `${why}: the message was not sent and is not stored`).toBody() };
}
