/**
 * One client's state on this node: who it is, what it reads. Where it is attached does not matter for correctness, so a
 * session that waits for its turn to move, or never moves, misses nothing.
 */
import type { After, ClientMessage, PublishItem, PublishOutcome, ServerMessage } from '../../wire/client.js';
import { type ErrorBody, HalodError } from '../../wire/errors.js';
import { LIMITS } from '../../wire/limits.js';
import { formatPosition, type Position, parsePosition } from '../../wire/position.js';
import type { SessionHandle } from '../api.js';
import type { AppendRequest, AppendResult, Entry, Gap } from '../channel/types.js';
import { Reader } from '../feed/reader.js';
import { checkChannel, checkMessageId, mayPublish, maySubscribe } from './grants.js';
import type { Sessions } from './sessions.js';
import type { Grants, SessionRequest, SessionSink } from './types.js';

/** One that is `waiting` for its turn has had no answer yet. */
export type SessionState = 'waiting' | 'open' | 'moving' | 'closed';

export class SessionReader extends Reader {
  readonly session: Session;

  constructor(session: Session, channel: string, after: 'now' | 'start' | Position) {
    super(channel, after);
    this.session = session;
  }

  started(position: string, recovered: boolean): void {
    this.session.send({ type: 'subscribed', channel: this.channel, position, recovered });
  }

  entry(entry: Entry): void {
    this.session.sink.entry(entry);
  }

  gapped(gap: Gap): void {
    const position = formatPosition(gap.position);
    this.session.send({ type: 'gap', channel: this.channel, reason: gap.reason, position });
  }

  moved(position: Position): void {
    this.session.send({ type: 'position', channel: this.channel, position: formatPosition(position) });
  }
}

export class Session implements SessionHandle {
  readonly user: string;
  readonly sink: SessionSink;
  readonly relay: boolean;
  readonly movable: boolean;
  grants: Grants;
  state: SessionState = 'waiting';
  /** Moves to this home that it was asked for and did not make: after a few it is served in place. */
  movesIgnored = 0;
  ignoredHome = '';
  readonly #sessions: Sessions;
  readonly #after: After;
  /** Created with the second subscription at the earliest: most sessions read their own channel alone. */
  #readers: Map<string, SessionReader> | null = null;
  #own: SessionReader | null = null;

  /** @throws HalodError `bad-position`: here, since it may be let in long after, when nobody is there to be told. */
  constructor(sessions: Sessions, sink: SessionSink, request: SessionRequest) {
    this.#sessions = sessions;
    this.sink = sink;
    this.user = request.user;
    this.grants = request.grants;
    this.relay = request.relay;
    this.movable = request.movable;
    this.#after = request.after ?? 'now';
    if (!isWord(this.#after)) parsePosition(this.#after);
  }

  /** The channel whose owner serves this session best; '' while it reads nothing. */
  get homeChannel(): string {
    if (this.user !== '') return `@${this.user}`;
    return this.#readers?.keys().next().value ?? '';
  }

  send(message: ServerMessage): void {
    this.sink.send(message);
  }

  open(now: number): void {
    this.state = 'open';
    this.send(this.#sessions.welcome(this));
    if (this.user !== '') this.#subscribe(`@${this.user}`, this.#after, now);
  }

  close(code: number, reason: string, now: number): void {
    if (this.state === 'closed') return;
    this.sink.close(code, reason);
    this.onClosed(now);
  }

  onClosed(_now: number): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    for (const reader of this.readers()) this.#sessions.feeds.detach(reader);
    this.#readers = null;
    this.#own = null;
    this.#sessions.forget(this);
  }

  readers(): SessionReader[] {
    const others = this.#readers === null ? [] : [...this.#readers.values()];
    return this.#own === null ? others : [this.#own, ...others];
  }

  onMessage(message: ClientMessage, now: number): void {
    // what is asked for beyond what may wait is not even looked up: one frame can ask for a thousand histories
    if (this.state === 'closed' || this.sink.full === true) return;
    if (this.state === 'waiting') return this.#sessions.hold(this, message);
    try {
      this.#handle(message, now);
    } catch (error) {
      if (!(error instanceof HalodError)) throw error;
      this.#refuse(message, error.toBody());
    }
    this.#sessions.touched();
  }

  #handle(message: ClientMessage, now: number): void {
    switch (message.type) {
      case 'connect':
        if (message.after !== undefined && this.user !== '') this.#subscribe(`@${this.user}`, message.after, now);
        return;
      case 'subscribe':
        checkChannel(message.channel);
        if (!maySubscribe(this.grants, this.user, message.channel)) throw new HalodError('forbidden');
        return this.#subscribe(message.channel, message.after ?? 'now', now);
      case 'unsubscribe':
        return this.#unsubscribe(message.channel);
      case 'publish':
        return this.#publish(message.ref, message.messages, now);
      case 'history':
        checkChannel(message.channel);
        if (!maySubscribe(this.grants, this.user, message.channel)) throw new HalodError('forbidden');
        return this.#sessions.history(this, message, now);
      case 'presence':
        checkChannel(message.channel);
        if (!maySubscribe(this.grants, this.user, message.channel)) throw new HalodError('forbidden');
        return this.#sessions.presence(this, message, now);
      case 'refresh':
        // the transport verifies tokens and sets `grants`
        return;
      case 'ping':
        return this.send({ type: 'pong' });
    }
  }

  #refuse(message: ClientMessage, error: ErrorBody): void {
    const ref = 'ref' in message ? { ref: message.ref } : {};
    const channel = 'channel' in message && typeof message.channel === 'string' ? { channel: message.channel } : {};
    this.send({ type: 'error', ...ref, ...channel, error });
  }

  #subscribe(channel: string, after: After, now: number): void {
    const start: 'now' | 'start' | Position = isWord(after) ? after : parsePosition(after);
    if (this.#sessions.sendHome(this, channel, now)) return;
    this.#drop(channel);
    const reader = new SessionReader(this, channel, start);
    if (this.user !== '' && channel === `@${this.user}`) {
      this.#own = reader;
    } else {
      this.#readers ??= new Map();
      if (this.#readers.size >= LIMITS.channelsPerSession) {
        throw new HalodError('too-many', `a connection reads at most ${LIMITS.channelsPerSession} channels`);
      }
      this.#readers.set(channel, reader);
    }
    this.#sessions.feeds.attach(reader, now);
  }

  #unsubscribe(channel: string): void {
    this.#drop(channel);
    this.send({ type: 'unsubscribed', channel });
  }

  #drop(channel: string): void {
    const reader = this.#own?.channel === channel ? this.#own : this.#readers?.get(channel);
    if (reader === null || reader === undefined) return;
    this.#sessions.feeds.detach(reader);
    if (reader === this.#own) this.#own = null;
    else this.#readers?.delete(channel);
  }

  #publish(ref: number, items: readonly PublishItem[], now: number): void {
    const batch = new PublishBatch(this, ref, items.length);
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!;
      try {
        if (item.wrong !== undefined) throw item.wrong;
        checkChannel(item.channel);
        if (item.id !== undefined) checkMessageId(item.id);
        if (!mayPublish(this.grants, item.channel)) throw new HalodError('forbidden');
        this.#sessions.publish(new SessionPublish(batch, i, item, this.#sessions.newId(), now), now);
      } catch (error) {
        if (!(error instanceof HalodError)) throw error;
        batch.set(i, { error: error.toBody() });
      }
    }
  }
}

function isWord(after: After): after is 'now' | 'start' {
  return after === 'now' || after === 'start';
}

/** The answers to one frame of publishes, sent when the last one is there. */
class PublishBatch {
  readonly #session: Session;
  readonly #ref: number;
  readonly #results: PublishOutcome[];
  #left: number;

  constructor(session: Session, ref: number, count: number) {
    this.#session = session;
    this.#ref = ref;
    this.#results = new Array<PublishOutcome>(count);
    this.#left = count;
    if (count === 0) this.#finish();
  }

  set(index: number, outcome: PublishOutcome): void {
    this.#results[index] = outcome;
    if (--this.#left === 0) this.#finish();
  }

  #finish(): void {
    if (this.#session.state === 'closed') return;
    this.#session.send({ type: 'published', ref: this.#ref, results: this.#results });
  }
}

class SessionPublish implements AppendRequest {
  readonly channel: string;
  readonly ownId: string;
  readonly publisher: string;
  readonly seq: number;
  readonly data: AppendRequest['data'];
  readonly firstTriedAt: number;
  readonly #batch: PublishBatch;
  readonly #index: number;

  constructor(batch: PublishBatch, index: number, item: PublishItem, newId: string, now: number) {
    this.#batch = batch;
    this.#index = index;
    this.channel = item.channel;
    this.publisher = item.publisher ?? '';
    this.seq = item.publisher === undefined ? 0 : (item.seq ?? 0);
    this.ownId = item.id ?? (this.seq > 0 ? '' : newId);
    this.data = item.data;
    this.firstTriedAt = now - (item.ageMs ?? 0);
  }

  done(result: AppendResult): void {
    const { channel } = this;
    if (result.ok)
      this.#batch.set(this.#index, { id: result.id, channel, position: result.position, copies: result.copies });
    else this.#batch.set(this.#index, { error: new HalodError(result.code, result.message).toBody() });
  }
}
