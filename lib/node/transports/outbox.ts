/**
 * The write side of one connection. What one turn of the event loop has for a socket leaves in one write: a write costs
 * 8 to 10 µs, a record more in the same write 0.2 µs. Its queue is bounded; whoever reads too slowly is cut off.
 */
import type { Socket } from 'node:net';
import { LIMITS } from '../../wire/limits.js';
import type { Stats } from '../stats.js';
import { bufferOf, type Frame } from './frames.js';

/** Above this, frames are handed over one by one instead of being copied together. */
const JOIN_BYTES_MAX = 128 * 1024;

/** Outboxes with something to write, flushed once a turn. */
export class WriteQueue {
  readonly stats: Stats;
  #dirty: Outbox[] = [];
  readonly #wake: () => void;
  #collecting = false;

  constructor(stats: Stats, wake: () => void) {
    this.stats = stats;
    this.#wake = wake;
  }

  add(outbox: Outbox): void {
    if (this.#dirty.push(outbox) === 1 && !this.#collecting) this.#wake();
  }

  /** `flush` is called in this turn: nothing that comes before it needs one of its own. */
  collect(): void {
    this.#collecting = true;
  }

  flush(): void {
    this.#collecting = false;
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    this.#dirty = [];
    for (const outbox of dirty) outbox.flush();
  }
}

export abstract class Outbox {
  readonly #queue: WriteQueue;
  #first: Frame | null = null;
  #more: Frame[] | null = null;
  #bytes = 0;
  /** More came in one turn than may wait: nothing is kept from there on, and the connection ends. */
  #overflown = false;

  constructor(queue: WriteQueue) {
    this.#queue = queue;
  }

  /** null once nothing can be written any more. */
  protected abstract get socket(): Socket | null;
  /** Called at most once, and never from inside `push`. */
  protected abstract cutOff(): void;

  get full(): boolean {
    return this.#overflown;
  }

  protected push(frame: Frame): void {
    if (this.#overflown) return;
    this.#bytes += frame.length;
    if (this.#first === null) {
      this.#first = frame;
      this.#queue.add(this);
    } else if (this.#bytes > LIMITS.clientQueueBytesMax) {
      this.#overflown = true;
      this.#bytes -= frame.length;
    } else {
      if (this.#more === null) this.#add(frame, this.#first);
      else this.#more.push(frame);
    }
  }

  #add(frame: Frame, first: Frame): void {
    if (typeof frame === 'string' && typeof first === 'string' && this.joins) this.#first = first + frame;
    else this.#more = [frame];
  }

  flush(): void {
    const first = this.#first;
    if (first === null) return;
    const more = this.#more;
    const bytes = this.#bytes;
    this.#first = null;
    this.#more = null;
    this.#bytes = 0;
    const socket = this.socket;
    if (socket === null) return;
    const waiting = socket.writableLength;
    const isSlow = waiting > 0 && waiting + bytes > LIMITS.clientQueueBytesMax;
    if (!isSlow) this.#write(socket, first, more, bytes);
    if (!isSlow && !this.#overflown) return;
    // one that caught up on more than fits has been given what does: it resumes from there
    this.#queue.stats.slow++;
    this.cutOff();
  }

  #write(socket: Socket, first: Frame, more: readonly Frame[] | null, bytes: number): void {
    this.#queue.stats.bytesOut += bytes;
    if (more === null) this.write(socket, first);
    else if (bytes <= JOIN_BYTES_MAX && this.joins)
      this.write(socket, Buffer.concat([bufferOf(first), ...more.map(bufferOf)], bytes));
    else {
      socket.cork();
      this.write(socket, first);
      for (const frame of more) this.write(socket, frame);
      socket.uncork();
    }
  }

  /** Whether frames may be written as one piece. */
  protected get joins(): boolean {
    return true;
  }

  protected write(socket: Socket, frame: Frame): void {
    // a buffer takes no notice of the encoding
    socket.write(frame as string, 'latin1');
  }
}
