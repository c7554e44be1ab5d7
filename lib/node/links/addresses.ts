/** Seeds and URLs of nodes as addresses to dial: a DNS name yields all the addresses it has just now. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { nodeUrlOf } from '../../config/node-url.js';
import { PEER_PATH } from '../../wire/handshake.js';

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
