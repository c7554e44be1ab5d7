/** What `connect` and `publisher` take. The types are the documentation. */
import type { ErrorBody } from '../wire/errors.js';
import { HalodError } from '../wire/errors.js';
import type { ExportedState } from './core/ports.js';
import { TRANSPORTS } from './transports/choose.js';
import type { TransportName } from './transports/transport.js';

export interface ClientOptions {
  /** Who connects; subscribed to the channel `@user`. Ignored with a token, which says it itself. */
  readonly user?: string;
  /** A JWT. */
  readonly token?: string;
  /** Called for a JWT at the start and whenever the last one is not accepted any more. */
  readonly getToken?: () => Promise<string> | string;
  /** Of an app, in Node only; with it a client may do anything. */
  readonly apiKey?: string;
  /** Ask the node that is reached to serve this client, whoever owns the user. Default false. */
  readonly relay?: boolean;
  /** Where the own channel starts: `now` (default), `start`, or a position. */
  readonly after?: 'now' | 'start' | (string & {});
  /** Which transports to try, in this order. Default: websocket, sse, poll. */
  readonly transports?: readonly TransportName[];
  /** What `exportState` gave in an earlier process. */
  readonly state?: ExportedState;
  /** How long a publish is retried before it ends in `unknown`. Default 30 s; longer than minutes defeats its purpose. */
  readonly publishDeadlineMs?: number;
  /** A try to connect waits random × min(cap, base × 2^tries). Defaults: 200 ms and 10 s. */
  readonly backoffBaseMs?: number;
  readonly backoffCapMs?: number;
}

export interface PublisherOptions {
  readonly apiKey?: string;
  readonly token?: string;
  readonly getToken?: () => Promise<string> | string;
  readonly publishDeadlineMs?: number;
  readonly backoffBaseMs?: number;
  readonly backoffCapMs?: number;
  /** Called once, if the nodes refuse this publisher for good. */
  readonly onRefused?: (error: ErrorBody) => void;
}

/** @throws HalodError `bad-request` */
export function checkUrls(urls: string | readonly string[]): string[] {
  const list = typeof urls === 'string' ? [urls] : [...urls];
  if (list.length === 0) throw new HalodError('bad-request', 'the address of at least one node is needed');
  return [...new Set(list.map(checkUrl))];
}

function checkUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  } catch {
    throw new HalodError('bad-request', `${JSON.stringify(text)} is no address of a node`);
  }
  const protocol = url.protocol.replace(/^ws/, 'http');
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new HalodError('bad-request', `${JSON.stringify(text)}: a node has an http or https address`);
  }
  return `${protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`;
}

/** @throws HalodError `bad-request` */
export function checkTransports(names: readonly TransportName[] | undefined): readonly TransportName[] {
  if (names === undefined) return TRANSPORTS;
  for (const name of names) {
    if (!TRANSPORTS.includes(name)) {
      throw new HalodError(
        'bad-request',
        `unknown transport ${JSON.stringify(name)}; there are ${TRANSPORTS.join(', ')}`,
      );
    }
  }
  if (names.length === 0) throw new HalodError('bad-request', 'at least one transport is needed');
  return names;
}
