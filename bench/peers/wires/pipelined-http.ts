/**
 * One keep-alive HTTP/1.1 connection of a publisher: requests go out without waiting, answers come back in the same order.
 * What a request was about is remembered here, and handed back with its answer. It connects when there is something to
 * write; a server may close it when nothing is under way.
 */
import { connect, type Socket } from 'node:net';
import type { PublisherLink } from './wire.js';

const CRLF = Buffer.from('\r\n', 'latin1');
const END_OF_HEAD = Buffer.from('\r\n\r\n', 'latin1');
const ANSWERED_MAX = 4_096;

interface Body {
  readonly text: string;
  readonly end: number;
}

/** The body that starts at `from`, or undefined while it is not all there. */
function bodyOf(head: string, data: Buffer, from: number): Body | undefined {
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const end = from + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    return end > data.length ? undefined : { text: data.toString('utf8', from, end), end };
  }
  const parts: Buffer[] = [];
  for (let at = from; ; ) {
    const lineEnd = data.indexOf(CRLF, at);
    if (lineEnd < 0) return undefined;
    const start = lineEnd + 2;
    const end = start + Number.parseInt(data.toString('latin1', at, lineEnd), 16);
    if (end + 2 > data.length) return undefined;
    if (end === start) return { text: Buffer.concat(parts).toString('utf8'), end: end + 2 };
    parts.push(data.subarray(start, end));
    at = end + 2;
  }
}

export class PipelinedHttp<Request> {
  readonly #link: PublisherLink;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #onAnswer: (request: Request, status: number, body: string) => void;
  #socket: Socket | undefined;
  #unanswered: Request[] = [];
  #answered = 0;
  #rest: Buffer | undefined;

  constructor(
    link: PublisherLink,
    { host, port }: { readonly host: string; readonly port: number },
    onAnswer: (request: Request, status: number, body: string) => void,
  ) {
    this.#link = link;
    this.#target = { host, port };
    this.#onAnswer = onAnswer;
  }

  /** One more answer will come; its request is in what is written next. */
  expect(request: Request): void {
    this.#unanswered.push(request);
  }

  write(...parts: readonly Buffer[]): void {
    this.#socket ??= this.#connect();
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #connect(): Socket {
    const socket = connect({ ...this.#target, noDelay: true });
    socket.on('data', (data) => this.#read(data));
    socket.on('error', (error) => this.#link.fault(error.message));
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (this.#answered < this.#unanswered.length) this.#link.fault("publisher's connection closed");
    });
    return socket;
  }

  #read(chunk: Buffer): void {
    const data = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let at = 0;
    while (at < data.length) {
      const headEnd = data.indexOf(END_OF_HEAD, at);
      if (headEnd < 0) break;
      const head = data.toString('latin1', at, headEnd);
      const body = bodyOf(head, data, headEnd + 4);
      if (body === undefined) break;
      at = body.end;
      this.#onAnswer(this.#next(), Number(head.slice(9, 12)), body.text);
    }
    if (at < data.length) this.#rest = data.subarray(at);
  }

  #next(): Request {
    const request = this.#unanswered[this.#answered++]!;
    if (this.#answered > ANSWERED_MAX) {
      this.#unanswered = this.#unanswered.slice(this.#answered);
      this.#answered = 0;
    }
    return request;
  }
}
