/**
 * NATS core: readers speak the client protocol inside WebSocket frames (a message may be split over frames), the
 * publisher speaks it over TCP, PUB by PUB, many in one write. A PING after each write, answered by PONG, is the
 * acknowledgement: the node it is connected to has taken everything before it.
 */
import { connect } from 'node:net';
import type { PublisherWireFactory, ReaderWireFactory } from './wire.js';
import { ByteWriter } from './writer.js';

const CONNECT =
  'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"lang":"bench","version":"1"}\r\n';
const CR = 13;
const LF = 10;

export interface NatsHandlers {
  /** `line` without CRLF, for everything but messages. */
  onLine(line: string): void;
  /** `MSG subject sid [reply] bytes` or HMSG, whose body starts with headers. */
  onMessage(head: string, data: Buffer, start: number, end: number): void;
}

/** The protocol as a stream: lines, and messages whose head gives their length. */
export class NatsParser {
  readonly #handlers: NatsHandlers;
  #rest: Buffer | undefined;

  constructor(handlers: NatsHandlers) {
    this.#handlers = handlers;
  }

  reset(): void {
    this.#rest = undefined;
  }

  push(chunk: Buffer, start: number, stop: number): void {
    let data = chunk;
    let at = start;
    let end = stop;
    if (this.#rest !== undefined) {
      data = Buffer.concat([this.#rest, chunk.subarray(start, stop)]);
      at = 0;
      end = data.length;
      this.#rest = undefined;
    }
    while (at < end) {
      const lineEnd = data.indexOf(LF, at);
      if (lineEnd < 0 || lineEnd >= end) break;
      const headEnd = data[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
      const isMessage = data[at] === 0x4d || (data[at] === 0x48 && data[at + 1] === 0x4d);
      if (!isMessage) {
        this.#handlers.onLine(data.toString('latin1', at, headEnd));
        at = lineEnd + 1;
        continue;
      }
      let bytes = 0;
      let digitAt = headEnd - 1;
      for (let scale = 1; data[digitAt]! >= 48 && data[digitAt]! <= 57; digitAt--, scale *= 10)
        bytes += (data[digitAt]! - 48) * scale;
      if (lineEnd + 1 + bytes + 2 > end) break;
      this.#handlers.onMessage(data.toString('latin1', at, headEnd), data, lineEnd + 1, lineEnd + 1 + bytes);
      at = lineEnd + 1 + bytes + 2;
    }
    if (at < end) this.#rest = Buffer.from(data.subarray(at, end));
  }
}

export const natsReader: ReaderWireFactory = (link) => {
  const parser = new NatsParser({
    onLine(line) {
      if (line === 'PING') link.send('PONG\r\n');
      else if (line === 'PONG') link.ready();
      else if (line.startsWith('-ERR')) link.fault(line);
    },
    onMessage: (_head, data, start, end) => link.deliver(data, start, end),
  });
  return {
    upgrade: () => ({ path: '/' }),
    opened: () => link.send(`${CONNECT}SUB u.${link.channel} 1\r\nPING\r\n`),
    message: (data, start, end) => parser.push(data, start, end),
    closed: () => parser.reset(),
  };
};

export const natsPublisher: PublisherWireFactory = (link, endpoints) => {
  const batch = new ByteWriter();
  const unanswered: [first: number, count: number][] = [];
  let first = 0;
  let count = 0;
  let isGreeted = false;
  let isClosing = false;
  const { host, publishPort } = endpoints[0]!;
  const socket = connect({ host, port: publishPort!, noDelay: true });
  const parser = new NatsParser({
    onLine(line) {
      if (line.startsWith('INFO')) {
        // It comes again whenever the cluster changes; only the first is the greeting.
        if (!isGreeted) socket.write(CONNECT, () => link.ready());
        isGreeted = true;
      } else if (line === 'PING') socket.write('PONG\r\n');
      else if (line === 'PONG') {
        const answered = unanswered.shift();
        if (answered !== undefined) link.acked(...answered);
      } else if (line.startsWith('-ERR')) link.fault(line);
    },
    onMessage: () => {},
  });
  socket.on('data', (data) => parser.push(data, 0, data.length));
  socket.on('error', (error) => link.fault(error.message));
  socket.on('close', () => isClosing || link.fault("publisher's connection closed"));
  return {
    add(id, channel, payload) {
      if (count === 0) first = id;
      count++;
      batch.text(`PUB u.${link.channels[channel]} ${payload.length}\r\n`);
      batch.bytes(payload);
      batch.text('\r\n');
    },
    flush() {
      if (count === 0) return;
      if (link.wantsAcks) {
        unanswered.push([first, count]);
        batch.text('PING\r\n');
      }
      count = 0;
      socket.write(batch.takeBytes());
    },
    close() {
      isClosing = true;
      socket.destroy();
    },
  };
};
