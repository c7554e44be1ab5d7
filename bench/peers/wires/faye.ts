/**
 * Faye: Bayeux over WebSocket. A reader shakes hands once and keeps its client id: coming back with it, the server
 * replays what was queued meanwhile. The publisher sends arrays of messages; each is answered by its id.
 */
import { SocketPublisher } from './socket-publisher.js';
import type { PublisherWireFactory, ReaderWireFactory } from './wire.js';
import { ByteWriter } from './writer.js';

const HANDSHAKE = '[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["websocket"],"id":"h"}]';
const META = Buffer.from('"/meta/', 'latin1');

interface BayeuxMessage {
  readonly channel: string;
  readonly id?: string;
  readonly clientId?: string;
  readonly successful?: boolean;
  readonly error?: string;
}

export const fayeReader: ReaderWireFactory = (link) => {
  let clientId = '';
  const connect = () =>
    link.send(`[{"channel":"/meta/connect","clientId":"${clientId}","connectionType":"websocket","id":"c"}]`);

  function meta(message: BayeuxMessage): void {
    if (message.successful === false) return link.fault(`${message.channel}: ${message.error}`);
    if (message.channel === '/meta/handshake') {
      clientId = message.clientId!;
      connect();
      link.send(`[{"channel":"/meta/subscribe","clientId":"${clientId}","subscription":"/${link.channel}","id":"s"}]`);
    } else if (message.channel === '/meta/subscribe') link.ready();
    else if (message.channel === '/meta/connect') connect();
  }

  return {
    upgrade: () => ({ path: '/bayeux' }),
    opened() {
      if (clientId === '') return link.send(HANDSHAKE);
      connect();
      link.ready();
    },
    message(data, start, end) {
      const frame = data.subarray(start, end);
      link.deliver(data, start, end);
      if (frame.indexOf(META) < 0) return;
      for (const message of JSON.parse(frame.toString('utf8')) as BayeuxMessage[]) {
        if (message.channel.startsWith('/meta/')) meta(message);
      }
    },
    closed: () => {},
  };
};

export const fayePublisher: PublisherWireFactory = (link, endpoints) => {
  const batch = new ByteWriter();
  const { host, port } = endpoints[0]!;
  let clientId = '';
  const socket = new SocketPublisher(
    link,
    { host, port, path: '/bayeux' },
    {
      onOpen: () => socket.send(HANDSHAKE),
      onMessage(data, start, end) {
        for (const message of JSON.parse(data.toString('utf8', start, end)) as BayeuxMessage[]) {
          if (message.channel === '/meta/handshake') {
            clientId = message.clientId!;
            link.ready();
          } else if (message.id !== undefined && !message.channel.startsWith('/meta/')) {
            if (message.successful === true) link.acked(Number(message.id), 1);
            else link.refused(Number(message.id), message.error ?? 'refused');
          }
        }
      },
    },
  );
  return {
    add(id, channel, payload) {
      batch.text(
        `${batch.isEmpty ? '[' : ','}{"channel":"/${link.channels[channel]}","clientId":"${clientId}","id":"${id}","data":`,
      );
      batch.bytes(payload);
      batch.text('}');
    },
    flush() {
      if (batch.isEmpty) return;
      batch.text(']');
      socket.sendBatch(batch);
    },
    close: () => socket.close(),
  };
};
