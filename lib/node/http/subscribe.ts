/**
 * `GET /v1/subscribe` and `GET /v1/poll`: who reads which channels from where on, and whether here. A reader that is
 * better served elsewhere is redirected before anything is sent.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { maySubscribe } from '../../core/session/grants.js';
import { StreamPositions } from '../../core/session/stream-positions.js';
import type { After } from '../../wire/client.js';
import { HalodError } from '../../wire/errors.js';
import type { Access } from '../auth/gate.js';
import type { Driver } from '../driver.js';
import { poll } from '../transports/poll.js';
import { StreamConnection } from '../transports/stream.js';
import { channelsFrom, credentialsFrom, isSet, type Target, wholeNumber } from './request.js';
import { sendJson } from './respond.js';

const WAIT_DEFAULT_S = 25;
const WAIT_MAX_S = 60;

interface Reading {
  readonly positions: StreamPositions;
  readonly after: After;
  readonly mismatched: boolean;
}

/** @throws HalodError */
export function subscribe(
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
  access: Access,
  driver: Driver,
): void {
  const framing = framingFor(request.headers.accept);
  const lastEventId = request.headers['last-event-id'];
  // EventSource repeats the URL it was made with, so what it remembers is newer than what the URL says
  const after = (typeof lastEventId === 'string' && lastEventId) || target.query.get('after') || 'now';
  const reading = readReading(target, access, after);
  checkServing(driver);
  if (redirect(request, response, target, access, reading, driver)) return;
  new StreamConnection(response, { framing, access, movable: isSet(target.query, 'moves'), ...reading }, driver);
}

/** @throws HalodError */
export async function longPoll(
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
  access: Access,
  driver: Driver,
): Promise<void> {
  const waitMs = (wholeNumber(target.query, 'wait', WAIT_MAX_S) ?? WAIT_DEFAULT_S) * 1_000;
  const reading = readReading(target, access, target.query.get('after') || 'now');
  checkServing(driver);
  if (redirect(request, response, target, access, reading, driver)) return;
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  sendJson(response, 200, await poll({ access, waitMs, ...reading }, driver, gone.signal));
}

function readReading(target: Target, access: Access, after: After): Reading {
  const channels = channelsFrom(target.query);
  if (access.user !== '') channels.push(`@${access.user}`);
  if (channels.length === 0) throw new HalodError('bad-channel', 'a channel, a user or a token is missing');
  for (const channel of channels) {
    if (!maySubscribe(access.grants, access.user, channel)) {
      throw new HalodError('forbidden', `the token does not allow ${JSON.stringify(channel)}`);
    }
  }
  const positions = new StreamPositions(channels);
  if (after === 'now') return { positions, after, mismatched: false };
  if (after === 'start') {
    positions.startOver();
    return { positions, after, mismatched: false };
  }
  if (positions.resume(after)) return { positions, after, mismatched: false };
  return { positions, after: 'now', mismatched: true };
}

/** `text/event-stream` where nothing is asked for: what a browser's address bar and curl can show. */
function framingFor(accept: string | undefined): 'sse' | 'ndjson' {
  if (accept === undefined || /text\/event-stream|\*\/\*|text\/\*/i.test(accept)) {
    return /application\/x-ndjson/i.test(accept ?? '') && !/text\/event-stream/i.test(accept ?? '') ? 'ndjson' : 'sse';
  }
  if (/application\/(?:x-ndjson|\*)/i.test(accept)) return 'ndjson';
  throw new HalodError('not-acceptable', 'subscribe speaks text/event-stream and application/x-ndjson');
}

function checkServing(driver: Driver): void {
  const { state } = driver.core;
  if (state === 'starting') throw new HalodError('starting');
  if (state === 'left') throw new HalodError('draining');
}

/** To the owner of the user's own channel, or of an anonymous reader's first one. */
function redirect(
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
  access: Access,
  reading: Reading,
  driver: Driver,
): boolean {
  if (driver.options.relay || isSet(target.query, 'relay')) return false;
  const first = target.query.get('channel') ?? reading.positions.channels[0]!;
  const home = driver.core.homeOf(access.user === '' ? first : `@${access.user}`);
  if (home.self) return false;
  // a key has no place in a URL, and no client repeats the header elsewhere: who needs it to read is served here
  if (driver.gate.wantsTokens && access.app) return false;
  driver.stats.redirected++;
  response.writeHead(307, {
    location: home.url.replace(/\/+$/, '') + target.path + searchWithToken(request, target, driver),
    'cache-control': 'no-store',
    'content-length': 0,
  });
  response.end();
  return true;
}

/** Neither browsers nor other clients repeat the Authorization header at another origin: the token moves to the query. */
function searchWithToken(request: IncomingMessage, target: Target, driver: Driver): string {
  const { bearer } = credentialsFrom(request, target.query);
  if (bearer === '' || !driver.gate.wantsTokens || target.query.has('token')) return target.search;
  return `${target.search}${target.search === '' ? '?' : '&'}token=${encodeURIComponent(bearer)}`;
}
