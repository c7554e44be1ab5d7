/**
 * The publisher of a run: decides what is sent when, stamps it, and counts acknowledgements. Flooding keeps a window of
 * undelivered messages, the same for every peer, so that a slow peer is measured at its own pace and not by how much it
 * queues; pacing sends by the clock, whatever the peer does.
 */
import { createServer, type Server } from 'node:net';
import { WIRES } from '../peers/wires/registry.js';
import { channelName, type PublisherWire } from '../peers/wires/wire.js';
import type { PublisherCommand, PublisherSetup, PublisherState } from './commands.js';
import { fillPayload, nowMicros, paddedPayload, textPayload } from './payload.js';
import { Samples } from './samples.js';

const BATCH = 256;
const PACE_MS = 1;
const FAULTS_MAX = 20;

export class Publisher {
  readonly #setup: PublisherSetup;
  readonly #wire: PublisherWire;
  readonly #progress: Server;
  readonly #sent: Int32Array;
  readonly #ackedByChannel: Uint8Array[] = [];
  readonly #late = new Samples();
  readonly #faults: string[] = [];
  readonly #refusals: string[] = [];
  readonly #payloads: readonly (readonly Buffer[])[];
  /** Of each id, its channel and sequence number; only where acknowledgements are wanted. */
  readonly #channelOf: number[] = [];
  readonly #sequenceOf: number[] = [];
  #total = 0;
  #acked = 0;
  #refused = 0;
  #deliveries = 0;
  #delivered = 0;
  #random = 0x2545f491;
  #turn = 0;
  #mode: PublisherCommand | undefined;
  #started = 0;
  #sentSinceStart = 0;

  private constructor(setup: PublisherSetup, ready: () => void) {
    this.#setup = setup;
    this.#sent = new Int32Array(setup.channels);
    if (setup.wantsAcks)
      for (let channel = 0; channel < setup.channels; channel++) this.#ackedByChannel.push(new Uint8Array(64));
    const padded = [paddedPayload(setup.payloadBytes)];
    this.#payloads =
      setup.texts?.map((texts) => texts.map(textPayload)) ?? Array.from({ length: setup.channels }, () => padded);
    this.#progress = createServer((socket) => {
      let rest = Buffer.alloc(0);
      socket.on('error', () => {});
      socket.on('data', (data) => {
        rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
        const whole = rest.length - (rest.length % 8);
        if (whole > 0) this.#delivered = rest.readDoubleLE(whole - 8);
        rest = rest.subarray(whole);
        this.#pump();
      });
    });
    this.#progress.listen(setup.progressPath);
    this.#wire = WIRES[setup.wire].publisher(
      {
        kind: setup.kind,
        channels: Array.from({ length: setup.channels }, (_, channel) => channelName(setup.kind, channel)),
        wantsAcks: setup.wantsAcks,
        ready,
        acked: (first, count) => this.#onAcked(first, count),
        refused: (id, why) => this.#onRefused(id, why),
        fault: (why) => this.#faults.length < FAULTS_MAX && this.#faults.push(`publisher: ${why}`),
      },
      setup.endpoints,
    );
  }

  static open(setup: PublisherSetup): Promise<Publisher> {
    return new Promise((resolve) => {
      const publisher: Publisher = new Publisher(setup, () => setImmediate(() => resolve(publisher)));
    });
  }

  start(mode: PublisherCommand): void {
    this.#mode = mode;
    this.#started = nowMicros();
    this.#sentSinceStart = 0;
    this.#late.clear();
    if (mode.do === 'pace') this.#pace(this.#started);
    else this.#pump();
  }

  stop(): void {
    this.#mode = undefined;
  }

  async burst(channels: readonly number[], count: number): Promise<void> {
    for (let round = 0; round < count; round++) {
      for (const channel of channels) this.#send(channel);
      if (((round + 1) * channels.length) % BATCH < channels.length) {
        this.#wire.flush();
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    this.#wire.flush();
  }

  async settle(deadlineMs: number): Promise<boolean> {
    const from = nowMicros();
    while (this.#acked + this.#refused < this.#total) {
      if (nowMicros() - from > deadlineMs * 1e3) return false;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return true;
  }

  state(): PublisherState {
    return {
      sent: this.#sent,
      total: this.#total,
      acked: this.#acked,
      ackedByChannel: this.#ackedByChannel,
      refused: this.#refused,
      refusals: this.#refusals,
      timerLateP99Ms: this.#late.summary().p99Ms,
      faults: this.#faults,
    };
  }

  /** False where nothing is left to send. */
  #send(channel: number): boolean {
    const payloads = this.#payloads[channel]!;
    const sequence = this.#sent[channel]!++;
    const payload = payloads[sequence % payloads.length]!;
    fillPayload(payload, sequence, channel, nowMicros());
    if (this.#setup.wantsAcks) {
      this.#channelOf.push(channel);
      this.#sequenceOf.push(sequence);
    }
    this.#wire.add(this.#total++, channel, payload);
    this.#deliveries += this.#setup.readersPerChannel;
    return true;
  }

  #randomChannel(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) % this.#setup.channels;
  }

  #nextInTurn(): number {
    const channel = this.#turn;
    this.#turn = (this.#turn + 1) % this.#setup.channels;
    return channel;
  }

  /** The next channel that still has a text to say, or -1. */
  #nextWithText(): number {
    for (let tries = 0; tries < this.#setup.channels; tries++) {
      const channel = this.#nextInTurn();
      if (this.#sent[channel]! < this.#payloads[channel]!.length) return channel;
    }
    return -1;
  }

  #pump(): void {
    const mode = this.#mode;
    if (mode?.do !== 'flood') return;
    const batchMax = Math.max(1, Math.min(BATCH, Math.floor(mode.window / this.#setup.readersPerChannel / 2)));
    while (this.#deliveries - this.#delivered + batchMax * this.#setup.readersPerChannel <= mode.window) {
      for (let index = 0; index < batchMax; index++) {
        const channel = mode.order === 'random' ? this.#randomChannel() : this.#nextWithText();
        if (channel < 0) {
          this.#mode = undefined;
          break;
        }
        this.#send(channel);
      }
      this.#wire.flush();
      if (this.#mode === undefined) return;
    }
  }

  #pace(due: number): void {
    const mode = this.#mode;
    if (mode?.do !== 'pace') return;
    const now = nowMicros();
    this.#late.add(Math.max(0, now - due) / 1e3);
    const target = Math.floor(((now - this.#started) / 1e6) * mode.rate);
    for (; this.#sentSinceStart < target; this.#sentSinceStart++) {
      this.#send(mode.order === 'random' ? this.#randomChannel() : this.#nextInTurn());
      if (this.#sentSinceStart % BATCH === BATCH - 1) this.#wire.flush();
    }
    this.#wire.flush();
    setTimeout(() => this.#pace(now + PACE_MS * 1e3), PACE_MS);
  }

  #onAcked(first: number, count: number): void {
    this.#acked += count;
    if (!this.#setup.wantsAcks) return;
    for (let id = first; id < first + count; id++) {
      const channel = this.#channelOf[id]!;
      const sequence = this.#sequenceOf[id]!;
      let acked = this.#ackedByChannel[channel]!;
      if (sequence >= acked.length) {
        const larger = new Uint8Array(Math.max(acked.length * 2, sequence + 1));
        larger.set(acked);
        this.#ackedByChannel[channel] = larger;
        acked = larger;
      }
      acked[sequence] = 1;
    }
  }

  #onRefused(_id: number, why: string): void {
    this.#refused++;
    if (this.#refusals.length < FAULTS_MAX) this.#refusals.push(why);
  }
}
