/**
 * Which pages may talk to a node. With tokens, any: what a page may do is in the token it brings, and there are no
 * cookies to abuse. Without, whoever can reach the node may use it, so pages of foreign sites are kept out: only those
 * from this machine, from the node's own host, or from the host of another node of the cluster. A page whose origin is
 * hidden (`null`) is let in too, since browsers hide the origin of a request that was redirected between two nodes.
 */
import { isLoopback } from '../../config/complete.js';
import type { NodeOptions } from '../../config/options.js';

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

  allowsOrigin(origin: string | undefined, hostHeader: string | undefined): boolean {
    if (this.#any || origin === undefined || origin === 'null') return true;
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

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.toLowerCase() : '';
}
