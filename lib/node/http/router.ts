/** Which handler answers which path, after the checks that hold for all of them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { maySubscribe } from '../../core/session/grants.js';
import { HalodError } from '../../wire/errors.js';
import { PEER_PATH } from '../../wire/handshake.js';
import { LIMITS } from '../../wire/limits.js';
import { formatPosition } from '../../wire/position.js';
import type { Access } from '../auth/gate.js';
import type { Driver } from '../driver.js';
import { jsonOf } from '../transports/frames.js';
import { PublishRates } from '../transports/publish-rate.js';
import { StaticFiles } from './files.js';
import { readHistory, readPresence } from './history.js';
import { Metrics } from './metrics.js';
import { publish } from './publish.js';
import { channelFrom, credentialsFrom, readBody, readTarget, type Target, wholeNumber } from './request.js';
import { allowOrigin, sendFailure, sendJson, sendPreflight } from './respond.js';
import { longPoll, subscribe } from './subscribe.js';

const HISTORY_DEFAULT = 100;

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: Target;
  /** What follows the path of the route: a channel, still encoded. */
  readonly rest: string;
}

type Handler = (call: Call) => void | Promise<void>;

interface Route {
  readonly method: 'GET' | 'POST';
  readonly handle: Handler;
}

export class Router {
  readonly files: StaticFiles;
  readonly #driver: Driver;
  readonly #metrics: Metrics;
  readonly #rates = new PublishRates();
  /** Whole paths, and beginnings of paths that end in a channel. */
  readonly #exact: ReadonlyMap<string, Route>;
  readonly #byChannel: ReadonlyMap<string, Route>;

  constructor(driver: Driver) {
    this.#driver = driver;
    this.#metrics = new Metrics(driver);
    this.files = new StaticFiles(driver.options);
    const get = (handle: Handler): Route => ({ method: 'GET', handle });
    const post = (handle: Handler): Route => ({ method: 'POST', handle });
    this.#exact = new Map([
      ['/v1/publish', post((call) => this.#publish(call))],
      ['/v1/subscribe', get((call) => this.#subscribe(call))],
      ['/v1/poll', get((call) => this.#poll(call))],
      ['/v1/cluster', get((call) => this.#cluster(call))],
      ['/v1/drain', post((call) => this.#drain(call))],
      ['/v1/ws', get(() => upgradeOnly('/v1/ws is for WebSockets'))],
      [PEER_PATH, get(() => upgradeOnly(`${PEER_PATH} is for other nodes, which connect by WebSocket`))],
      ['/livez', get(({ response }) => sendJson(response, 200, '{"live":true}'))],
      ['/readyz', get((call) => this.#ready(call))],
      ['/metrics', get((call) => this.#renderMetrics(call))],
    ]);
    this.#byChannel = new Map([
      ['/v1/history/', get((call) => this.#history(call))],
      ['/v1/presence/', get((call) => this.#presence(call))],
      ['/v1/locate/', get((call) => this.#locate(call))],
    ]);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    if (this.#driver.wasStalled()) return void request.destroy();
    this.#driver.stats.httpRequests++;
    this.#route(request, response).catch((error: unknown) => {
      this.#driver.stats.httpErrors++;
      // what is left of a refused body is not read
      if (!request.complete) response.setHeader('connection', 'close');
      sendFailure(response, error, this.#driver.log);
    });
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { origins, stats } = this.#driver;
    const { host, origin } = request.headers;
    if (!origins.allowsHost(host)) {
      stats.refusedOrigins++;
      throw new HalodError('forbidden', 'this node is not known by that host name; --advertise names another');
    }
    if (!origins.allowsOrigin(request)) {
      stats.refusedOrigins++;
      throw new HalodError(
        'forbidden',
        `pages of ${origin === 'null' ? 'hidden origin' : origin} may not use this node without tokens`,
      );
    }
    allowOrigin(request, response);
    if (request.method === 'OPTIONS') return sendPreflight(request, response);
    const target = readTarget(request.url ?? '/');
    const found = this.#find(target.path);
    if (found === undefined) return this.#file(request, response, target);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (found.route.method !== method) {
      response.setHeader('allow', found.route.method);
      throw new HalodError('method-not-allowed', `${target.path} takes ${found.route.method}`);
    }
    return found.route.handle({ request, response, target, rest: found.rest });
  }

  #find(path: string): { route: Route; rest: string } | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return { route: exact, rest: '' };
    // /v1/history/…: two segments, and the channel is all that follows
    const slash = path.indexOf('/', 4);
    const route = slash < 0 ? undefined : this.#byChannel.get(path.slice(0, slash + 1));
    return route === undefined ? undefined : { route, rest: path.slice(slash + 1) };
  }

  async #file(request: IncomingMessage, response: ServerResponse, target: Target): Promise<void> {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (isRead && (await this.files.send(target.path, request.headers['if-none-match'], response))) return;
    throw new HalodError('not-found', `there is nothing at ${target.path.slice(0, 200)}`);
  }

  #admit({ request, target }: Call): Access | Promise<Access> {
    return this.#driver.gate.admit(credentialsFrom(request, target.query));
  }

  async #publish(call: Call): Promise<void> {
    const access = await this.#admit(call);
    if (access.grants.publish.length === 0) {
      // whoever is let in without the key where tokens are wanted has brought one, and a better one may say more
      if (this.#driver.gate.wantsTokens) throw new HalodError('forbidden', 'the token allows no publishing');
      throw new HalodError('unauthorized', 'publishing needs the API key');
    }
    publish(await readBody(call.request), access, this.#rates, call.response, this.#driver);
  }

  async #subscribe(call: Call): Promise<void> {
    // a stream has no head to be asked for alone
    if (call.request.method === 'HEAD') {
      call.response.setHeader('allow', 'GET');
      throw new HalodError('method-not-allowed', `${call.target.path} takes GET`);
    }
    subscribe(call.request, call.response, call.target, await this.#admit(call), this.#driver);
  }

  async #poll(call: Call): Promise<void> {
    await longPoll(call.request, call.response, call.target, await this.#admit(call), this.#driver);
  }

  async #history(call: Call): Promise<void> {
    const channel = await this.#readable(call);
    const limit = wholeNumber(call.target.query, 'limit', LIMITS.historyMessagesMax) ?? HISTORY_DEFAULT;
    if (limit === 0) throw new HalodError('bad-request', 'limit counts from 1');
    const after = call.target.query.get('after') ?? '';
    const { entries, position, gap } = await readHistory(this.#driver, channel, after, limit);
    const messages = entries.map(jsonOf).join(',');
    sendJson(call.response, 200, `{"messages":[${messages}],"position":"${formatPosition(position)}","gap":${gap}}`);
  }

  async #presence(call: Call): Promise<void> {
    const users = await readPresence(this.#driver, await this.#readable(call));
    sendJson(call.response, 200, JSON.stringify({ users, count: users.length }));
  }

  async #locate(call: Call): Promise<void> {
    await this.#admit(call);
    sendJson(call.response, 200, JSON.stringify(this.#driver.core.locate(channelFrom(call.rest))));
  }

  async #cluster(call: Call): Promise<void> {
    const access = await this.#admit(call);
    // clients with a token may see where they can go; without tokens, an API key keeps strangers out
    if (!this.#driver.gate.wantsTokens) this.#driver.gate.requireApp(access);
    sendJson(call.response, 200, JSON.stringify(this.#driver.core.cluster()));
  }

  async #drain(call: Call): Promise<void> {
    this.#driver.gate.requireApp(await this.#admit(call));
    sendJson(call.response, 202, JSON.stringify({ draining: true, id: this.#driver.core.id }));
    this.#driver.drainAndStop();
  }

  #ready({ response }: Call): void {
    const { state } = this.#driver.core;
    if (state === 'serving') return sendJson(response, 200, '{"ready":true}');
    throw new HalodError(state === 'draining' || state === 'left' ? 'draining' : 'starting');
  }

  async #renderMetrics(call: Call): Promise<void> {
    this.#driver.gate.requireApp(await this.#admit(call));
    const { text, type } = await this.#metrics.render();
    call.response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' });
    call.response.end(text);
  }

  /** The channel of the path, if the caller may read it. */
  async #readable(call: Call): Promise<string> {
    const access = await this.#admit(call);
    const channel = channelFrom(call.rest);
    if (!maySubscribe(access.grants, access.user, channel)) throw new HalodError('forbidden');
    return channel;
  }
}

function upgradeOnly(message: string): never {
  throw new HalodError('bad-request', message);
}
