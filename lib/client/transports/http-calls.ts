/**
 * What SSE and long-poll have in common: a connection that is no connection. Publishes, history and presence are HTTP
 * calls of their own; what is read is told apart by channel. Subclasses bring the messages.
 */
import type { After, ClientMessage, PublishOutcome, ServerMessage, WireMessage } from '../../wire/client.js';
import { ERRORS, type ErrorBody, HalodError } from '../../wire/errors.js';
import { encodeItems, withBytes } from './json.js';
import { closeCodeOf, type TransportConnection, type TransportContext, type TransportEvents } from './transport.js';

type Sent<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>;

const PING_MS = 25_000;

export abstract class HttpTransport implements TransportConnection {
  protected readonly events: TransportEvents;
  protected readonly context: TransportContext;
  /** Of the node that serves this client; redirects change it. */
  protected base: string;
  protected user = '';
  /** The session reads `@user`, whether asked for or not. */
  protected own: string | undefined;
  protected relay = false;
  #token: string | undefined;
  #over = false;
  readonly #gone = new AbortController();

  constructor(url: string, events: TransportEvents, context: TransportContext) {
    this.base = url.replace(/\/+$/, '');
    this.events = events;
    this.context = context;
    void this.#reach();
  }

  protected abstract follow(channel: string, after: After): void;
  protected abstract leave(channel: string): void;
  /** Nothing more may arrive. */
  protected abstract halt(): void;
  /** False where what should flow has not flowed for too long. */
  protected abstract get flows(): boolean;

  get over(): boolean {
    return this.#over;
  }

  send(message: ClientMessage): void {
    if (this.#over) return;
    switch (message.type) {
      case 'connect':
        return this.#connect(message);
      case 'subscribe':
        return this.follow(message.channel, message.after ?? 'now');
      case 'unsubscribe':
        this.leave(message.channel);
        return this.later({ type: 'unsubscribed', channel: message.channel });
      case 'publish':
        return void this.#publish(message);
      case 'history':
        return void this.#history(message);
      case 'presence':
        return void this.#presence(message);
      case 'refresh':
        this.#token = message.token;
        return;
      case 'ping':
        return void this.#ping();
    }
  }

  close(_code: number, _reason: string): void {
    this.#stop();
  }

  protected fail(code: number, reason: string): void {
    if (this.#over) return;
    this.#stop();
    this.events.closed(code, reason);
  }

  /** A message of this transport's own making, after the present turn. */
  protected later(message: ServerMessage): void {
    queueMicrotask(() => this.pass(message));
  }

  protected pass(message: ServerMessage): void {
    if (!this.#over) this.events.message(message);
  }

  /** The address of a call: user, token and relay go with all of them. */
  protected address(path: string, query: readonly (readonly [string, string])[]): string {
    const search = new URLSearchParams(query.map(([name, value]) => [name, value]));
    if (this.user !== '' && this.#token === undefined) search.set('user', this.user);
    if (this.#token !== undefined) search.set('token', this.#token);
    if (this.relay) search.set('relay', '1');
    const text = search.toString();
    return `${this.base}${path}${text === '' ? '' : `?${text}`}`;
  }

  protected request(address: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
    const { apiKey } = this.context;
    const headers = { ...(init.headers ?? {}), ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) };
    const signals = signal === undefined ? this.#gone.signal : AbortSignal.any([signal, this.#gone.signal]);
    return fetch(address, { cache: 'no-store', ...init, headers, signal: signals });
  }

  #stop(): void {
    this.#over = true;
    this.halt();
    this.#gone.abort();
  }

  /** Says `opened` once anything answers there. */
  async #reach(): Promise<void> {
    try {
      await (await this.request(`${this.base}/livez`, {})).text();
    } catch (error) {
      return this.fail(1006, (error as Error).message);
    }
    if (!this.#over) this.events.opened();
  }

  #connect(message: Sent<'connect'>): void {
    this.#token = message.token;
    this.relay = message.relay === true;
    this.user = message.token === undefined ? (message.user ?? '') : subjectOf(message.token);
    // the node that will answer is known once it has answered
    const connected = { type: 'connected', node: '', url: this.base, user: this.user, iteration: '' } as const;
    this.later({ ...connected, pingMs: PING_MS, next: [], spreadMs: 0 });
    if (this.user === '') return;
    this.own = `@${this.user}`;
    this.follow(this.own, message.after ?? 'now');
  }

  async #publish({ ref, messages }: Sent<'publish'>): Promise<void> {
    const body = `{"messages":${encodeItems(messages)}}`;
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const answer = await this.#ask<{ results: PublishOutcome[] }>(ref, this.address('/v1/publish', []), init);
    if (answer !== undefined) this.pass({ type: 'published', ref, results: answer.results });
  }

  async #history({ ref, channel, after, limit }: Sent<'history'>): Promise<void> {
    const query: [string, string][] = [];
    if (after !== undefined) query.push(['after', after]);
    if (limit !== undefined) query.push(['limit', String(limit)]);
    const address = this.address(`/v1/history/${encodeURIComponent(channel)}`, query);
    const answer = await this.#ask<{ messages: WireMessage[]; position: string; gap: boolean }>(ref, address, {});
    if (answer === undefined) return;
    const { messages, position, gap } = answer;
    this.pass({ type: 'history', ref, messages: messages.map(withBytes), position, gap });
  }

  async #presence({ ref, channel }: Sent<'presence'>): Promise<void> {
    const address = this.address(`/v1/presence/${encodeURIComponent(channel)}`, []);
    const answer = await this.#ask<{ users: string[]; count: number }>(ref, address, {});
    if (answer !== undefined) this.pass({ type: 'presence', ref, users: answer.users, count: answer.count });
  }

  async #ping(): Promise<void> {
    if (!this.flows) return this.fail(1006, 'the stream has fallen silent');
    try {
      await (await this.request(`${this.base}/livez`, {})).text();
      this.pass({ type: 'pong' });
    } catch (error) {
      this.fail(1006, (error as Error).message);
    }
  }

  /** undefined where there is no answer to pass on; what went wrong has been said. */
  async #ask<T>(ref: number, address: string, init: RequestInit): Promise<T | undefined> {
    try {
      const response = await this.request(address, init);
      if (response.ok) return (await response.json()) as T;
      this.pass({ type: 'error', ref, error: await errorOf(response) });
    } catch (error) {
      this.fail(1006, (error as Error).message);
    }
    return undefined;
  }
}

/** What a node, or a proxy before it, says has gone wrong. */
export async function errorOf(response: Response): Promise<ErrorBody> {
  try {
    const { error } = (await response.json()) as { error: ErrorBody };
    if (error.code in ERRORS) return error;
  } catch {
    // not one of ours
  }
  const code = response.status === 401 ? 'unauthorized' : response.status >= 500 ? 'overloaded' : 'bad-request';
  return new HalodError(code, `the answer was ${response.status} ${response.statusText}`).toBody();
}

/** The close code for an answer that ends the connection as a whole. */
export function closeFor(status: number, error: ErrorBody): number {
  return error.code === 'starting' || error.code === 'draining' ? 4503 : closeCodeOf(status);
}

/** `sub` of a JWT, which only the node verifies. */
function subjectOf(token: string): string {
  try {
    const payload = token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown };
    return typeof sub === 'string' ? sub : '';
  } catch {
    return '';
  }
}
