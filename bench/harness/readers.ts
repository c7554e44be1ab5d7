/**
 * All readers of a run in one process: dials them, hands frames to the peer's wire, checks every payload, keeps times.
 * The same rules for every peer: a lost connection is dialled again after a random time up to `redialMs`, at another
 * node than the one that failed.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { WIRES } from '../peers/wires/registry.js';
import { channelName, type ReaderLink, type ReaderWire } from '../peers/wires/wire.js';
import { Checker } from './checker.js';
import type { FinishAnswer, MarkAnswer, ReadersSetup, WatchAnswer } from './commands.js';
import { channelAt, findPayload, microsAt, nowMicros, PAYLOAD_BYTES_MIN, sequenceAt } from './payload.js';
import { Samples } from './samples.js';
import { LeanWebSocket } from './websocket.js';

const FAULTS_MAX = 20;
const REDIRECTS_MAX = 10;

interface Reader {
  readonly index: number;
  readonly wire: ReaderWire;
  socket: LeanWebSocket | undefined;
  /** Where it dials next; a redirect overrides the endpoint once. */
  endpoint: number;
  target: { host: string; port: number } | undefined;
  redirects: number;
  isWanted: boolean;
  isAttached: boolean;
  onAttached: (() => void) | undefined;
}

export class Readers {
  readonly #setup: ReadersSetup;
  readonly #checker: Checker;
  readonly #readers: Reader[];
  readonly #samples = new Samples();
  readonly #faults: string[] = [];
  readonly #progress: Socket;
  readonly #lastCounts = new Map<number, number>();
  #sampling: 'none' | 'each' | 'last' = 'none';
  #reportDue = false;
  #watchedFrom = 0;
  #firstMicros: Float64Array | undefined;
  #redials = 0;
  #reattachedMicros = 0;

  constructor(setup: ReadersSetup) {
    this.#setup = setup;
    this.#checker = new Checker(Int32Array.from({ length: setup.readers }, (_, reader) => reader % setup.channels));
    this.#progress = connectSocket(setup.progressPath);
    this.#progress.on('error', () => {});
    this.#readers = Array.from({ length: setup.readers }, (_, index) => this.#create(index));
    setInterval(() => {
      for (const reader of this.#readers) if (reader.socket?.isOpen) reader.wire.second?.();
    }, 1_000);
  }

  /** Connects readers `from` to `to` (exclusive), `atOnce` at a time, until each is attached. */
  connect(from: number, to: number, atOnce: number): Promise<void> {
    return new Promise((resolve) => {
      let next = from;
      let attached = 0;
      const start = () => {
        if (next >= to) return;
        const reader = this.#readers[next++]!;
        reader.onAttached = () => {
          attached++;
          if (attached === to - from) resolve();
          else start();
        };
        reader.isWanted = true;
        this.#dial(reader);
      };
      for (let index = 0; index < Math.min(atOnce, to - from); index++) start();
      if (from >= to) resolve();
    });
  }

  mark(): MarkAnswer {
    return { delivered: this.#checker.delivered, atMicros: nowMicros() };
  }

  sample(what: 'none' | 'each' | 'last'): void {
    this.#sampling = what;
    this.#samples.clear();
    this.#lastCounts.clear();
  }

  latencies() {
    return this.#samples.summary();
  }

  drop(readers: readonly number[]): void {
    for (const index of readers) {
      const reader = this.#readers[index]!;
      reader.isWanted = false;
      reader.isAttached = false;
      reader.socket?.destroy();
    }
  }

  /** Dials the readers and resolves with the ms until all of them have everything below `upTo`, or -1. */
  async return(readers: readonly number[], upTo: Int32Array, deadlineMs: number): Promise<number> {
    const from = nowMicros();
    for (const index of readers) {
      this.#readers[index]!.isWanted = true;
      this.#dial(this.#readers[index]!);
    }
    const isComplete = () =>
      readers.every((index) => this.#checker.complete(index, upTo[index % this.#setup.channels]!));
    return (await this.#until(isComplete, () => nowMicros() - from > deadlineMs * 1e3))
      ? (nowMicros() - from) / 1e3
      : -1;
  }

  watch(): void {
    this.#firstMicros = new Float64Array(this.#readers.length);
    this.#redials = 0;
    this.#reattachedMicros = 0;
    this.#watchedFrom = nowMicros();
  }

  watched(): WatchAnswer {
    const isAllAttached = this.#readers.every((reader) => reader.isAttached || !reader.isWanted);
    return {
      firstMs: Array.from(this.#firstMicros ?? [], (at) => (at === 0 ? -1 : (at - this.#watchedFrom) / 1e3)),
      redials: this.#redials,
      reattachedMs:
        isAllAttached && this.#reattachedMicros > 0 ? (this.#reattachedMicros - this.#watchedFrom) / 1e3 : -1,
    };
  }

  async awaitDelivered(delivered: number, patienceMs: number): Promise<boolean> {
    let last = -1;
    let changedAt = nowMicros();
    const isStalled = () => {
      if (this.#checker.delivered !== last) {
        last = this.#checker.delivered;
        changedAt = nowMicros();
      }
      return nowMicros() - changedAt > patienceMs * 1e3;
    };
    return this.#until(() => this.#checker.delivered >= delivered, isStalled);
  }

  finish(): FinishAnswer {
    return { counts: this.#checker.counts(), states: this.#checker.states(), faults: this.#faults };
  }

  async #until(isDone: () => boolean, isOver: () => boolean): Promise<boolean> {
    for (;;) {
      if (isDone()) return true;
      if (isOver()) return false;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  #create(index: number): Reader {
    const { setup } = { setup: this.#setup };
    const link: ReaderLink = {
      reader: index,
      kind: setup.kind,
      channel: channelName(setup.kind, index % setup.channels),
      send: (text) => reader.socket?.send(text),
      ready: () => this.#attached(reader),
      deliver: (data, start, end) => this.#deliver(index, data, start, end),
      redirect: (host, port) => this.#redirect(reader, host, port),
      fault: (why) => this.#fault(`reader ${index}: ${why}`),
      restart: () => reader.socket?.destroy(),
    };
    const reader: Reader = {
      index,
      wire: WIRES[setup.wire].reader(link),
      socket: undefined,
      endpoint: index % setup.endpoints.length,
      target: undefined,
      redirects: 0,
      isWanted: false,
      isAttached: false,
      onAttached: undefined,
    };
    return reader;
  }

  #dial(reader: Reader): void {
    const endpoint = reader.target ?? this.#setup.endpoints[reader.endpoint]!;
    reader.target = undefined;
    const socket = new LeanWebSocket(
      { host: endpoint.host, port: endpoint.port, ...reader.wire.upgrade() },
      {
        onOpen: () => reader.wire.opened(),
        onMessage: (data, start, end) => reader.wire.message(data, start, end),
        onClose: (code, why) => this.#closed(reader, socket, code, why),
      },
    );
    reader.socket = socket;
  }

  #attached(reader: Reader): void {
    reader.redirects = 0;
    if (!reader.isAttached && this.#firstMicros !== undefined) this.#reattachedMicros = nowMicros();
    reader.isAttached = true;
    reader.onAttached?.();
    reader.onAttached = undefined;
  }

  #redirect(reader: Reader, host: string, port: number): void {
    if (++reader.redirects > REDIRECTS_MAX)
      this.#fault(`reader ${reader.index}: redirected ${REDIRECTS_MAX} times in a row`);
    const old = reader.socket;
    reader.target = { host, port };
    reader.socket = undefined;
    reader.isAttached = false;
    old?.destroy();
    reader.wire.closed();
    setTimeout(() => reader.isWanted && this.#dial(reader), reader.redirects > REDIRECTS_MAX ? 100 : 0);
  }

  #closed(reader: Reader, socket: LeanWebSocket, code: number, why: string): void {
    if (reader.socket !== socket) return;
    reader.wire.closed();
    reader.socket = undefined;
    reader.isAttached = false;
    if (!reader.isWanted) return;
    if (this.#firstMicros === undefined) this.#fault(`reader ${reader.index}: connection closed: ${code} ${why}`);
    this.#redials++;
    reader.endpoint = (reader.endpoint + 1) % this.#setup.endpoints.length;
    setTimeout(
      () => reader.isWanted && reader.socket === undefined && this.#dial(reader),
      Math.random() * this.#setup.redialMs,
    );
  }

  #deliver(reader: number, data: Buffer, start: number, end: number): void {
    const now = nowMicros();
    for (let at = findPayload(data, start, end); at >= 0; ) {
      const sequence = sequenceAt(data, at);
      const isNew = this.#checker.received(reader, channelAt(data, at), sequence);
      if (isNew) {
        if (this.#sampling !== 'none') this.#keep(reader, sequence, microsAt(data, at), now);
        if (this.#firstMicros?.[reader] === 0 && microsAt(data, at) > this.#watchedFrom)
          this.#firstMicros[reader] = now;
      }
      const next = at + PAYLOAD_BYTES_MIN;
      at = next < end ? findPayload(data, next, end) : -1;
    }
    if (this.#reportDue) return;
    this.#reportDue = true;
    setImmediate(() => this.#report());
  }

  #keep(reader: number, sequence: number, sentMicros: number, now: number): void {
    if (this.#sampling === 'each') {
      this.#samples.add((now - sentMicros) / 1e3);
      return;
    }
    const channel = reader % this.#setup.channels;
    const key = channel * 1e8 + sequence;
    const count = (this.#lastCounts.get(key) ?? 0) + 1;
    const readersOfChannel = Math.floor((this.#setup.readers - 1 - channel) / this.#setup.channels) + 1;
    if (count < readersOfChannel) this.#lastCounts.set(key, count);
    else {
      this.#lastCounts.delete(key);
      this.#samples.add((now - sentMicros) / 1e3);
    }
  }

  #report(): void {
    this.#reportDue = false;
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeDoubleLE(this.#checker.delivered);
    this.#progress.write(bytes);
  }

  #fault(why: string): void {
    if (this.#faults.length < FAULTS_MAX) this.#faults.push(why);
  }
}
