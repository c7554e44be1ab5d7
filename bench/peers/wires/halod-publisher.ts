/**
 * The publisher of halod: batches over one connection to one node, which passes them on; a batch is answered when every
 * message of it is stored. Messages are numbered by channel, as halod's own clients do: what a node refuses for now is
 * sent again under the same number, what follows it in the channel waits, so a retry can neither repeat nor reorder.
 */
import { SUBPROTOCOL } from './halod.js';
import { SocketPublisher } from './socket-publisher.js';
import type { PublisherWireFactory } from './wire.js';
import { ByteWriter, ROOM } from './writer.js';

const FRAME_MESSAGES_MAX = 256;
const RETRY_MS = 50;

interface Item {
  readonly id: number;
  readonly channel: number;
  /** Its number in the publisher session of its channel; 0 while it has none. */
  seq: number;
  /** No node can have it: `order` says that, other refusals do not. */
  isCertainlyNot: boolean;
  /** Its payload, in the body of the frame that carried it last. */
  data: Buffer;
  start: number;
  end: number;
}

interface Outcome {
  readonly error?: { readonly code: string; readonly retry: boolean };
}

export const halodPublisher: PublisherWireFactory = (link, endpoints) => {
  const batch = new ByteWriter();
  const unanswered = new Map<number, readonly Item[]>();
  const sequences = new Int32Array(link.channels.length);
  const sessions = new Int32Array(link.channels.length);
  const underWay = new Int32Array(link.channels.length);
  /** Of channels where something was refused: all that must wait for it, in order. */
  const held = new Map<number, Item[]>();
  const broken = new Set<number>();
  const prefix = link.kind === 'own' ? '@' : '';
  let items: Item[] = [];
  let ref = 0;
  let retryTimer: NodeJS.Timeout | undefined;

  const { host, port } = endpoints[0]!;
  const socket = new SocketPublisher(
    link,
    { host, port, path: '/v1/ws', protocol: SUBPROTOCOL },
    {
      onOpen: () => socket.send('{"type":"connect","relay":true}'),
      onMessage(data, start, end) {
        const message = JSON.parse(data.toString('utf8', start, end));
        if (message.type === 'connected') link.ready();
        else if (message.type === 'published') answered(message.ref, message.results);
        else if (message.type === 'error') link.fault(JSON.stringify(message));
      },
    },
  );

  function put(item: Item, payload: Buffer): void {
    if (item.seq === 0) item.seq = ++sequences[item.channel]!;
    batch.text(items.length === 0 ? `{"type":"publish","ref":${ref},"messages":[` : ',');
    const name = `benchmark${sessions[item.channel]}`;
    batch.text(`{"channel":"${prefix}${link.channels[item.channel]}","publisher":"${name}","seq":${item.seq},"data":`);
    item.start = batch.length;
    batch.bytes(payload);
    item.end = batch.length;
    batch.text('}');
    items.push(item);
    underWay[item.channel]!++;
    if (items.length === FRAME_MESSAGES_MAX) send();
  }

  function send(): void {
    if (items.length === 0) return;
    batch.text(']}');
    const { body, end } = batch.take();
    const data = body.subarray(ROOM);
    for (const item of items) item.data = data;
    unanswered.set(ref++, items);
    items = [];
    socket.sendInPlace(body, end);
  }

  function answered(answeredRef: number, outcomes: readonly Outcome[]): void {
    const frame = unanswered.get(answeredRef);
    if (frame === undefined) return;
    unanswered.delete(answeredRef);
    for (const [index, item] of frame.entries()) {
      underWay[item.channel]!--;
      const error = outcomes[index]?.error;
      if (error === undefined) link.acked(item.id, 1);
      else refused(item, error);
    }
    if (held.size > 0) retryTimer ??= setTimeout(retry, RETRY_MS);
  }

  function refused(item: Item, error: { readonly code: string; readonly retry: boolean }): void {
    if (error.code === 'publisher-unknown' || !error.retry) broken.add(item.channel);
    else if (error.code !== 'order') item.isCertainlyNot = false;
    if (!error.retry && error.code !== 'publisher-unknown') return link.refused(item.id, error.code);
    hold(item);
  }

  function hold(item: Item): void {
    const waiting = held.get(item.channel);
    if (waiting === undefined) held.set(item.channel, [item]);
    else waiting.push(item);
  }

  /** Channels whose answers are all in go on; a broken one under a new session, as its numbers end in a hole. */
  function retry(): void {
    retryTimer = undefined;
    for (const [channel, waiting] of held) {
      if (underWay[channel]! > 0) continue;
      held.delete(channel);
      const isAnew = broken.delete(channel);
      if (isAnew) {
        sessions[channel]!++;
        sequences[channel] = 0;
      }
      for (const item of waiting.sort((a, b) => a.id - b.id)) {
        if (isAnew && !item.isCertainlyNot) {
          link.refused(item.id, 'unknown');
          continue;
        }
        if (isAnew) item.seq = 0;
        put(item, item.data.subarray(item.start, item.end));
      }
    }
    send();
    if (held.size > 0) retryTimer = setTimeout(retry, RETRY_MS);
  }

  return {
    add(id, channel, payload) {
      const item: Item = { id, channel, seq: 0, isCertainlyNot: true, data: payload, start: 0, end: payload.length };
      if (!held.has(channel)) return put(item, payload);
      item.data = Buffer.from(payload);
      hold(item);
    },
    flush: send,
    close() {
      clearTimeout(retryTimer);
      socket.close();
    },
  };
};
