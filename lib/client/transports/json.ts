/** Frames as JSON on the client's side. Data to publish is JSON text already and is put in as it is. */
import type { ClientMessage, PublishItem, ServerMessage, WireMessage } from '../../wire/client.js';
import { decodeBase64, encodeBase64 } from '../../wire/codec-client.js';
import { HalodError } from '../../wire/errors.js';

export function encodeMessage(message: ClientMessage): string {
  if (message.type !== 'publish') return JSON.stringify(message);
  return `{"type":"publish","ref":${message.ref},"messages":${encodeItems(message.messages)}}`;
}

export function encodeItems(items: readonly PublishItem[]): string {
  let text = '[';
  for (let i = 0; i < items.length; i++) text += `${i === 0 ? '' : ','}${encodeItem(items[i]!)}`;
  return `${text}]`;
}

function encodeItem(item: PublishItem): string {
  const { channel, data, id, publisher, seq, ageMs } = item;
  let text = `{"channel":${JSON.stringify(channel)}`;
  if (id !== undefined) text += `,"id":${JSON.stringify(id)}`;
  if (publisher !== undefined) text += `,"publisher":"${publisher}","seq":${seq}`;
  if (ageMs !== undefined) text += `,"ageMs":${ageMs}`;
  if (typeof data === 'string') return `${text},"data":${data}}`;
  return `${text},"data":"${encodeBase64(data)}","encoding":"base64"}`;
}

/** A frame is one message or a list of them. @throws HalodError `bad-json` */
export function decodeFrame(text: string): ServerMessage | ServerMessage[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HalodError('bad-json', 'the node sent what is no JSON');
  }
  if (typeof value !== 'object' || value === null) throw new HalodError('bad-json', 'the node sent no message');
  return value as ServerMessage | ServerMessage[];
}

interface Encoded {
  readonly encoding?: string;
}

/** Bytes travel as base64 in JSON. The very same object where there is nothing to do. */
export function withBytes<T extends WireMessage>(message: T): T {
  if ((message as Encoded).encoding !== 'base64') return message;
  const { encoding: _, ...rest } = message as T & Encoded;
  return { ...rest, data: decodeBase64(message.data) } as unknown as T;
}

/** The same for a message of any type. */
export function withAllBytes(message: ServerMessage): ServerMessage {
  if (message.type === 'message') return withBytes(message);
  if (message.type === 'history') return { ...message, messages: message.messages.map(withBytes) };
  return message;
}
