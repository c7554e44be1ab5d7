/**
 * Which pages may talk to a node. With tokens, any: what a page may do is in the token it brings, and there are no
 * cookies to abuse. Without, whoever can reach the node may use it, so pages of foreign sites are kept out: only those
 * from this machine, from the node's own host, or from the host of another node of the cluster. An origin that is hidden
 * (`null`) may be that of any page. It is let in only where a node redirects by HTTP, to streams and polls, since browsers
 * hide the origin of a request that was redirected between two nodes.
 */
import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../../config/complete.js';
import type { NodeOptions } from '../../config/options.js';
import { readTarget } from '../http/request.js';

const REFRESH_MS = 5_000;

export class Origins {
  readonly #any: boolean;
  readonly #checksHost: boolean;
  readonly #ownHosts: ReadonlySet<string>;
  readonly #nodeUrls: () => readonly string[];
  #nodeHosts: ReadonlySet<string> = new Set();
  #refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(options: NodeOptions, wantsTokens: boolean, isOpen: boolean, nodeUrls: () => readonly string[]) {
    this.#any = wantsTokens || options.insecure;
    // a page of a foreign site can make its own name resolve to 127.0.0.1
    this.#checksHost = isOpen && isLoopback(options.host) && !options.insecure;
    this.#ownHosts = new Set([options.host.toLowerCase(), ...(options.advertise ? [hostOf(options.advertise)] : [])]);
    this.#nodeUrls = nodeUrls;
  }

  allowsHost(header: string | undefined): boolean {
    if (!this.#checksHost || header === undefined) return true;
    const host = hostOf(`http://${header}`);
    return isLoopback(host) || this.#ownHosts.has(host) || this.#isNode(host);
  }

  allowsOrigin(request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): boolean {
    const { origin, host: hostHeader } = request.headers;
    if (this.#any || origin === undefined) return true;
    if (origin === 'null') return isRedirectable(request);
    const host = hostOf(origin);
    if (host === '') return false;
    if (isLoopback(host) || this.#ownHosts.has(host)) return true;
    if (hostHeader !== undefined && hostOf(`http://${hostHeader}`) === host) return true;
    return this.#isNode(host);
  }

  #isNode(host: string): boolean {
    if (performance.now() - this.#refreshedAt > REFRESH_MS) {
      this.#refreshedAt = performance.now();
      this.#nodeHosts = new Set(this.#nodeUrls().map(hostOf));
    }
    return this.#nodeHosts.has(host);
  }
}

/** As are these requests alone, with what a browser asks before it sends one. A WebSocket is redirected by a message. */
function isRedirectable({ method, url = '/', headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): boolean {
  const meant = method === 'OPTIONS' ? headers['access-control-request-method'] : method;
  if (meant !== 'GET' && meant !== 'HEAD') return false;
  const { path } = readTarget(url);
  return path === '/v1/subscribe' || path === '/v1/poll';
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.toLowerCase() : '';
}
