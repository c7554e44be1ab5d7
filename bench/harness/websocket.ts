/**
 * The smallest WebSocket client that is still correct: one read buffer for all connections of the process, frames parsed
 * in place, a mask of zeros (valid, and free). A vendor's client would cost several times the server it measures.
 */
import { connect, type Socket } from 'node:net';

export interface WebSocketHandlers {
  onOpen(): void;
  /** One text or binary message: `data[start, end)`, valid only during the call. */
  onMessage(data: Buffer, start: number, end: number): void;
  /** Once, whether it ever opened or not. */
  onClose(code: number, why: string): void;
}

export interface WebSocketTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly protocol?: string;
}

const READ_BUFFER = Buffer.allocUnsafeSlow(512 * 1024);
const HEADER_BYTES_MAX = 14;
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame around `body`, whose first 14 bytes are room for the header: no second copy of a large batch. */
export function frameInPlace(body: Buffer, end: number, opcode: number): Buffer {
  const length = end - HEADER_BYTES_MAX;
  const headerBytes = length < 126 ? 6 : length < 65_536 ? 8 : 14;
  const at = HEADER_BYTES_MAX - headerBytes;
  body[at] = 0x80 | opcode;
  if (headerBytes === 6) body[at + 1] = 0x80 | length;
  else if (headerBytes === 8) {
    body[at + 1] = 0x80 | 126;
    body.writeUInt16BE(length, at + 2);
  } else {
    body[at + 1] = 0x80 | 127;
    body.writeBigUInt64BE(BigInt(length), at + 2);
  }
  body.writeUInt32BE(0, HEADER_BYTES_MAX - 4);
  return body.subarray(at, end);
}

export class LeanWebSocket {
  readonly #socket: Socket;
  readonly #handlers: WebSocketHandlers;
  #state: 'opening' | 'open' | 'closed' = 'opening';
  #rest: Buffer | undefined;
  #fragments: Buffer[] = [];
  #closeCode = 1006;
  #why = 'closed';

  constructor(target: WebSocketTarget, handlers: WebSocketHandlers) {
    this.#handlers = handlers;
    this.#socket = connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (bytes: number) => {
          this.#read(READ_BUFFER, bytes);
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => {
      this.#why = error.message;
    });
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('close', () => this.#closed());
    const protocol = target.protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${target.protocol}\r\n`;
    this.#socket.write(
      `GET ${target.path} HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${protocol}\r\n`,
    );
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get bytesQueued(): number {
    return this.#socket.writableLength;
  }

  send(text: string): void {
    const length = Buffer.byteLength(text);
    const body = Buffer.allocUnsafe(HEADER_BYTES_MAX + length);
    body.write(text, HEADER_BYTES_MAX);
    this.#socket.write(frameInPlace(body, HEADER_BYTES_MAX + length, OPCODE.text));
  }

  /** `body` has 14 bytes of room in front and is not reused by the caller. */
  sendInPlace(body: Buffer, end: number): void {
    this.#socket.write(frameInPlace(body, end, OPCODE.text));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #closed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#handlers.onClose(this.#closeCode, this.#why);
  }

  #read(buffer: Buffer, bytes: number): void {
    let data = buffer.subarray(0, bytes);
    if (this.#rest !== undefined) {
      data = Buffer.concat([this.#rest, data]);
      this.#rest = undefined;
    }
    const end = data.length;
    let at = 0;
    if (this.#state === 'opening') {
      at = this.#handshake(data, end);
      if (at < 0) {
        this.#rest = Buffer.from(data.subarray(0, end));
        return;
      }
    }
    while (this.#state === 'open') {
      const next = this.#frame(data, at, end);
      if (next < 0) break;
      at = next;
    }
    if (at < end && this.#state === 'open') this.#rest = Buffer.from(data.subarray(at, end));
  }

  #handshake(data: Buffer, end: number): number {
    const at = data.subarray(0, end).indexOf('\r\n\r\n');
    if (at < 0) return -1;
    const status = data.toString('latin1', 0, Math.min(at, 40)).split('\r\n')[0]!;
    if (!status.startsWith('HTTP/1.1 101')) {
      this.#why = `upgrade refused: ${status}`;
      this.#socket.destroy();
      return end;
    }
    this.#state = 'open';
    this.#handlers.onOpen();
    return at + 4;
  }

  /** Returns where the next frame starts, or -1 where this one is not all there yet. */
  #frame(data: Buffer, at: number, end: number): number {
    if (end - at < 2) return -1;
    const first = data[at]!;
    let length = data[at + 1]! & 0x7f;
    let start = at + 2;
    if (length === 126) {
      if (end - at < 4) return -1;
      length = data.readUInt16BE(start);
      start += 2;
    } else if (length === 127) {
      if (end - at < 10) return -1;
      length = Number(data.readBigUInt64BE(start));
      start += 8;
    }
    const stop = start + length;
    if (stop > end) return -1;
    const opcode = first & 0x0f;
    if (opcode <= OPCODE.binary) this.#data(data, start, stop, (first & 0x80) !== 0, opcode);
    else if (opcode === OPCODE.ping) this.#pong(data.subarray(start, stop));
    else if (opcode === OPCODE.close) {
      if (length >= 2) this.#closeCode = data.readUInt16BE(start);
      this.#why = `closed by the server: ${data.toString('utf8', start + 2, stop)}`;
      this.#socket.destroy();
      this.#closed();
    }
    return stop;
  }

  #data(data: Buffer, start: number, stop: number, isLast: boolean, opcode: number): void {
    if (isLast && opcode !== OPCODE.continuation) {
      this.#handlers.onMessage(data, start, stop);
      return;
    }
    this.#fragments.push(Buffer.from(data.subarray(start, stop)));
    if (!isLast) return;
    const whole = Buffer.concat(this.#fragments);
    this.#fragments = [];
    this.#handlers.onMessage(whole, 0, whole.length);
  }

  #pong(body: Buffer): void {
    const frame = Buffer.alloc(HEADER_BYTES_MAX + body.length);
    body.copy(frame, HEADER_BYTES_MAX);
    this.#socket.write(frameInPlace(frame, frame.length, OPCODE.pong));
  }
}
