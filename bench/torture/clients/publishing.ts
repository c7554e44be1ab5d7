/**
 * Publishers at a pace. Each numbers its messages to each channel; how one ended is what the library, or the node, said
 * of it: stored, refused for good, or unknown.
 */
import { connect, publisher } from '../../../lib/client/index.js';
import { entryOf } from '../../../lib/sim/checkers/history.js';
import type { Recorder } from '../harness/recorder.js';
import { type Payload, payloadHash } from './log.js';
import type { PublisherPlan } from './plan.js';

/** More than this without an answer, and a publisher waits: 20 s of its pace at least. */
const PENDING_MIN = 50;
const TICK_MS = 10;
const HTTP_DEADLINE_MS = 30_000;
const HTTP_TRY_MS = 6_000;

interface Stored {
  readonly position: string;
  readonly copies: number;
}

/** What each way of publishing offers. @throws an error with a `code` */
interface Sender {
  publish(channel: string, data: Payload): Promise<Stored>;
  close(): Promise<void>;
}

export interface PublisherCounts {
  acked: number;
  unknown: number;
  refused: number;
}

export class Publishing {
  readonly counts: PublisherCounts = { acked: 0, unknown: 0, refused: 0 };
  readonly plan: PublisherPlan;
  /** By channel, the last number that was acknowledged; where no order is promised, each. */
  readonly lastAcked = new Map<string, number[]>();
  readonly #recorder: Recorder;
  readonly #sender: Sender;
  readonly #copiesDue: number;
  readonly #numbers = new Map<string, number>();
  readonly #pending = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;

  constructor(plan: PublisherPlan, urls: readonly string[], recorder: Recorder, copiesDue: number) {
    this.plan = plan;
    this.#recorder = recorder;
    this.#copiesDue = copiesDue;
    this.#sender = senderOf(plan, urls);
  }

  get pending(): number {
    return this.#pending.size;
  }

  start(): void {
    const { perSecond } = this.plan;
    const pendingMax = Math.max(PENDING_MIN, perSecond * 20);
    const startedAt = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
      // what could not be sent in time is left out, not made up for in one burst
      if (due - sent > perSecond || this.pending >= pendingMax) sent = due - 1;
      for (; sent < due; sent++) this.#publish(this.#nextChannel());
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async burst(count: number): Promise<void> {
    const all: Promise<void>[] = [];
    for (let i = 0; i < count; i++) for (const channel of this.plan.channels) all.push(this.#publish(channel));
    await Promise.all(all);
  }

  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  async close(): Promise<void> {
    this.stop();
    await this.#sender.close();
  }

  #nextChannel(): string {
    const { channels, order } = this.plan;
    return channels[order === 'turn' ? this.#turn++ % channels.length : Math.floor(Math.random() * channels.length)]!;
  }

  #noteAcked(ch: string, n: number): void {
    const acked = this.lastAcked.get(ch);
    if (acked === undefined) this.lastAcked.set(ch, [n]);
    else if (this.plan.via === 'http') acked.push(n);
    else acked[0] = Math.max(acked[0]!, n);
  }

  #publish(ch: string): Promise<void> {
    const { p, via, dataBytes } = this.plan;
    const n = (this.#numbers.get(ch) ?? 0) + 1;
    this.#numbers.set(ch, n);
    const x = `${Math.random().toString(36).slice(2)}${'.'.repeat(Math.max(0, dataBytes - 40))}`;
    const data = { p, n, x };
    const unordered = via === 'http' ? { unordered: true as const } : {};
    this.#recorder.record({ kind: 'pub-invoke', p, n, ch, hash: payloadHash(data), ...unordered });
    const done: Promise<void> = this.#sender.publish(ch, data).then(
      ({ position, copies }) => {
        const at = entryOf(position);
        const where = at === undefined ? {} : { at };
        this.#recorder.record({ kind: 'pub-ok', p, n, ch, copies, due: this.#copiesDue, ...where });
        this.counts.acked++;
        this.#noteAcked(ch, n);
        this.#pending.delete(done);
      },
      (error: { readonly code?: string; readonly retry?: boolean }) => {
        this.#pending.delete(done);
        if (DEFINITE.has(error.code ?? '')) {
          this.#recorder.record({ kind: 'pub-fail', p, n, ch, code: error.code! });
          this.counts.refused++;
        } else {
          this.#recorder.record({ kind: 'pub-unknown', p, n, ch, why: error.code ?? String(error) });
          this.counts.unknown++;
        }
      },
    );
    this.#pending.add(done);
    return done;
  }
}

/** Codes after which a message is certainly not stored. */
const DEFINITE = new Set(['bad-request', 'bad-channel', 'too-large', 'forbidden', 'unauthorized']);

function senderOf(plan: PublisherPlan, urls: readonly string[]): Sender {
  if (plan.via === 'http') return new HttpSender(urls);
  const client = plan.via === 'client' ? connect([...urls]) : publisher([...urls]);
  return {
    publish: (channel, data) => client.publish(channel, data) as Promise<Stored>,
    close: async () => {
      await client.close();
    },
  };
}

/** One request a message, to a node at random, again with the same id until an answer is final. */
class HttpSender implements Sender {
  readonly #urls: readonly string[];

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  async publish(channel: string, data: Payload): Promise<Stored> {
    const body = JSON.stringify({ channel, data, id: `${data.p}.${channel}.${data.n}` });
    const deadline = performance.now() + HTTP_DEADLINE_MS;
    // after a try without an answer a refusal says nothing of that one: it may be stored
    let isCertain = true;
    for (let tries = 0; performance.now() < deadline; tries++) {
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 200));
      const url = this.#urls[Math.floor(Math.random() * this.#urls.length)]!;
      try {
        const response = await fetch(`${url}/v1/publish`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
          signal: AbortSignal.timeout(HTTP_TRY_MS),
        });
        const answer = (await response.json()) as Stored & {
          error?: { code: string; message: string; retry: boolean };
        };
        if (answer.error === undefined) return answer;
        if (!answer.error.retry) {
          const { code, message } = answer.error;
          const said = `${code}: ${message}`;
          throw Object.assign(new Error(said), { code: isCertain ? code : `unanswered, then ${said}`, final: true });
        }
        isCertain = false;
      } catch (error) {
        if ((error as { final?: boolean }).final) throw error;
        isCertain = false;
      }
    }
    throw Object.assign(new Error('no answer in time'), { code: 'unknown' });
  }

  async close(): Promise<void> {}
}
