/** Seeds and URLs of nodes as addresses to dial: a DNS name yields all the addresses it has just now. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { PEER_PATH } from '../../wire/handshake.js';

export const DEFAULT_PORT = 7400;
/** Addresses of one name that are dialled. */
const ADDRESSES_MAX = 64;

export interface Address {
  /** For `new WebSocket`: the name stays in it, for the Host header and for TLS. */
  readonly url: string;
  /** The address to connect to; undefined lets the system choose. */
  readonly ip: string | undefined;
  /** Tells two addresses apart. */
  readonly key: string;
}

/**
 * `host`, `host:port`, `[::1]:port` and URLs, as a URL without a path; without a port, 7400 unless it is a URL.
 * @throws Error where it is no address
 */
export function nodeUrlOf(text: string): string {
  const isUrl = /^[a-z]+:\/\//i.test(text);
  const bracketed = !isUrl && isIP(text) === 6 ? `[${text}]` : text;
  const full = isUrl ? text : `http://${bracketed}`;
  if (!URL.canParse(full)) throw new Error(`"${text}" is no address of a node`);
  const url = new URL(full);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`"${text}" is neither http nor https`);
  // a URL parser drops :80 from http://host:80
  if (!isUrl && url.port === '' && !/:80$/.test(bracketed)) url.port = String(DEFAULT_PORT);
  return url.origin;
}

export function peerUrlOf(nodeUrl: string): string {
  return nodeUrl.replace(/^http/i, 'ws').replace(/\/+$/, '') + PEER_PATH;
}

/** @throws Error where the name cannot be resolved */
export async function resolveAddresses(seed: string): Promise<Address[]> {
  const origin = nodeUrlOf(seed);
  const url = new URL(origin);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const target = peerUrlOf(origin);
  if (isIP(host) !== 0) return [{ url: target, ip: undefined, key: `${host} ${port}` }];
  const found = await lookup(host, { all: true });
  const ips = [...new Set(found.map((each) => each.address))].slice(0, ADDRESSES_MAX);
  return ips.map((ip) => ({ url: target, ip, key: `${ip} ${port}` }));
}
