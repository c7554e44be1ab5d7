/**
 * The node's side of clients without the library: long-polls and publishes as calls, each answered once, inside the link
 * between a client's host and the node's. The poll is the product's own; only its timer and its turns are the world's.
 */
import type { Core } from '../../core/node.js';
import { ALL_GRANTS } from '../../core/session/grants.js';
import { Poll } from '../../core/session/poll.js';
import { StreamPositions } from '../../core/session/stream-positions.js';
import type { PublishedResult } from '../../wire/client.js';
import { entryFields } from '../../wire/codec-client.js';
import { type ErrorBody, HalodError } from '../../wire/errors.js';

export interface PollCall {
  readonly channel: string;
  /** '' begins now. */
  readonly after: string;
  readonly waitMs: number;
  readonly relay: boolean;
}

export interface PublishCall {
  readonly channel: string;
  readonly id: string;
  readonly data: string;
}

export type CallAnswer =
  /** The body of a poll's answer. */
  | { readonly polled: string }
  | { readonly published: PublishedResult }
  | { readonly redirect: string }
  | { readonly error: ErrorBody };

export type CallMessage = { readonly call: number } & (
  | { readonly poll: PollCall }
  | { readonly publish: PublishCall }
  /** Its caller does not wait any more. */
  | { readonly hangUp: true }
  | CallAnswer
);

export interface CallsPorts {
  readonly core: Core;
  send(to: string, message: CallMessage): void;
}

interface Open {
  readonly peer: string;
  readonly poll: Poll<string>;
  wakeAt: number;
}

const NEVER = Number.POSITIVE_INFINITY;

export class Calls {
  readonly #ports: CallsPorts;
  readonly #open = new Map<string, Open>();
  /** To be finished, and then to be answered, once the step of the core is over. */
  #finishing: Open[] = [];
  #finished: (() => void)[] = [];
  #now = 0;

  constructor(ports: CallsPorts) {
    this.#ports = ports;
  }

  onCall(from: string, m: CallMessage, now: number): void {
    this.#now = now;
    if ('poll' in m) this.#poll(from, m.call, m.poll);
    else if ('publish' in m) this.#publish(from, m.call, m.publish, now);
    else if ('hangUp' in m) this.#open.get(`${from}/${m.call}`)?.poll.finish(null);
  }

  nextWakeAt(): number {
    let at = NEVER;
    for (const { wakeAt } of this.#open.values()) at = Math.min(at, wakeAt);
    return at;
  }

  tick(now: number): void {
    this.#now = now;
    for (const open of [...this.#open.values()]) {
      if (now < open.wakeAt) continue;
      open.wakeAt = NEVER;
      open.poll.waited();
    }
  }

  drop(peer: string, now: number): void {
    this.#now = now;
    for (const open of [...this.#open.values()]) if (open.peer === peer) open.poll.finish(null);
  }

  /** After a turn: false where there was nothing left to do. */
  settle(now: number): boolean {
    this.#now = now;
    if (this.#finishing.length === 0 && this.#finished.length === 0) return false;
    for (const { poll } of this.#finishing.splice(0)) poll.finish(null);
    for (const finish of this.#finished.splice(0)) finish();
    return true;
  }

  #poll(from: string, call: number, { channel, after, waitMs, relay }: PollCall): void {
    const { core } = this.#ports;
    const answer = (body: CallAnswer) => this.#ports.send(from, { call, ...body });
    if (core.state === 'starting' || core.state === 'left')
      return answer({ error: new HalodError('starting').toBody() });
    const home = core.homeOf(channel);
    if (!relay && !home.self) return answer({ redirect: home.url });
    const positions = new StreamPositions([channel]);
    if (after !== '') positions.resume(after);
    const key = `${from}/${call}`;
    const poll: Poll<string> = new Poll<string>(
      { user: '', grants: ALL_GRANTS, positions, after: after === '' ? 'now' : after, mismatched: false, waitMs },
      {
        core,
        now: () => this.#now,
        render: (entry) => `{${entryFields(entry)}`,
        touch: () => undefined,
        wakeIn: (ms) => {
          open.wakeAt = this.#now + ms;
        },
        finishSoon: () => void this.#finishing.push(open),
        finished: (error) => {
          this.#open.delete(key);
          this.#finished.push(() => {
            poll.release();
            answer(error === null ? { polled: poll.answer() } : { error });
          });
        },
      },
    );
    const open: Open = { peer: from, poll, wakeAt: NEVER };
    this.#open.set(key, open);
    poll.start();
  }

  #publish(from: string, call: number, { channel, id, data }: PublishCall, now: number): void {
    this.#ports.core.publish(
      {
        channel,
        ownId: id,
        publisher: '',
        seq: 0,
        data,
        firstTriedAt: now,
        done: (result) => {
          const answer: CallAnswer = result.ok
            ? { published: { id: result.id, channel, position: result.position, copies: result.copies } }
            : { error: new HalodError(result.code, result.message).toBody() };
          this.#ports.send(from, { call, ...answer });
        },
      },
      now,
    );
  }
}
