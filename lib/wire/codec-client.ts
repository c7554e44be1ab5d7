/**
 * Frames between clients and nodes as JSON: reads what a client or an app sent, checking every field, and writes what
 * a node answers. Data is never parsed on its way: it leaves as the text that came in. Runs in browsers too.
 */
import type { ClientMessage, Data, PublishItem, ServerMessage, WireMessage } from './client.js';
import { type Entry, positionAfter } from './entry.js';
import { type ErrorBody, HalodError } from './errors.js';
import { elementStarts, findValue, skipSpace, spansInList, tooDeep } from './json-scan.js';
import { LIMITS } from './limits.js';

/** Takes the messages of a frame one by one, and what could not be understood of them. */
export interface FrameReader {
  message(message: ClientMessage): void;
  refused(error: ErrorBody, ref: number | undefined, channel: string | undefined): void;
}

/** A publish over HTTP: one message, or several each with its own outcome. */
export interface PublishCall {
  readonly single: boolean;
  readonly items: readonly PublishItem[];
}

export type Fields = Readonly<Record<string, unknown>>;

/** The data of the i-th message of a publish, which each encoding carries in its own way. */
export type DataOf = (item: Fields, index: number) => Data;

/** @throws HalodError where the frame as a whole cannot be read: the connection is then closed */
export function readJsonFrame(text: string, reader: FrameReader): void {
  const value = parseJson(text);
  const start = skipSpace(text, 0);
  if (!Array.isArray(value)) return readMessage(value, jsonData(text, start, 'messages'), reader);
  checkCount(value.length);
  const starts = value.some(isPublish) ? elementStarts(text, start) : [];
  value.forEach((element, i) => {
    readMessage(element, jsonData(text, starts[i] ?? 0, 'messages'), reader);
  });
}

/** @throws HalodError where the body as a whole cannot be read */
export function readPublishBody(text: string): PublishCall {
  const value = parseJson(text);
  if (!isFields(value)) throw new HalodError('bad-request', 'the body must be a JSON object');
  const start = skipSpace(text, 0);
  if (value['messages'] === undefined) {
    return { single: true, items: [tryItem(value, 0, () => onlyDatum(text, start, value))] };
  }
  const messages = checkMessages(value['messages']);
  const dataOf = jsonData(text, start, 'messages');
  return { single: false, items: messages.map((item, i) => tryItem(item, i, dataOf)) };
}

/** Messages of one frame, for every encoding: hands over what is right, and refuses what is not by its `ref`. */
export function readMessage(value: unknown, dataOf: DataOf, reader: FrameReader): void {
  let message: ClientMessage;
  try {
    if (!isFields(value)) throw new HalodError('bad-request', 'a message must be an object');
    message = interpret(value, dataOf);
  } catch (error) {
    if (!(error instanceof HalodError)) throw error;
    const { ref, channel } = isFields(value) ? value : {};
    reader.refused(
      error.toBody(),
      isUint(ref) ? ref : undefined,
      typeof channel === 'string' ? channel.slice(0, LIMITS.channelBytesMax) : undefined,
    );
    return;
  }
  reader.message(message);
}

function interpret(value: Fields, dataOf: DataOf): ClientMessage {
  const type = value['type'];
  switch (type) {
    case 'connect':
      return {
        type,
        ...optionalText(value, 'user', LIMITS.userBytesMax),
        ...optionalText(value, 'token', LIMITS.tokenBytesMax),
        ...(value['relay'] === true ? { relay: true } : {}),
        ...optionalAfter(value),
      };
    case 'subscribe':
      return { type, channel: channelOf(value), ...optionalAfter(value) };
    case 'unsubscribe':
      return { type, channel: channelOf(value) };
    case 'publish': {
      const messages = checkMessages(value['messages']);
      return { type, ref: refOf(value), messages: messages.map((item, i) => tryItem(item, i, dataOf)) };
    }
    case 'history': {
      const { limit } = value;
      if (limit !== undefined && (!isUint(limit) || limit === 0)) {
        throw new HalodError('bad-request', 'limit must be a whole number from 1 on');
      }
      return {
        type,
        ref: refOf(value),
        channel: channelOf(value),
        ...optionalAfter(value),
        ...(limit === undefined ? {} : { limit: limit as number }),
      };
    }
    case 'presence':
      return { type, ref: refOf(value), channel: channelOf(value) };
    case 'refresh': {
      const { token } = value;
      if (typeof token !== 'string' || token.length > LIMITS.tokenBytesMax) throw new HalodError('unauthorized');
      return { type, token };
    }
    case 'ping':
      return { type };
    default:
      throw new HalodError('bad-request', `unknown message type ${JSON.stringify(type)?.slice(0, 40) ?? '(none)'}`);
  }
}

function tryItem(item: unknown, index: number, dataOf: DataOf): PublishItem {
  try {
    return readItem(item, index, dataOf);
  } catch (error) {
    if (error instanceof HalodError) return { channel: '', data: '', wrong: error };
    throw error;
  }
}

/** Of the channel and the id only the type is checked here: what they may look like is the core's to say. */
function readItem(item: unknown, index: number, dataOf: DataOf): PublishItem {
  if (!isFields(item)) throw new HalodError('bad-request', 'a message to publish must be an object');
  const { id, publisher, seq, ageMs } = item;
  const channel = channelOf(item);
  if (item['data'] === undefined) throw new HalodError('bad-request', 'data is missing');
  if (id !== undefined && (typeof id !== 'string' || LONE_SURROGATE.test(id))) throw new HalodError('bad-id');
  if (publisher !== undefined && (typeof publisher !== 'string' || !PUBLISHER.test(publisher))) {
    throw new HalodError('bad-request', 'publisher must be 8 to 32 base64url characters');
  }
  if ((publisher === undefined) !== (seq === undefined)) {
    throw new HalodError('bad-request', 'publisher and seq go together');
  }
  if (seq !== undefined && (!isUint(seq) || seq === 0)) throw new HalodError('bad-request', 'seq counts from 1');
  if (ageMs !== undefined && !isUint(ageMs)) throw new HalodError('bad-request', 'ageMs must be a whole number');
  const data = dataOf(item, index);
  if (bytesOf(data) > LIMITS.dataBytesMax) {
    throw new HalodError('too-large', `data is larger than ${LIMITS.dataBytesMax} bytes`);
  }
  return {
    channel,
    data,
    ...(id === undefined ? {} : { id }),
    ...(publisher === undefined ? {} : { publisher, seq: seq as number }),
    ...(ageMs === undefined ? {} : { ageMs: ageMs as number }),
  };
}

/** Finds the text of each `data` in a list of messages; looks for them once, when the first is asked for. */
function jsonData(text: string, start: number, key: string): DataOf {
  let spans: number[] | undefined;
  let hasBreaks = false;
  return (item, index) => {
    if (isBase64(item)) return decodeBase64(item['data']);
    if (spans === undefined) {
      spans = spansInList(text, start, key, 'data', LIMITS.jsonDepthMax);
      hasBreaks = text.includes('\n') || text.includes('\r');
    }
    const from = spans[index * 2]!;
    if (from < 0) throw tooDeep(LIMITS.jsonDepthMax);
    if (from === 0) throw new HalodError('bad-request', 'data is missing');
    return inOneLine(text.slice(from, spans[index * 2 + 1]), hasBreaks);
  };
}

/** Of a body that is one message. */
function onlyDatum(text: string, start: number, item: Fields): Data {
  if (isBase64(item)) return decodeBase64(item['data']);
  const span = findValue(text, start, 'data', LIMITS.jsonDepthMax)!;
  return inOneLine(text.slice(span.start, span.end), true);
}

/** @throws HalodError `bad-request` where it is neither that nor JSON */
function isBase64({ encoding }: Fields): boolean {
  if (encoding === undefined) return false;
  if (encoding !== 'base64') throw new HalodError('bad-request', 'encoding must be base64 or absent');
  return true;
}

/** Line breaks can stand between values only; a stream of lines must not see them. */
function inOneLine(json: string, mayHaveBreaks: boolean): string {
  return mayHaveBreaks && /[\r\n]/.test(json) ? json.replace(/[\r\n]+/g, ' ') : json;
}

/** An entry as JSON carries it everywhere. */
export function entryJson(entry: Entry): string {
  return `{${entryFields(entry)}`;
}

/** Without the brace that opens it, for frames in which something comes before. */
export function entryFields(entry: Entry): string {
  const { data } = entry;
  const json = typeof data === 'string' ? `,"data":${data}` : `,"data":"${encodeBase64(data)}","encoding":"base64"`;
  const chain = entry.seq > 0 ? `,"publisher":"${entry.publisher}","seq":${entry.seq}` : '';
  return `"id":${quoted(entry.id)},"channel":${quoted(entry.channel)}${json},"position":"${positionAfter(entry)}","time":${entry.time}${chain}}`;
}

/** JSON.stringify takes three times as long for a short text in which nothing is to be escaped. */
function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** The frame of a message on a WebSocket, from `entryFields`. */
export function messageJson(fields: string): string {
  return `{"type":"message",${fields}`;
}

/** What the codecs of values need where the text of an entry is of no use. */
export function wireMessageOf(entry: Entry): WireMessage & { encoding?: never } {
  return {
    id: entry.id,
    channel: entry.channel,
    data: typeof entry.data === 'string' ? JSON.parse(entry.data) : entry.data,
    position: positionAfter(entry),
    time: entry.time,
    ...(entry.seq > 0 ? { publisher: entry.publisher, seq: entry.seq } : {}),
  };
}

export function serverJson(message: ServerMessage): string {
  if (message.type === 'message') return JSON.stringify(withoutBytes(message));
  if (message.type === 'history') {
    return JSON.stringify({ ...message, messages: message.messages.map(withoutBytes) });
  }
  return JSON.stringify(message);
}

/** JSON has no bytes: they become base64, and `encoding` says so. */
function withoutBytes<T extends WireMessage>(message: T): T {
  if (!(message.data instanceof Uint8Array)) return message;
  return { ...message, data: encodeBase64(message.data), encoding: 'base64' };
}

export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 8_192) text += String.fromCharCode(...bytes.subarray(i, i + 8_192));
  return btoa(text);
}

/** @throws HalodError `bad-request` */
export function decodeBase64(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
    throw new HalodError('bad-request', 'data is not base64');
  }
  let text: string;
  try {
    text = atob(value);
  } catch {
    throw new HalodError('bad-request', 'data is not base64');
  }
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const PLAIN = /^[\w@.:/~+-]*$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
export const PUBLISHER = /^[A-Za-z0-9_-]{8,32}$/;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export function checkCount(count: number): void {
  if (count > LIMITS.batchMessagesMax) {
    throw new HalodError('too-large', `more than ${LIMITS.batchMessagesMax} messages at once`);
  }
}

function checkMessages(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new HalodError('bad-request', 'messages must be a list');
  checkCount(value.length);
  return value;
}

function isPublish(value: unknown): boolean {
  return isFields(value) && value['type'] === 'publish';
}

function isUint(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function refOf(value: Fields): number {
  const { ref } = value;
  if (!isUint(ref)) throw new HalodError('bad-request', 'ref must be a whole number');
  return ref;
}

function channelOf(value: Fields): string {
  const { channel } = value;
  if (typeof channel !== 'string') throw new HalodError('bad-channel', 'channel must be a string');
  if (LONE_SURROGATE.test(channel)) throw new HalodError('bad-channel', 'a channel must be well-formed Unicode');
  return channel;
}

function optionalText<K extends 'user' | 'token'>(value: Fields, key: K, max: number): { [P in K]?: string } {
  const text = value[key];
  if (text === undefined || text === null) return {};
  if (typeof text !== 'string') throw new HalodError('bad-request', `${key} must be a string`);
  if (text.length > max) throw new HalodError('too-large', `${key} is longer than ${max} bytes`);
  return { [key]: text } as { [P in K]?: string };
}

function optionalAfter(value: Fields): { after?: string } {
  const { after } = value;
  if (after === undefined || after === null) return {};
  if (typeof after !== 'string' || after.length > LIMITS.positionBytesMax) throw new HalodError('bad-position');
  return { after };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HalodError('bad-json', `this is no valid JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

/** Bytes of data as UTF-8; counts only where a text is long enough to be over the limit. */
function bytesOf(data: Data): number {
  if (typeof data !== 'string') return data.length;
  return data.length * 3 <= LIMITS.dataBytesMax ? data.length : new TextEncoder().encode(data).length;
}
