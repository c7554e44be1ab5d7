/**
 * What this node has for its peers, collected over one turn of the event loop and sent as one frame to each:
 * [view digest, iteration, …messages]. Every message is a positional array that opens with its number.
 */
import { Packr, Unpackr } from 'msgpackr';
import type { AppendResult } from '../wire/entry.js';
import type { NodeId } from '../wire/ids.js';
import { LIMITS } from '../wire/limits.js';
import { AnswersWriter, type Forward, ForwardsWriter } from '../wire/publishes.js';
import { type Element, encodeRouting } from '../wire/routing.js';

/** A frame is cut where it would grow beyond this, so that a large transfer does not delay what comes after it. */
const FRAME_BYTES = 1024 * 1024;

export interface Frame {
  readonly viewDigest: string;
  readonly iteration: string;
  readonly elements: readonly Element[];
}

const packr = new Packr({ useRecords: false, largeBigIntToFloat: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

/** Publishes, or answers, collected beyond this make up a message at once. */
const RUN_BYTES = 256 * 1024;
const RUN_BYTES_FIRST = 4 * 1024;

class Queue {
  elements: Element[] = [];
  bytes = 0;
  #forwards: ForwardsWriter | null = null;
  #answers: AnswersWriter | null = null;

  add(element: Element, bytes: number): void {
    this.elements.push(element);
    this.bytes += bytes + 16;
  }

  forward(publish: Forward, req: number, ageMs: number): void {
    this.#forwards ??= new ForwardsWriter(RUN_BYTES_FIRST);
    this.#forwards.add(publish, req, ageMs);
    if (this.#forwards.length > RUN_BYTES) this.#closeForwards(this.#forwards);
  }

  answer(req: number, id: string, result: AppendResult, onceHeld: boolean): void {
    this.#answers ??= new AnswersWriter(RUN_BYTES_FIRST);
    this.#answers.add(req, id, result, onceHeld);
    if (this.#answers.length > RUN_BYTES) this.#closeAnswers(this.#answers);
  }

  /** Nobody's message waits for these. */
  get hasAnswersOnly(): boolean {
    return this.elements.length === 0 && (this.#forwards === null || this.#forwards.length === 0);
  }

  /** All of it, in the order in which each kind was added. */
  take(): Element[] {
    if (this.#forwards !== null) this.#closeForwards(this.#forwards);
    if (this.#answers !== null) this.#closeAnswers(this.#answers);
    const { elements } = this;
    this.elements = [];
    return elements;
  }

  #closeForwards(run: ForwardsWriter): void {
    const { length } = run;
    if (length > 0) this.add(encodeRouting({ type: 'forwards', bytes: run.slice(0, length) }), length);
    run.clear();
  }

  #closeAnswers(run: AnswersWriter): void {
    const { length } = run;
    if (length > 0) this.add(encodeRouting({ type: 'answers', bytes: run.slice(0, length) }), length);
    run.clear();
  }
}

export class Outbox {
  readonly #queues = new Map<NodeId, Queue>();

  /** `bytes` is a rough size of what the element carries, to cut frames by. */
  add(to: NodeId, element: Element, bytes: number): void {
    this.#queueOf(to).add(element, bytes);
  }

  forward(to: NodeId, publish: Forward, req: number, ageMs: number): void {
    this.#queueOf(to).forward(publish, req, ageMs);
  }

  answer(to: NodeId, req: number, id: string, result: AppendResult, onceHeld: boolean): void {
    this.#queueOf(to).answer(req, id, result, onceHeld);
  }

  drop(to: NodeId): void {
    this.#queues.delete(to);
  }

  /** `urgent`: leaves out those peers for whom there are answers only. */
  flush(
    what: 'urgent' | 'all',
    viewDigest: string,
    iteration: string,
    send: (to: NodeId, frame: Uint8Array) => void,
  ): void {
    for (const [to, queue] of this.#queues) {
      if (what === 'urgent' && queue.hasAnswersOnly) continue;
      const elements = queue.take();
      if (elements.length === 0) continue;
      if (queue.bytes <= FRAME_BYTES) send(to, packr.pack([viewDigest, iteration, ...elements]));
      else for (const part of cut(elements)) send(to, packr.pack([viewDigest, iteration, ...part]));
      queue.bytes = 0;
    }
  }

  #queueOf(to: NodeId): Queue {
    let queue = this.#queues.get(to);
    if (queue === undefined) {
      queue = new Queue();
      this.#queues.set(to, queue);
    }
    return queue;
  }
}

/** @throws Error where the bytes are no frame: the link is then closed. */
export function decodeFrame(bytes: Uint8Array): Frame {
  if (bytes.length > LIMITS.peerFrameBytesMax) throw new Error('frame over its limit');
  const array: unknown = unpackr.unpack(bytes);
  if (!Array.isArray(array) || array.length < 2) throw new Error('a frame is an array');
  const [viewDigest, iteration, ...elements] = array as unknown[];
  if (typeof viewDigest !== 'string' || typeof iteration !== 'string')
    throw new Error('a frame opens with two digests');
  for (const element of elements) if (!Array.isArray(element)) throw new Error('a message is an array');
  return { viewDigest, iteration, elements: elements as Element[] };
}

function* cut(elements: readonly Element[]): Generator<Element[]> {
  let part: Element[] = [];
  let bytes = 0;
  for (const element of elements) {
    part.push(element);
    bytes += roughSize(element);
    if (bytes < FRAME_BYTES) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}

function roughSize(value: unknown): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + roughSize(item), 1);
  return 4;
}
