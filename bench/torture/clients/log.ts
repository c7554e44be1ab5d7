/** What one reader writes into the history, and what it remembers to tell when it has everything. */

import { entryOf, hashOf } from '../../../lib/sim/checkers/history.js';
import type { GapReason, WireMessage } from '../../../lib/wire/client.js';
import type { Recorder } from '../harness/recorder.js';
import type { ReaderPlan } from './plan.js';

/** Every payload of a run. */
export interface Payload {
  readonly p: string;
  readonly n: number;
  readonly x: string;
}

export function payloadHash({ p, n, x }: Payload): string {
  return hashOf(`${p} ${n} ${x}`);
}

/** A publisher's numbers that a reader has: all up to one, and single ones beyond. */
class Numbers {
  #upTo = 0;
  readonly #beyond = new Set<number>();

  add(n: number): void {
    if (n > this.#upTo) this.#beyond.add(n);
    while (this.#beyond.delete(this.#upTo + 1)) this.#upTo++;
  }

  has(n: number): boolean {
    return n <= this.#upTo || this.#beyond.has(n);
  }
}

export interface ReaderCounts {
  delivered: number;
  gaps: number;
}

export class ReaderLog {
  readonly plan: ReaderPlan;
  readonly counts: ReaderCounts = { delivered: 0, gaps: 0 };
  /** Where it is connected; '' where nowhere, `?` where the transport does not say. */
  node = '';
  readonly #recorder: Recorder;
  readonly #subscribed = new Set<string>();
  /** `channel publisher` → its numbers. */
  readonly #had = new Map<string, Numbers>();
  #onChange: () => void = () => {};

  constructor(plan: ReaderPlan, recorder: Recorder) {
    this.plan = plan;
    this.#recorder = recorder;
  }

  get channels(): readonly string[] {
    const { user, channels } = this.plan;
    return user === '' ? channels : [`@${user}`, ...channels];
  }

  get isSubscribed(): boolean {
    return this.#subscribed.size === this.channels.length;
  }

  /** Called after every event, until it is set again. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  subscribing(): void {
    const bare = this.plan.transport.startsWith('library') ? {} : { bare: true as const };
    for (const ch of this.channels)
      this.#recorder.record({ kind: 'sub', client: this.plan.client, ch, after: 'now', ...bare });
  }

  subscribed(ch: string, recovered: boolean, position?: string): void {
    this.#subscribed.add(ch);
    const at = position === undefined ? {} : { position };
    this.#recorder.record({ kind: 'subscribed', client: this.plan.client, ch, recovered, ...at });
    this.#onChange();
  }

  message(m: Pick<WireMessage, 'channel' | 'data' | 'position'>): void {
    const data = m.data as Payload;
    // the library's positions cover all that the reader has; a bare transport's begin with the message's own entry
    const at = this.plan.transport.startsWith('library') ? undefined : entryOf(m.position);
    this.#recorder.record({
      kind: 'callback',
      client: this.plan.client,
      ch: m.channel,
      p: String(data?.p),
      n: Number(data?.n),
      hash: payloadHash(data),
      ...(at === undefined ? {} : { at }),
    });
    this.counts.delivered++;
    const key = `${m.channel} ${data?.p}`;
    let had = this.#had.get(key);
    if (had === undefined) {
      had = new Numbers();
      this.#had.set(key, had);
    }
    had.add(Number(data?.n));
    this.#onChange();
  }

  gap(ch: string, reason: GapReason, position?: string): void {
    this.counts.gaps++;
    const at = position === undefined ? {} : { position };
    this.#recorder.record({ kind: 'gap', client: this.plan.client, ch, reason, ...at });
  }

  state(state: string, reason: string): void {
    if (state === 'connected') this.node = reason.split(' ', 1)[0] || '?';
    else if (state !== 'moving' && state !== 'error') this.node = '';
    this.#recorder.record({ kind: 'state', client: this.plan.client, state, reason });
  }

  left(): void {
    for (const ch of this.channels) this.#recorder.record({ kind: 'leave', client: this.plan.client, ch });
  }

  has(channel: string, p: string, n: number): boolean {
    return this.#had.get(`${channel} ${p}`)?.has(n) ?? false;
  }
}

/** One reader over one transport: connects again for ever, from where it is. */
export interface Reader {
  readonly log: ReaderLog;
  start(): void;
  /** Loses its connection and opens none. */
  away(): void;
  back(): void;
  stop(): Promise<void>;
}
