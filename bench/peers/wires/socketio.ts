/**
 * Socket.IO over Engine.IO 4, WebSocket only. A reader names its room in the query; with connection state recovery it
 * comes back with the private id and the offset that the last event carried. The publisher emits arrays of
 * `[room, object]`, and where acknowledgements are wanted uses the protocol's own.
 */
import { SocketPublisher } from './socket-publisher.js';
import type { PublisherWireFactory, ReaderWireFactory } from './wire.js';
import { ByteWriter } from './writer.js';

const ENGINE_OPEN = 0x30;
const ENGINE_PING = 0x32;
const ENGINE_MESSAGE = 0x34;
const SOCKET_CONNECT = 0x30;
const SOCKET_EVENT = 0x32;
const SOCKET_ACK = 0x33;
const OFFSET_BYTES_MAX = 64;

export function socketioReader(recovers: boolean): ReaderWireFactory {
  return (link) => {
    let privateId = '';
    let offset = '';
    return {
      upgrade: () => ({ path: `/socket.io/?EIO=4&transport=websocket&room=${link.channel}` }),
      opened: () => {},
      message(data, start, end) {
        const kind = data[start];
        if (kind === ENGINE_MESSAGE && data[start + 1] === SOCKET_EVENT) {
          link.deliver(data, start + 7, end);
          if (!recovers) return;
          const found = /,"([^"]+)"\]$/.exec(data.toString('latin1', Math.max(start, end - OFFSET_BYTES_MAX), end));
          if (found !== null) offset = found[1]!;
        } else if (kind === ENGINE_PING) link.send('3');
        else if (kind === ENGINE_OPEN) {
          link.send(
            privateId === ''
              ? '40'
              : `40${JSON.stringify({ pid: privateId, offset: offset === '' ? undefined : offset })}`,
          );
        } else if (kind === ENGINE_MESSAGE && data[start + 1] === SOCKET_CONNECT) {
          const greeting = JSON.parse(data.toString('utf8', start + 2, end)) as { pid?: string };
          if (greeting.pid !== undefined) privateId = greeting.pid;
          link.ready();
        } else link.fault(`unexpected packet ${data.toString('utf8', start, Math.min(end, start + 60))}`);
      },
      closed: () => {},
    };
  };
}

export const socketioPublisher: PublisherWireFactory = (link, endpoints) => {
  const batch = new ByteWriter();
  const unanswered = new Map<number, [first: number, count: number]>();
  let nextAck = 0;
  let first = 0;
  let count = 0;
  const { host, port } = endpoints[0]!;
  const socket = new SocketPublisher(
    link,
    { host, port, path: '/socket.io/?EIO=4&transport=websocket&publisher=1' },
    {
      onOpen: () => {},
      onMessage(data, start, end) {
        const kind = data[start];
        if (kind === ENGINE_OPEN) socket.send('40');
        else if (kind === ENGINE_PING) socket.send('3');
        else if (kind === ENGINE_MESSAGE && data[start + 1] === SOCKET_CONNECT) link.ready();
        else if (kind === ENGINE_MESSAGE && data[start + 1] === SOCKET_ACK) {
          const ack = Number.parseInt(data.toString('latin1', start + 2, end), 10);
          const answered = unanswered.get(ack);
          if (answered !== undefined) link.acked(...answered);
          unanswered.delete(ack);
        }
      },
    },
  );
  return {
    add(id, channel, payload) {
      if (count === 0) {
        first = id;
        batch.text(link.wantsAcks ? `42${nextAck}["pub",[` : '42["pub",[');
      }
      batch.text(count === 0 ? `["${link.channels[channel]}",` : `,["${link.channels[channel]}",`);
      count++;
      batch.bytes(payload);
      batch.text(']');
    },
    flush() {
      if (count === 0) return;
      if (link.wantsAcks) unanswered.set(nextAck++, [first, count]);
      count = 0;
      batch.text(']]');
      socket.sendBatch(batch);
    },
    close: () => socket.close(),
  };
};
