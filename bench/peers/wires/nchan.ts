/**
 * nchan: readers over WebSocket, with history in the `ws+meta.nchan` subprotocol, which puts the message's id in front;
 * the publisher POSTs each message over 16 keep-alive connections, pipelined, each channel always on the same one.
 */
import { PipelinedHttp } from './pipelined-http.js';
import type { Endpoint, PublisherLink, PublisherWireFactory, ReaderWireFactory } from './wire.js';
import { ByteWriter } from './writer.js';

const CONNECTIONS = 16;

export function nchanReader(recovers: boolean): ReaderWireFactory {
  return (link) => {
    let lastId = '';
    const path = `/sub/${link.channel}`;
    return {
      upgrade() {
        if (!recovers) return { path };
        return {
          path: lastId === '' ? path : `${path}?last_event_id=${encodeURIComponent(lastId)}`,
          protocol: 'ws+meta.nchan',
        };
      },
      opened: () => link.ready(),
      message(data, start, end) {
        if (recovers) {
          const idEnd = data.indexOf(10, start);
          if (data[start] !== 0x69 || idEnd < 0 || idEnd > end) return link.fault('a message without its id');
          lastId = data.toString('latin1', start + 4, idEnd);
        }
        link.deliver(data, start, end);
      },
      closed: () => {},
    };
  };
}

/** The requests of one connection, written together. */
class Poster {
  readonly #http: PipelinedHttp<number>;
  readonly #batch = new ByteWriter(16 * 1024);

  constructor(link: PublisherLink, endpoint: Endpoint) {
    this.#http = new PipelinedHttp(link, endpoint, (id, status) => {
      if (status >= 200 && status <= 202) link.acked(id, 1);
      else link.refused(id, `HTTP ${status}`);
    });
  }

  add(id: number, channel: string, payload: Buffer): void {
    this.#http.expect(id);
    this.#batch.text(`POST /pub/${channel} HTTP/1.1\r\nHost: n\r\nContent-Length: ${payload.length}\r\n\r\n`);
    this.#batch.bytes(payload);
  }

  flush(): void {
    if (!this.#batch.isEmpty) this.#http.write(this.#batch.takeBytes());
  }

  close(): void {
    this.#http.close();
  }
}

export const nchanPublisher: PublisherWireFactory = (link, endpoints) => {
  const posters = Array.from({ length: CONNECTIONS }, () => new Poster(link, endpoints[0]!));
  link.ready();
  return {
    add: (id, channel, payload) => posters[channel % CONNECTIONS]!.add(id, link.channels[channel]!, payload),
    flush() {
      for (const poster of posters) poster.flush();
    },
    close() {
      for (const poster of posters) poster.close();
    },
  };
};
