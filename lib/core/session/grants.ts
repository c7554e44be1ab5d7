/** What a token allows, and what names may look like: checked at the node where a client or an app enters. */
import { HalodError } from '../../wire/errors.js';
import { LIMITS } from '../../wire/limits.js';
import type { Grants } from './types.js';

export const ALL_GRANTS: Grants = { subscribe: 'all', publish: 'all', expiresAt: Number.POSITIVE_INFINITY };

/** The own channel of another user is private: only a pattern that begins with `@` itself allows it. */
export function maySubscribe(grants: Grants, user: string, channel: string): boolean {
  if (user !== '' && channel === `@${user}`) return true;
  const { subscribe } = grants;
  if (subscribe === 'all' || !channel.startsWith('@')) return allows(subscribe, channel);
  return allows(
    subscribe.filter((pattern) => pattern.startsWith('@')),
    channel,
  );
}

export function mayPublish(grants: Grants, channel: string): boolean {
  return allows(grants.publish, channel);
}

function allows(patterns: readonly string[] | 'all', channel: string): boolean {
  return patterns === 'all' || patterns.some((pattern) => matches(pattern, channel));
}

/** `*` stands for any run of characters. Linear: each star takes the shortest run that lets the next part match. */
function matches(pattern: string, channel: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0]!;
  if (parts.length === 1) return pattern === channel;
  const last = parts[parts.length - 1]!;
  if (!channel.startsWith(first) || channel.length < first.length + last.length || !channel.endsWith(last))
    return false;
  let at = first.length;
  const end = channel.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = channel.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** @throws HalodError `bad-channel` */
export function checkChannel(channel: unknown): asserts channel is string {
  if (typeof channel !== 'string' || channel === '')
    throw new HalodError('bad-channel', 'a channel is a non-empty string');
  if (
    channel.length > LIMITS.channelBytesMax ||
    (channel.length * 3 > LIMITS.channelBytesMax && utf8Bytes(channel) > LIMITS.channelBytesMax)
  ) {
    throw new HalodError('bad-channel', `a channel has at most ${LIMITS.channelBytesMax} bytes of UTF-8`);
  }
  if (CONTROL.test(channel)) throw new HalodError('bad-channel', 'a channel has no control characters');
  if (channel === '@') throw new HalodError('bad-channel', 'the user name after @ is missing');
}

/** @throws HalodError `bad-id` */
export function checkMessageId(id: string): void {
  if (
    id === '' ||
    id.length > LIMITS.messageIdBytesMax ||
    utf8Bytes(id) > LIMITS.messageIdBytesMax ||
    CONTROL.test(id)
  ) {
    throw new HalodError('bad-id');
  }
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // each half of a surrogate pair counts two of the pair's four bytes
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}
