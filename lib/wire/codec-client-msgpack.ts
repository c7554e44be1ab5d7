/**
 * Frames between clients and nodes as MessagePack: the same objects as in JSON, where data may also be bytes. Every
 * byte from a client is walked within bounds before the decoder sees it.
 */
import { Packr, Unpackr } from 'msgpackr';
import type { Data, ServerMessage } from './client.js';
import { checkCount, type FrameReader, readMessage, wireMessageOf } from './codec-client.js';
import type { Entry } from './entry.js';
import { HalodError } from './errors.js';
import { LIMITS } from './limits.js';
import { scanMsgpack } from './msgpack-scan.js';

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });
const packr = new Packr({ useRecords: false, variableMapSize: true });

/** @throws HalodError where the frame as a whole cannot be read: the connection is then closed */
export function readMsgpackFrame(bytes: Uint8Array, reader: FrameReader): void {
  const value = decodeValue(bytes);
  if (!Array.isArray(value)) return readMessage(value, (item) => dataOf(item['data']), reader);
  checkCount(value.length);
  for (const element of value) readMessage(element, (item) => dataOf(item['data']), reader);
}

function decodeValue(bytes: Uint8Array): unknown {
  scanMsgpack(bytes);
  try {
    return unpackr.unpack(bytes);
  } catch (error) {
    throw new HalodError('bad-request', `this is no valid MessagePack: ${(error as Error).message.slice(0, 200)}`);
  }
}

/** Bytes stay bytes, copied so that history does not keep the frame alive; any other value becomes JSON text. */
function dataOf(value: unknown): Data {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  const json = JSON.stringify(value, refuseBytes);
  if (json === undefined) throw new HalodError('bad-request', 'data is missing');
  if (json.length > LIMITS.dataBytesMax) {
    throw new HalodError('too-large', `data is larger than ${LIMITS.dataBytesMax} bytes`);
  }
  return json;
}

function refuseBytes(this: unknown, key: string, value: unknown): unknown {
  // a Buffer has turned itself into an object by the time a replacer sees its value
  if ((this as Record<string, unknown>)[key] instanceof Uint8Array) {
    throw new HalodError('bad-request', 'data is bytes as a whole or holds none');
  }
  return value;
}

export function entryMsgpack(entry: Entry): Uint8Array {
  return packr.pack({ type: 'message', ...wireMessageOf(entry) });
}

export function serverMsgpack(message: ServerMessage): Uint8Array {
  return packr.pack(message);
}

/** For clients: several messages may stand in one frame, as a list. */
export function readServerMsgpack(bytes: Uint8Array): ServerMessage[] {
  const value = unpackr.unpack(bytes) as ServerMessage | ServerMessage[];
  return Array.isArray(value) ? value : [value];
}

export function clientMsgpack(message: object): Uint8Array {
  return packr.pack(message);
}
