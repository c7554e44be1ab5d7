/** What publishers over WebSocket share: connect once, frames written in place, a lost connection is a fault. */
import { LeanWebSocket, type WebSocketTarget } from '../../harness/websocket.js';
import type { PublisherLink } from './wire.js';
import type { ByteWriter } from './writer.js';

export interface SocketPublisherHandlers {
  onOpen(socket: LeanWebSocket): void;
  onMessage(data: Buffer, start: number, end: number): void;
}

export class SocketPublisher {
  readonly #socket: LeanWebSocket;
  #isClosing = false;

  constructor(link: PublisherLink, target: WebSocketTarget, handlers: SocketPublisherHandlers) {
    this.#socket = new LeanWebSocket(target, {
      onOpen: () => handlers.onOpen(this.#socket),
      onMessage: (data, start, end) => handlers.onMessage(data, start, end),
      onClose: (code, why) => {
        if (!this.#isClosing) link.fault(`publisher's connection closed: ${code} ${why}`);
      },
    });
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  /** A batch that was taken, with its room in front. */
  sendInPlace(body: Buffer, end: number): void {
    this.#socket.sendInPlace(body, end);
  }

  sendBatch(batch: ByteWriter): void {
    const { body, end } = batch.take();
    this.#socket.sendInPlace(body, end);
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }
}
