/**
 * nchan: readers over WebSocket, with history in the `ws+meta.nchan` subprotocol, which puts the message's id in front;
 * the publisher POSTs each message over 16 keep-alive connections, pipelined, each channel always on the same one.
 */
import { connect, type Socket } from 'node:net';
import type { PublisherLink, PublisherWireFactory, ReaderWireFactory } from './wire.js';
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

/** One pipelined connection: requests out, statuses in, in the same order. */
class PipelinedConnection {
  readonly #socket: Socket;
  readonly #link: PublisherLink;
  readonly #batch = new ByteWriter(16 * 1024);
  #unanswered: number[] = [];
  #answered = 0;
  #rest: Buffer | undefined;
  #isClosing = false;

  constructor(link: PublisherLink, host: string, port: number, onOpen: () => void) {
    this.#link = link;
    this.#socket = connect({ host, port, noDelay: true }, onOpen);
    this.#socket.on('data', (data) => this.#read(data));
    this.#socket.on('error', (error) => link.fault(error.message));
    this.#socket.on('close', () => this.#isClosing || link.fault("publisher's connection closed"));
  }

  add(id: number, channel: string, payload: Buffer): void {
    this.#unanswered.push(id);
    this.#batch.text(`POST /pub/${channel} HTTP/1.1\r\nHost: n\r\nContent-Length: ${payload.length}\r\n\r\n`);
    this.#batch.bytes(payload);
  }

  flush(): void {
    if (!this.#batch.isEmpty) this.#socket.write(this.#batch.takeBytes());
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const text = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let at = 0;
    while (at < text.length) {
      const headEnd = text.indexOf('\r\n\r\n', at, 'latin1');
      if (headEnd < 0) break;
      const head = text.toString('latin1', at, headEnd);
      const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (headEnd + 4 + length > text.length) break;
      at = headEnd + 4 + length;
      this.#answer(head);
    }
    if (at < text.length) this.#rest = text.subarray(at);
  }

  #answer(head: string): void {
    const id = this.#unanswered[this.#answered++]!;
    if (this.#answered > 4_096) {
      this.#unanswered = this.#unanswered.slice(this.#answered);
      this.#answered = 0;
    }
    const status = head.slice(9, 12);
    if (status === '200' || status === '201' || status === '202') this.#link.acked(id, 1);
    else this.#link.refused(id, head.split('\r\n', 1)[0]!);
  }
}

export const nchanPublisher: PublisherWireFactory = (link, endpoints) => {
  const { host, port } = endpoints[0]!;
  let open = 0;
  const connections = Array.from(
    { length: CONNECTIONS },
    () => new PipelinedConnection(link, host, port, () => ++open === CONNECTIONS && link.ready()),
  );
  return {
    add: (id, channel, payload) => connections[channel % CONNECTIONS]!.add(id, link.channels[channel]!, payload),
    flush() {
      for (const connection of connections) connection.flush();
    },
    close() {
      for (const connection of connections) connection.close();
    },
  };
};
