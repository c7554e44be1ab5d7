/**
 * Bayeux over WebSocket, the protocol of Faye and CometD. A reader shakes hands once and keeps its client id: coming back with
 * it, the server replays what was queued meanwhile; a server that does not know it any more asks for another handshake. The
 * publisher sends arrays of messages; each is answered by its id. Both keep a /meta/connect waiting at the server.
 */
import { SocketPublisher } from './socket-publisher.js';
import type { PublisherWireFactory, ReaderWireFactory } from './wire.js';
import { ByteWriter } from './writer.js';

const HANDSHAKE = '[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["websocket"],"id":"h"}]';
const META = Buffer.from('"/meta/', 'latin1');

export interface BayeuxServer {
  readonly path: string;
  /** What stands before the names of channels. */
  readonly prefix: string;
  /** Only a server that answers a connect at once, where it is asked to, can say whether it knows the client. */
  readonly answersAtOnce: boolean;
}

interface BayeuxMessage {
  readonly channel: string;
  readonly id?: string;
  readonly clientId?: string;
  readonly successful?: boolean;
  readonly error?: string;
  readonly advice?: { readonly reconnect?: string };
}

function connectOf(clientId: string, advice = ''): string {
  return `[{"channel":"/meta/connect","clientId":"${clientId}","connectionType":"websocket","id":"c"${advice}}]`;
}

export function bayeuxReader({ path, prefix, answersAtOnce }: BayeuxServer): ReaderWireFactory {
  return (link) => {
    let clientId = '';
    let isReturning = false;

    function meta(message: BayeuxMessage): void {
      const { channel, successful, error, advice } = message;
      if (successful === false && channel === '/meta/connect' && advice?.reconnect === 'handshake') {
        clientId = '';
        isReturning = false;
        link.send(HANDSHAKE);
      } else if (successful === false) link.fault(`${channel}: ${error}`);
      else if (channel === '/meta/handshake') {
        clientId = message.clientId!;
        link.send(
          `[{"channel":"/meta/subscribe","clientId":"${clientId}","subscription":"${prefix}${link.channel}","id":"s"}]`,
        );
        link.send(connectOf(clientId));
      } else if (channel === '/meta/subscribe') link.ready();
      else if (channel === '/meta/connect') {
        if (isReturning) link.ready();
        isReturning = false;
        link.send(connectOf(clientId));
      }
    }

    return {
      upgrade: () => ({ path }),
      opened() {
        if (clientId === '') return link.send(HANDSHAKE);
        isReturning = answersAtOnce;
        link.send(connectOf(clientId, answersAtOnce ? ',"advice":{"timeout":0}' : ''));
        if (!answersAtOnce) link.ready();
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
}

export function bayeuxPublisher({ path, prefix }: BayeuxServer): PublisherWireFactory {
  return (link, endpoints) => {
    const batch = new ByteWriter();
    const { host, port } = endpoints[0]!;
    let clientId = '';
    const socket = new SocketPublisher(
      link,
      { host, port, path },
      {
        onOpen: () => socket.send(HANDSHAKE),
        onMessage(data, start, end) {
          for (const message of JSON.parse(data.toString('utf8', start, end)) as BayeuxMessage[]) answered(message);
        },
      },
    );

    function answered({ channel, id, successful, error, clientId: given }: BayeuxMessage): void {
      if (!channel.startsWith('/meta/')) {
        if (id === undefined) return;
        if (successful === true) link.acked(Number(id), 1);
        else link.refused(Number(id), error ?? 'refused');
      } else if (successful === false) link.fault(`publisher: ${channel}: ${error}`);
      else if (channel === '/meta/handshake') {
        clientId = given!;
        socket.send(connectOf(clientId));
        link.ready();
      } else if (channel === '/meta/connect') socket.send(connectOf(clientId));
    }

    return {
      add(id, channel, payload) {
        const name = `${prefix}${link.channels[channel]}`;
        batch.text(`${batch.isEmpty ? '[' : ','}{"channel":"${name}","clientId":"${clientId}","id":"${id}","data":`);
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
}
