/** Checks what an application hands over before it takes a number in a chain, so that no number is wasted on a mistake. */
import type { Data } from '../wire/client.js';
import { HalodError } from '../wire/errors.js';
import { LIMITS } from '../wire/limits.js';

const encoder = new TextEncoder();

/** JSON text, or bytes as they are. @throws HalodError `bad-request`, `too-large` */
export function encodeData(data: unknown): Data {
  if (data instanceof Uint8Array) {
    if (data.length > LIMITS.dataBytesMax) throw tooLarge();
    return data;
  }
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (error) {
    throw new HalodError('bad-request', `data is no JSON value: ${(error as Error).message}`);
  }
  if (text === undefined) throw new HalodError('bad-request', 'data is no JSON value');
  if (bytesOver(text, LIMITS.dataBytesMax)) throw tooLarge();
  return text;
}

/** @throws HalodError `bad-channel` */
export function checkChannel(channel: string): void {
  const bad = typeof channel !== 'string' || channel === '' || hasControls(channel);
  if (bad || bytesOver(channel, LIMITS.channelBytesMax)) throw new HalodError('bad-channel');
}

/** @throws HalodError `bad-id` */
export function checkId(id: string): void {
  const bad = typeof id !== 'string' || id === '' || hasControls(id);
  if (bad || bytesOver(id, LIMITS.messageIdBytesMax)) throw new HalodError('bad-id');
}

function bytesOver(text: string, max: number): boolean {
  if (text.length > max) return true;
  return text.length * 3 > max && encoder.encode(text).length > max;
}

function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return /\p{Surrogate}/u.test(text);
}

function tooLarge(): HalodError {
  return new HalodError('too-large', `data is larger than ${LIMITS.dataBytesMax} bytes`);
}
