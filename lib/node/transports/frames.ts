/**
 * Messages as the bytes that a socket takes. Readers of a channel get the same entry one after the other, so the bytes
 * of the last entry are kept, once for each way of framing: a reader after the first costs no encoding.
 */
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { ServerMessage } from '../../wire/client.js';
import { entryFields, messageJson, serverJson } from '../../wire/codec-client.js';
import { entryMsgpack, serverMsgpack } from '../../wire/codec-client-msgpack.js';
import { type Entry, positionAfter } from '../../wire/entry.js';

/**
 * Bytes for a socket. Short ASCII stays text, whose code points are its bytes: what Node writes then needs no buffer of
 * its own, which saves a twelfth of a write, and several join at no cost.
 */
export type Frame = Buffer | string;

/** Longer texts would be copied once for every socket. */
const TEXT_BYTES_MAX = 4 * 1024;

export type Framing = 'ws-json' | 'ws-msgpack' | 'sse' | 'ndjson';

const TEXT = 0x81;
const BINARY = 0x82;
const PONG = 0x8a;

/** An unmasked ping without content. */
export const PING_FRAME = Buffer.from([0x89, 0]);

let last: Entry | undefined;
/** A node that comes to serve a channel anew orders it anew, and what comes before an entry may then be other than it was. */
let lastOthers: string | undefined;
let lastFields = '';
let frames: Partial<Record<Framing, Frame>> = {};

/** The answer to a ping, whose content it repeats: 125 bytes at most. */
export function pongFrame(content: Buffer): Frame {
  return webSocketFrame(PONG, content);
}

export function isPong(frame: Frame): boolean {
  return frame[0] === PONG;
}

/** `{"id":…,"channel":…,"data":…,"position":…,"time":…}` */
export function jsonOf(entry: Entry): string {
  return `{${fieldsOf(entry)}`;
}

function fieldsOf(entry: Entry): string {
  if (entry !== last || entry.others !== lastOthers) {
    last = entry;
    lastOthers = entry.others;
    lastFields = entryFields(entry);
    frames = {};
  }
  return lastFields;
}

/** A reader of one channel: its position is the entry's own. */
export function frameOf(entry: Entry, framing: Framing): Frame {
  const fields = fieldsOf(entry);
  const known = frames[framing];
  if (known !== undefined) return known;
  const frame = makeFrame(entry, fields, framing);
  frames[framing] = frame;
  return frame;
}

function makeFrame(entry: Entry, fields: string, framing: Framing): Frame {
  switch (framing) {
    case 'ws-json':
      return textFrame(messageJson(fields));
    case 'ws-msgpack':
      return webSocketFrame(BINARY, entryMsgpack(entry));
    case 'sse':
      return frameOfText(sseBlock('', positionAfter(entry), `{${fields}`));
    case 'ndjson':
      return frameOfText(`{${fields}\n`);
  }
}

export function serverFrame(message: ServerMessage, framing: 'ws-json' | 'ws-msgpack'): Frame {
  return framing === 'ws-json' ? textFrame(serverJson(message)) : webSocketFrame(BINARY, serverMsgpack(message));
}

/** '' leaves the event's name or the id out. */
export function sseBlock(event: string, id: string, json: string): string {
  return `${event === '' ? '' : `event: ${event}\n`}${id === '' ? '' : `id: ${id}\n`}data: ${json}\n\n`;
}

/** What a stream writes as it is. */
export function frameOfText(text: string): Frame {
  return text.length <= TEXT_BYTES_MAX && Buffer.byteLength(text) === text.length ? text : Buffer.from(text);
}

export function bufferOf(frame: Frame): Buffer {
  return typeof frame === 'string' ? Buffer.from(frame, 'latin1') : frame;
}

function textFrame(text: string): Frame {
  const length = Buffer.byteLength(text);
  if (length === text.length && length <= TEXT_BYTES_MAX) {
    if (length < 126) return String.fromCharCode(TEXT, length) + text;
    return String.fromCharCode(TEXT, 126, length >> 8, length & 0xff) + text;
  }
  const frame = Buffer.allocUnsafe(headBytes(length) + length);
  frame.write(text, writeHead(frame, TEXT, length));
  return frame;
}

function webSocketFrame(opcode: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headBytes(payload.length) + payload.length);
  frame.set(payload, writeHead(frame, opcode, payload.length));
  return frame;
}

const MASKED = 0x80;
const MASK_BYTES = 4;

/** A binary message as the side of a connection that dialled has to send it, under a mask of zeros. */
export function maskedFrame(payload: Uint8Array): Buffer {
  const head = headBytes(payload.length);
  const frame = Buffer.allocUnsafe(head + MASK_BYTES + payload.length);
  writeHead(frame, BINARY, payload.length);
  frame[1]! |= MASKED;
  frame.fill(0, head, head + MASK_BYTES);
  frame.set(payload, head + MASK_BYTES);
  return frame;
}

export function binaryFrame(payload: Uint8Array): Buffer {
  return webSocketFrame(BINARY, payload);
}

function headBytes(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** Returns where the payload starts. */
function writeHead(frame: Buffer, opcode: number, length: number): number {
  frame[0] = opcode;
  if (length < 126) {
    frame[1] = length;
    return 2;
  }
  if (length < 65_536) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
    return 4;
  }
  frame[1] = 127;
  frame.writeUInt32BE(0, 2);
  frame.writeUInt32BE(length, 6);
  return 10;
}

/** Whether ws writes its frames to its socket as they are, in the order of the calls: then they may be written there. */
export const writesPastWs = typeof (WebSocket.prototype as unknown as { setSocket?: unknown }).setSocket === 'function';

/** The socket under an open WebSocket. */
export function socketOf(ws: WebSocket): Socket | null {
  const { _socket } = ws as unknown as { _socket?: Socket | null };
  return ws.readyState === WebSocket.OPEN && _socket ? _socket : null;
}

/** The payload of a frame made here, for a socket that must be written to through ws. */
export function payloadOf(frame: Frame): Buffer {
  const bytes = bufferOf(frame);
  const length = bytes[1]!;
  return bytes.subarray(length < 126 ? 2 : length === 126 ? 4 : 10);
}
