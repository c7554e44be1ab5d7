/**
 * What this node has for its peers, collected over one turn of the event loop and sent as one frame to each:
 * [view digest, iteration, …messages]. Every message is a positional array that opens with its number.
 */
import { Packr, Unpackr } from 'msgpackr';
import type { NodeId } from '../wire/ids.js';
import { LIMITS } from '../wire/limits.js';
import type { Element } from '../wire/routing.js';

/** A frame is cut where it would grow beyond this, so that a large transfer does not delay what comes after it. */
const FRAME_BYTES = 1024 * 1024;

export interface Frame {
  readonly viewDigest: string;
  readonly iteration: string;
  readonly elements: readonly Element[];
}

const packr = new Packr({ useRecords: false, largeBigIntToFloat: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

interface Queue {
  elements: Element[];
  bytes: number;
}

export class Outbox {
  readonly #queues = new Map<NodeId, Queue>();

  get empty(): boolean {
    return this.#queues.size === 0;
  }

  /** `bytes` is a rough size of what the element carries, to cut frames by. */
  add(to: NodeId, element: Element, bytes: number): void {
    let queue = this.#queues.get(to);
    if (queue === undefined) {
      queue = { elements: [], bytes: 0 };
      this.#queues.set(to, queue);
    }
    queue.elements.push(element);
    queue.bytes += bytes + 16;
  }

  drop(to: NodeId): void {
    this.#queues.delete(to);
  }

  flush(viewDigest: string, iteration: string, send: (to: NodeId, frame: Uint8Array) => void): void {
    for (const [to, queue] of this.#queues) {
      if (queue.bytes <= FRAME_BYTES) send(to, packr.pack([viewDigest, iteration, ...queue.elements]));
      else for (const part of cut(queue.elements)) send(to, packr.pack([viewDigest, iteration, ...part]));
    }
    this.#queues.clear();
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
