/** What a request says: its path, its query, who sent it, its body within a limit. */
import type { IncomingMessage } from 'node:http';
import { checkChannel } from '../../core/session/grants.js';
import { HalodError } from '../../wire/errors.js';
import { LIMITS } from '../../wire/limits.js';
import type { Credentials } from '../auth/gate.js';

export interface Target {
  /** As it came, still encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** With its question mark, or ''. */
  readonly search: string;
}

/** @throws HalodError */
export function readTarget(url: string): Target {
  // what some clients send in full is meant as a path as well
  const relative = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*/i, '') || '/';
  const mark = relative.indexOf('?');
  const search = mark < 0 ? '' : relative.slice(mark);
  if (search.length > LIMITS.queryBytesMax) throw new HalodError('too-large', 'the query is too long');
  return { path: mark < 0 ? relative : relative.slice(0, mark), query: new URLSearchParams(search), search };
}

/** The channel at the end of a path. @throws HalodError `bad-channel` */
export function channelFrom(encoded: string): string {
  let channel: string;
  try {
    channel = decodeURIComponent(encoded);
  } catch {
    throw new HalodError('bad-channel', 'the channel in the path is not percent-encoded UTF-8');
  }
  return wellFormed(channel);
}

/** `channel`, once or several times, without repetition. @throws HalodError `bad-channel`, `bad-request` */
export function channelsFrom(query: URLSearchParams): string[] {
  const channels = [...new Set(query.getAll('channel'))];
  if (channels.length > LIMITS.channelsPerStream) {
    // not `too-many`: it will be no fewer later
    throw new HalodError('bad-request', `at most ${LIMITS.channelsPerStream} channels in one stream`);
  }
  return channels.map(wellFormed);
}

export function credentialsFrom(request: IncomingMessage, query: URLSearchParams): Credentials {
  const match = /^Bearer +(.*\S) *$/i.exec(request.headers.authorization ?? '');
  return { bearer: match?.[1] ?? '', token: query.get('token') ?? '', user: query.get('user') ?? '' };
}

/** A whole number from the query; undefined where it is absent. @throws HalodError `bad-request` */
export function wholeNumber(query: URLSearchParams, name: string, max: number): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new HalodError('bad-request', `${name} must be a whole number`);
  return Math.min(Number(text), max);
}

export function isSet(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  return text === '' || text === '1' || text === 'true';
}

/** @throws HalodError `too-large`, `unsupported-media-type` */
export function readBody(request: IncomingMessage): Promise<string> {
  const { headers } = request;
  checkMediaType(headers['content-type']);
  if (Number(headers['content-length'] ?? 0) > LIMITS.clientFrameBytesMax) throw tooLarge();
  return new Promise((resolve, reject) => {
    let first: Buffer | null = null;
    let more: Buffer[] | null = null;
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LIMITS.clientFrameBytesMax) return reject(tooLarge());
      if (first === null) first = chunk;
      else if (more === null) more = [chunk];
      else more.push(chunk);
    });
    request.on('end', () => {
      const body = first === null ? '' : more === null ? first.toString() : Buffer.concat([first, ...more]).toString();
      resolve(body);
    });
    request.on('error', reject);
  });
}

/** curl sends a form's type unless told otherwise; a page of another site is kept out by its origin. */
function checkMediaType(header: string | undefined): void {
  if (header === undefined) return;
  const type = header.split(';', 1)[0]!.trim().toLowerCase();
  if (type === 'application/json' || type.endsWith('+json') || type === 'application/x-www-form-urlencoded') return;
  throw new HalodError('unsupported-media-type', 'the body must be JSON: say content-type: application/json');
}

function tooLarge(): HalodError {
  return new HalodError('too-large', `the body is larger than ${LIMITS.clientFrameBytesMax} bytes`);
}

function wellFormed(channel: string): string {
  checkChannel(channel);
  if (/\p{Surrogate}/u.test(channel)) throw new HalodError('bad-channel', 'a channel must be well-formed Unicode');
  return channel;
}
