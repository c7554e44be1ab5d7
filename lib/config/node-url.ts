/** Addresses of nodes as operators write them. */
import { isIP } from 'node:net';

export const DEFAULT_PORT = 7400;

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
