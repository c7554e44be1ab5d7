/**
 * Where the client is attached: opens connections, follows redirects, backs off, and moves by making the new connection
 * before breaking the old. At most two connections exist at a time, `main` and, while moving, `next`.
 */
import type { ServerMessage } from '../../wire/client.js';
import { CLOSE, type ErrorBody, HalodError } from '../../wire/errors.js';
import { LIMITS } from '../../wire/limits.js';
import { afterClose, Connection, errorOfClose } from './connection.js';
import { CLIENT_LIMITS } from './limits.js';
import type { ClientCoreOptions, ClientPorts, ClientState } from './ports.js';
import { Route } from './route.js';

export interface AttachmentHooks {
  /** The socket stands: say who connects. */
  greet(c: Connection, token: string | undefined): void;
  /** `connected` came: resume everything here. */
  ready(c: Connection, user: string): void;
  /** Publishes and calls go here from now on. */
  attached(c: Connection): void;
  /** Gone, with whatever was unanswered there. */
  gone(c: Connection): void;
  /** For good. */
  closed(): void;
  unansweredSince(c: Connection): number | undefined;
}

interface Plan {
  readonly url: string;
  readonly relay: boolean;
  readonly at: number;
  readonly deadlineAt: number;
}

const NEVER = Number.POSITIVE_INFINITY;

export class Attachment {
  state: ClientState = { state: 'connecting', reason: 'not started' };
  main: Connection | null = null;
  /** The new connection while moving. */
  next: Connection | null = null;
  readonly #ports: ClientPorts;
  readonly #hooks: AttachmentHooks;
  readonly #options: ClientCoreOptions;
  readonly #route: Route;
  #ids = 0;
  /** When to connect again, while there is no main connection. */
  #connectAt = NEVER;
  /** A move that waits for its moment. */
  #plan: Plan | null = null;
  #rehomeAt = NEVER;
  #token: string | undefined;
  #tokenTries = 0;
  #tokenWanted = false;

  constructor(options: ClientCoreOptions, ports: ClientPorts, hooks: AttachmentHooks) {
    this.#options = options;
    this.#ports = ports;
    this.#hooks = hooks;
    this.#route = new Route(options, ports.random);
    if (typeof options.token === 'object') this.#token = options.token.value;
  }

  get closed(): boolean {
    return this.state.state === 'closed';
  }

  /** Why it was closed, where a node refused it. */
  get refusal(): ErrorBody | undefined {
    return this.state.state === 'closed' ? this.state.error : undefined;
  }

  /** The connection for publishes and calls. */
  get usable(): Connection | null {
    return this.main?.phase === 'ready' ? this.main : null;
  }

  connections(): Connection[] {
    const both: Connection[] = [];
    if (this.main !== null) both.push(this.main);
    if (this.next !== null) both.push(this.next);
    return both;
  }

  find(id: number): Connection | undefined {
    if (this.main?.id === id) return this.main;
    return this.next?.id === id ? this.next : undefined;
  }

  start(now: number): void {
    this.#say({ state: 'connecting', reason: 'starting' });
    if (this.#options.token === 'asked') this.#askToken();
    else this.#connect(now);
  }

  // inputs

  opened(id: number, now: number): void {
    const c = this.find(id);
    if (c === undefined || c.phase !== 'opening') return;
    c.phase = 'greeting';
    c.heardAt = now;
    c.deadlineAt = now + CLIENT_LIMITS.greetMs;
    this.#hooks.greet(c, this.#token);
  }

  onConnected(c: Connection, m: Extract<ServerMessage, { type: 'connected' }>, now: number): void {
    if (c.phase === 'opening') return;
    c.node = m.node;
    c.nodeUrl = m.url;
    c.pingMs = m.pingMs;
    c.spreadMs = m.spreadMs;
    if (c.phase === 'ready') return this.#renamed(c, m);
    c.phase = 'ready';
    c.readyAt = now;
    c.deadlineAt = NEVER;
    this.#tokenTries = 0;
    this.#route.learn(m.next);
    this.#route.trust(c.url);
    this.#hooks.ready(c, m.user);
    if (c === this.main) this.#attach(c, now);
    else this.settleMove(now);
  }

  /** Over HTTP the node that answers is known only once the stream stands, after redirects of its own. */
  #renamed(c: Connection, m: Extract<ServerMessage, { type: 'connected' }>): void {
    if (c !== this.main) return;
    this.#route.learn(m.next);
    if (this.state.state !== 'connected' || this.state.node === m.node) return;
    this.#say({ state: 'connected', reason: 'served by the owner', url: m.url, node: m.node });
  }

  /** Every subscription stands on the new connection: the old one is not needed any more. */
  settleMove(now: number): void {
    const { main, next } = this;
    if (next === null || next.phase !== 'ready' || next.resuming > 0) return;
    this.main = next;
    this.next = null;
    if (main !== null) this.#close(main, CLOSE.normal, 'moved');
    this.#attach(next, now);
  }

  onNext(c: Connection, m: Extract<ServerMessage, { type: 'next' }>): void {
    if (c !== this.main) return;
    c.spreadMs = m.spreadMs;
    this.#route.learn(m.next);
  }

  onRedirect(c: Connection, url: string, now: number): void {
    const wasReady = c.phase === 'ready';
    if (c.relay) return this.#giveUp(c, 'redirected in spite of relaying', now);
    const far = c.redirects >= CLIENT_LIMITS.redirectsMax || this.#route.isBad(url, now);
    if (far && c === this.next) return this.#giveUp(c, 'led to a node out of reach', now);
    this.#close(c, CLOSE.normal, 'redirected');
    if (c === this.main && this.next !== null) return this.#promote(now);
    // led in a circle, or to a node that was just found dead: let this one serve
    const target = far ? c.url : url;
    const successor = this.#open(target, far, c.redirects + 1, now);
    if (c === this.next) {
      this.next = successor;
      return;
    }
    this.main = successor;
    this.#plan = null;
    this.#rehomeAt = NEVER;
    if (wasReady) this.#say({ state: 'moving', reason: 'redirected to the owner', url: target, silent: true });
  }

  onMove(c: Connection, m: Extract<ServerMessage, { type: 'move' }>, now: number): void {
    if (c !== this.main || this.next !== null) return;
    this.#plan = {
      url: m.url,
      relay: this.#options.relay,
      at: now + m.afterMs,
      deadlineAt: now + m.afterMs + m.deadlineMs,
    };
  }

  onClosed(id: number, code: number, reason: string, now: number): void {
    const c = this.find(id);
    if (c === undefined) return;
    const livedMs = c.phase === 'ready' ? now - c.readyAt : -1;
    if (c.phase === 'opening' || code === 1006) this.#route.avoid(c.url, now);
    const after = afterClose(code);
    if (c === this.next) {
      this.next = null;
      this.#hooks.gone(c);
      if (after === 'token' && this.#options.token === 'asked') this.#askToken();
      return this.#stay(`the new connection was lost (${code})`, now);
    }
    this.main = null;
    this.#hooks.gone(c);
    if (this.next !== null) return this.#promote(now);
    if (after === 'token' || after === 'stop') return this.#refused(after, code, reason, now);
    const what = c.phase === 'opening' ? 'no connection' : 'the connection was lost';
    this.#retry(c, livedMs, after === 'elsewhere', `${what} (${code}${reason && `: ${reason}`})`, now);
  }

  setToken(token: string, now: number): void {
    if (this.closed) return;
    this.#token = token;
    this.#tokenWanted = false;
    const c = this.usable;
    if (c !== null) return this.#ports.send(c.id, { type: 'refresh', token });
    if (this.main === null && this.#connectAt === NEVER) this.#connect(now);
  }

  tokenFailed(why: string, now: number): void {
    this.#tokenWanted = false;
    if (this.usable !== null || this.closed) return;
    this.#say({ state: 'connecting', reason: `no token: ${why}` });
    this.#connectAt = now + this.#route.failed();
  }

  /** The token has run out, or is not accepted any more. */
  askToken(error: ErrorBody): void {
    if (this.#options.token === 'asked') this.#askToken();
    else this.#ports.problem(error);
  }

  close(reason: string, error?: ErrorBody): void {
    if (this.closed) return;
    for (const c of this.connections()) this.#close(c, CLOSE.normal, reason);
    this.main = null;
    this.next = null;
    this.#plan = null;
    this.#connectAt = NEVER;
    this.#rehomeAt = NEVER;
    this.#say({ state: 'closed', reason, ...(error === undefined ? {} : { error }) });
    this.#hooks.closed();
  }

  // time

  nextWakeAt(): number {
    let at = this.#connectAt;
    if (this.next === null) {
      if (this.main?.phase === 'ready') at = Math.min(at, this.#plan?.at ?? NEVER, this.#rehomeAt);
    } else at = Math.min(at, this.next.deadlineAt, this.#plan?.deadlineAt ?? NEVER);
    if (this.main !== null) at = Math.min(at, this.main.deadlineAt, this.#pingAt(this.main));
    return at;
  }

  tick(now: number): void {
    if (this.closed) return;
    if (now >= this.#connectAt) {
      this.#connectAt = NEVER;
      if (this.#options.token === 'asked' && this.#token === undefined) this.#askToken();
      else this.#connect(now);
    }
    if (this.main !== null && now >= this.main.deadlineAt) this.#expire(this.main, now);
    if (this.main !== null && now >= this.#pingAt(this.main)) this.#ping(this.main, now);
    this.#tickMove(now);
  }

  #tickMove(now: number): void {
    const { main, next } = this;
    if (next !== null) {
      // the old node would not wait longer; what is not resumed by now stays where it is
      if (now >= next.deadlineAt || now >= (this.#plan?.deadlineAt ?? NEVER)) this.#expire(next, now);
      return;
    }
    if (main?.phase !== 'ready') return;
    if (this.#plan !== null && now >= this.#plan.at) this.#startMove(this.#plan, 'asked to move', now);
    else if (now >= this.#rehomeAt) {
      const deadlineAt = now + CLIENT_LIMITS.greetMs;
      this.#startMove({ url: main.url, relay: this.#options.relay, at: now, deadlineAt }, 'looking for the owner', now);
    }
  }

  #startMove(plan: Plan, reason: string, now: number): void {
    this.#plan = plan;
    this.#rehomeAt = NEVER;
    this.next = this.#open(plan.url, plan.relay, 0, now);
    this.#say({ state: 'moving', reason, url: plan.url, silent: false });
  }

  #giveUp(c: Connection, reason: string, now: number): void {
    this.#ports.close(c.id, CLOSE.normal, reason);
    this.onClosed(c.id, CLOSE.goingAway, reason, now);
  }

  #expire(c: Connection, now: number): void {
    this.#ports.close(c.id, CLOSE.timeout, 'no answer in time');
    this.onClosed(c.id, c.phase === 'ready' ? CLOSE.timeout : 1006, 'no answer in time', now);
  }

  // signs of life

  #pingAt(c: Connection): number {
    if (c.phase !== 'ready') return NEVER;
    const asked = c.pingedAt > c.heardAt;
    const sentAt = this.#hooks.unansweredSince(c);
    const quietAt = c.heardAt + (asked ? c.pingMs + LIMITS.clientPongMs : c.pingMs);
    if (sentAt === undefined) return quietAt;
    // someone waits for an answer: doubt sooner
    const doubtAt = Math.max(sentAt, c.heardAt) + CLIENT_LIMITS.suspectMs;
    return Math.min(quietAt, asked ? Math.max(doubtAt, c.pingedAt + CLIENT_LIMITS.suspectGraceMs) : doubtAt);
  }

  #ping(c: Connection, now: number): void {
    if (c.pingedAt > c.heardAt) {
      this.#route.avoid(c.url, now);
      return this.#expire(c, now);
    }
    c.pingedAt = now;
    this.#ports.send(c.id, { type: 'ping' });
  }

  // connecting

  #connect(now: number): void {
    if (this.closed) return;
    const url = this.#route.pick(now);
    this.main = this.#open(url, this.#options.relay, 0, now);
  }

  #open(url: string, relay: boolean, redirects: number, now: number): Connection {
    const c = new Connection(++this.#ids, url, relay, redirects, now, now + CLIENT_LIMITS.openMs);
    this.#ports.open(c.id, url);
    return c;
  }

  #attach(c: Connection, now: number): void {
    this.#plan = null;
    const led = c.relay && !this.#options.relay;
    this.#rehomeAt = led ? now + CLIENT_LIMITS.rehomeMs * (1 + this.#ports.random.next()) : NEVER;
    this.#say({ state: 'connected', reason: led ? 'relayed' : 'connected', url: c.nodeUrl, node: c.node });
    if (!this.closed) this.#hooks.attached(c);
  }

  #retry(c: Connection, livedMs: number, atOnce: boolean, reason: string, now: number): void {
    const wait = livedMs < 0 ? this.#route.failed() : this.#route.lost(livedMs, c.spreadMs);
    const settled = livedMs >= CLIENT_LIMITS.settledMs;
    this.#connectAt = atOnce && settled ? now : now + wait;
    this.#plan = null;
    this.#rehomeAt = NEVER;
    this.#say({ state: 'connecting', reason });
  }

  #promote(now: number): void {
    this.#plan = null;
    this.#rehomeAt = NEVER;
    this.main = this.next;
    this.next = null;
    const c = this.main!;
    if (c.phase === 'ready') this.#attach(c, now);
    else this.#say({ state: 'moving', reason: 'the old connection was lost', url: c.url, silent: true });
  }

  #stay(reason: string, now: number): void {
    this.#plan = null;
    const c = this.main;
    if (c?.phase === 'ready') this.#say({ state: 'connected', reason, url: c.nodeUrl, node: c.node });
    if (c?.relay && !this.#options.relay) {
      this.#rehomeAt = now + CLIENT_LIMITS.rehomeMs * (1 + this.#ports.random.next());
    }
  }

  #refused(after: 'token' | 'stop', code: number, reason: string, now: number): void {
    const canAsk = after === 'token' && this.#options.token === 'asked';
    if (canAsk && this.#tokenTries++ < CLIENT_LIMITS.tokenTriesMax) {
      this.#token = undefined;
      this.#say({ state: 'connecting', reason: 'the token was refused' });
      // the first fresh token is tried at once
      if (this.#tokenTries === 1) return this.#askToken();
      this.#connectAt = now + this.#route.failed();
      return;
    }
    const error = new HalodError(errorOfClose(code), reason === '' ? undefined : reason).toBody();
    this.close(`the node refused this client (${code}${reason && `: ${reason}`})`, error);
  }

  #askToken(): void {
    if (this.#tokenWanted) return;
    this.#tokenWanted = true;
    this.#ports.needToken();
  }

  #close(c: Connection, code: number, reason: string): void {
    this.#ports.close(c.id, code, reason);
    this.#hooks.gone(c);
  }

  #say(state: ClientState): void {
    if (this.closed) return;
    const same = this.state.state === state.state && this.state.reason === state.reason;
    this.state = state;
    if (!same || state.state === 'connected') this.#ports.state(state);
  }
}
