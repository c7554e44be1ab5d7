/**
 * The client, pure: what connections and the application say goes in with the time, what they should do comes out of
 * the ports. It promises that the application sees each message once and in its channel's order, or a gap.
 */
import type { After, Data, ServerMessage, WireMessage } from '../../wire/client.js';
import { CLOSE, type ErrorBody, HalodError } from '../../wire/errors.js';
import { LIMITS } from '../../wire/limits.js';
import { Attachment } from './attachment.js';
import { type CallDone, Calls } from './calls.js';
import type { Connection } from './connection.js';
import { CLIENT_LIMITS } from './limits.js';
import {
  type ClientCoreOptions,
  type ClientPorts,
  type ClientState,
  CORE_DEFAULTS,
  type ConnectionId,
  type ExportedState,
  type PublishDone,
} from './ports.js';
import { Publishing } from './publishing.js';
import { ChannelReader, forApplication } from './reader.js';

const NEVER = Number.POSITIVE_INFINITY;

export class ClientCore {
  readonly #ports: ClientPorts;
  readonly #options: ClientCoreOptions;
  readonly #attachment: Attachment;
  readonly #publishing: Publishing;
  readonly #calls: Calls;
  readonly #readers = new Map<string, ChannelReader>();
  readonly #restored: ExportedState | undefined;
  #ref = 0;
  #resubscribeAt = NEVER;

  constructor(
    options: Partial<ClientCoreOptions> & Pick<ClientCoreOptions, 'urls'>,
    ports: ClientPorts,
    restored?: ExportedState,
  ) {
    this.#options = { ...CORE_DEFAULTS, ...options };
    if (this.#options.urls.length === 0) throw new HalodError('bad-request', 'a client needs the address of a node');
    this.#ports = ports;
    this.#restored = restored;
    this.#attachment = new Attachment(this.#options, ports, {
      greet: (c, token) => this.#greet(c, token),
      ready: (c, user) => this.#resume(c, user),
      attached: (c) => {
        this.#calls.resend(c.id);
        this.#ports.flushSoon();
      },
      gone: (c) => this.#publishing.lost(c.id, c.heardAt),
      closed: () => this.#end(),
      unansweredSince: (c) => this.#publishing.unansweredSince(c.id),
    });
    const bounds = { deadlineMs: this.#options.publishDeadlineMs, ...CLIENT_LIMITS.client };
    this.#publishing = new Publishing(ports, bounds, () => ++this.#ref);
    this.#calls = new Calls((conn, question) => ports.send(conn, question));
    if (this.#options.user !== '') this.#ownReader(this.#options.user);
  }

  get state(): ClientState {
    return this.#attachment.state;
  }

  /** Publishes without an answer. */
  get pending(): number {
    return this.#publishing.pending;
  }

  start(now: number): void {
    this.#attachment.start(now);
  }

  // what connections say

  opened(conn: ConnectionId, now: number): void {
    this.#attachment.opened(conn, now);
  }

  closed(conn: ConnectionId, code: number, reason: string, now: number): void {
    this.#attachment.onClosed(conn, code, reason, now);
  }

  message(conn: ConnectionId, m: ServerMessage, now: number): void {
    const c = this.#attachment.find(conn);
    if (c === undefined) return;
    c.heardAt = now;
    try {
      this.#handle(c, m, now);
    } catch (error) {
      if (!(error instanceof HalodError)) throw error;
      // whatever the node meant, it cannot be trusted to be in step with this client: begin again
      this.#ports.problem(error.toBody());
      this.#ports.close(c.id, CLOSE.badFrame, error.message);
      this.#attachment.onClosed(c.id, 1006, error.message, now);
    }
  }

  // time

  nextWakeAt(): number {
    return Math.min(
      this.#attachment.nextWakeAt(),
      this.#publishing.nextWakeAt(),
      this.#calls.nextWakeAt(),
      this.#resubscribeAt,
    );
  }

  tick(now: number): void {
    if (this.#attachment.closed) return;
    this.#attachment.tick(now);
    this.#publishing.tick(now);
    this.#calls.tick(this.#attachment.usable?.id ?? null, now);
    if (now >= this.#resubscribeAt) this.#retrySubscriptions(now);
  }

  /** Sends the publishes that this turn has brought together. */
  flush(now: number): void {
    const conn = this.#attachment.usable?.id ?? null;
    if (conn !== null) this.#publishing.flush(() => conn, now);
    else this.#publishing.flush(() => null, now);
  }

  // what the application wants

  /** Without `after`: where the exported state says, else from now on. */
  subscribe(channel: string, after?: After): void {
    this.#assertOpen();
    const known = this.#readers.get(channel);
    if (known !== undefined && !known.own) throw new HalodError('bad-request', `${channel} is subscribed to already`);
    if (known !== undefined && after === undefined) return;
    if (this.#readers.size >= LIMITS.channelsPerSession) {
      throw new HalodError('too-many', `a client reads at most ${LIMITS.channelsPerSession} channels`);
    }
    const reader = this.#newReader(channel, after);
    reader.own = known !== undefined;
    this.#readers.set(channel, reader);
    for (const c of this.#attachment.connections()) if (c.phase === 'ready') this.#ask(c, reader, reader.resume);
  }

  /** The own channel cannot be left: it ends with the connection. */
  unsubscribe(channel: string): void {
    const reader = this.#readers.get(channel);
    if (reader === undefined || reader.own) return;
    this.#readers.delete(channel);
    if (reader.paused) return;
    for (const c of this.#attachment.connections()) if (c.phase === 'ready') this.#leave(c, channel);
  }

  /** What the application has is enough for now. Nothing is lost: it goes on from the same position. */
  pause(channel: string): void {
    const reader = this.#readers.get(channel);
    if (reader === undefined || reader.own || reader.paused) return;
    reader.paused = true;
    for (const c of this.#attachment.connections()) if (c.phase === 'ready') this.#leave(c, channel);
  }

  goOn(channel: string): void {
    const reader = this.#readers.get(channel);
    if (reader === undefined || !reader.paused) return;
    reader.paused = false;
    for (const c of this.#attachment.connections()) if (c.phase === 'ready') this.#ask(c, reader, reader.resume);
  }

  publish(channel: string, data: Data, id: string | undefined, done: PublishDone, now: number): void {
    this.#assertOpen();
    this.#publishing.publish(channel, data, id, done, now);
  }

  history(channel: string, after: After | undefined, limit: number | undefined, done: CallDone, now: number): void {
    this.#assertOpen();
    const ref = ++this.#ref;
    const where = { ...(after === undefined ? {} : { after }), ...(limit === undefined ? {} : { limit }) };
    this.#calls.ask({ type: 'history', ref, channel, ...where }, done, this.#attachment.usable?.id ?? null, now);
  }

  presence(channel: string, done: CallDone, now: number): void {
    this.#assertOpen();
    const ref = ++this.#ref;
    this.#calls.ask({ type: 'presence', ref, channel }, done, this.#attachment.usable?.id ?? null, now);
  }

  /** undefined before the client is anywhere in the channel. */
  positionOf(channel: string): string | undefined {
    const reader = this.#readers.get(channel);
    return reader?.isLocated ? reader.position : undefined;
  }

  /** The channel of the user itself. */
  isOwn(channel: string): boolean {
    return this.#readers.get(channel)?.own === true;
  }

  /** For a client of the next process: it goes on where this one is, and repeats nothing. */
  exportState(): ExportedState {
    const channels: Record<string, ReturnType<ChannelReader['export']>> = {};
    for (const reader of this.#readers.values()) channels[reader.channel] = reader.export();
    return { version: 1, channels };
  }

  setToken(token: string, now: number): void {
    this.#attachment.setToken(token, now);
  }

  tokenFailed(why: string, now: number): void {
    this.#attachment.tokenFailed(why, now);
  }

  close(reason = 'closed by the application'): void {
    this.#attachment.close(reason);
  }

  // subscriptions

  #newReader(channel: string, after: After | undefined): ChannelReader {
    const restored = after === undefined ? this.#restored?.channels[channel] : undefined;
    return new ChannelReader(channel, restored?.position ?? after ?? 'now', this.#options.defences, restored);
  }

  #ownReader(user: string): ChannelReader {
    const channel = `@${user}`;
    let reader = this.#readers.get(channel);
    if (reader === undefined) {
      const after = this.#options.after === 'now' ? undefined : this.#options.after;
      reader = this.#newReader(channel, after);
      this.#readers.set(channel, reader);
    }
    reader.own = true;
    return reader;
  }

  #greet(c: Connection, token: string | undefined): void {
    const { user } = this.#options;
    const own = [...this.#readers.values()].find((reader) => reader.own);
    this.#ports.send(c.id, {
      type: 'connect',
      ...(user === '' ? {} : { user }),
      ...(token === undefined ? {} : { token }),
      ...(c.relay ? { relay: true } : {}),
      ...(own === undefined ? {} : { after: own.resume }),
    });
  }

  /** The connection is up: everything that is read is read there too, from where this client is. */
  #resume(c: Connection, user: string): void {
    if (user !== '') c.await(`@${user}`, this.#ownReader(user));
    for (const reader of this.#readers.values()) {
      if (!c.streams.has(reader.channel) && !reader.paused) this.#ask(c, reader, reader.resume);
    }
  }

  #ask(c: Connection, reader: ChannelReader, after: After): void {
    c.await(reader.channel, reader);
    this.#ports.send(c.id, { type: 'subscribe', channel: reader.channel, after });
  }

  #leave(c: Connection, channel: string): void {
    c.await(channel, null);
    this.#ports.send(c.id, { type: 'unsubscribe', channel });
  }

  #retrySubscriptions(now: number): void {
    this.#resubscribeAt = NEVER;
    for (const reader of this.#readers.values()) {
      if (reader.retryAt > now) {
        this.#resubscribeAt = Math.min(this.#resubscribeAt, reader.retryAt);
        continue;
      }
      reader.retryAt = NEVER;
      for (const c of this.#attachment.connections()) {
        const stream = c.streams.get(reader.channel);
        if (c.phase !== 'ready' || stream === undefined || stream.awaiting === 0) continue;
        this.#ports.send(c.id, { type: 'subscribe', channel: reader.channel, after: reader.resume });
      }
    }
  }

  #refuseSubscription(c: Connection, channel: string, error: ErrorBody, now: number): void {
    const stream = c.streams.get(channel);
    if (stream === undefined) return;
    const { reader } = stream;
    if (reader === null) return void c.answered(channel);
    if (!error.retry) return this.#endSubscription(channel, error, now);
    // it counts as asked for until it stands, so that a move waits for it
    if (stream.awaiting === 0) c.await(channel, reader);
    reader.retryAt = now + CLIENT_LIMITS.resubscribeMs * (0.5 + this.#ports.random.next());
    this.#resubscribeAt = Math.min(this.#resubscribeAt, reader.retryAt);
  }

  #endSubscription(channel: string, error: ErrorBody | undefined, now: number): void {
    if (!this.#readers.delete(channel)) return;
    for (const c of this.#attachment.connections()) c.drop(channel);
    this.#ports.ended(channel, error);
    this.#attachment.settleMove(now);
  }

  // what the node says

  #handle(c: Connection, m: ServerMessage, now: number): void {
    switch (m.type) {
      case 'message':
        return this.#onMessage(c, m);
      case 'published':
        return this.#publishing.answered(m.ref, m.results, now);
      case 'subscribed':
        return this.#onSubscribed(c, m, now);
      case 'position':
        return c.live(m.channel)?.moved(m.position);
      case 'gap':
        return this.#onGap(c, m);
      case 'connected':
        return this.#attachment.onConnected(c, m, now);
      case 'redirect':
        return this.#attachment.onRedirect(c, m.url, now);
      case 'move':
        return this.#attachment.onMove(c, m, now);
      case 'next':
        return this.#attachment.onNext(c, m);
      case 'unsubscribed':
        if (c.live(m.channel) !== null) return this.#endSubscription(m.channel, undefined, now);
        c.answered(m.channel);
        return this.#attachment.settleMove(now);
      case 'history':
      case 'presence':
        return this.#calls.answered(m);
      case 'error':
        return this.#onError(c, m, now);
      case 'pong':
        return;
    }
  }

  #onMessage(c: Connection, m: WireMessage): void {
    const reader = c.live(m.channel);
    if (reader === null) return;
    let verdict = reader.check(m);
    if (verdict === 'hole') {
      if (!reader.holeIsLost) return this.#ask(c, reader, reader.rewindTo);
      // it does not come however often it is asked for
      reader.allowJump(m.publisher!);
      this.#ports.gap({ channel: m.channel, reason: 'lost', position: reader.position });
      verdict = reader.check(m);
    }
    if (verdict === 'new') this.#ports.message(m.channel, forApplication(m, reader.accept(m)));
  }

  #onSubscribed(c: Connection, m: Extract<ServerMessage, { type: 'subscribed' }>, now: number): void {
    const reader = c.answered(m.channel);
    if (reader !== null) {
      reader.started(m.position);
      this.#ports.subscribed(m.channel, reader.position, m.recovered);
    }
    if (c === this.#attachment.next) this.#attachment.settleMove(now);
  }

  #onGap(c: Connection, m: Extract<ServerMessage, { type: 'gap' }>): void {
    const reader = c.live(m.channel);
    if (reader === null) return;
    // while two connections overlap, the other may have brought what this one cannot bring any more
    const had = (m.reason === 'size' || m.reason === 'age') && reader.covers(m.position);
    reader.gapped(m.position, m.reason);
    if (had && this.#attachment.next !== null) return;
    this.#ports.gap({ channel: m.channel, reason: m.reason, position: reader.position });
  }

  #onError(c: Connection, m: Extract<ServerMessage, { type: 'error' }>, now: number): void {
    const { ref, channel, error } = m;
    if (ref !== undefined) {
      if (!this.#publishing.refused(ref, error, now)) this.#calls.refused(ref, error, now);
      return;
    }
    if (channel !== undefined) return this.#refuseSubscription(c, channel, error, now);
    if (error.code === 'unauthorized') {
      // before the welcome a close follows, which says the same
      if (c.phase === 'ready') this.#attachment.askToken(error);
      return;
    }
    this.#ports.problem(error);
  }

  #assertOpen(): void {
    if (!this.#attachment.closed) return;
    const { code, message } = this.#attachment.refusal ?? { code: 'bad-request', message: 'the client is closed' };
    throw new HalodError(code, message);
  }

  #end(): void {
    this.#publishing.close(this.#attachment.refusal);
    this.#calls.close(this.#attachment.refusal);
    for (const channel of [...this.#readers.keys()]) {
      this.#readers.delete(channel);
      this.#ports.ended(channel, undefined);
    }
  }
}
