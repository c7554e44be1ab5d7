/**
 * One channel's publishes of one publisher session: numbered 1, 2, 3 … without holes, a window of them under way, the
 * rest in line. A number once sent means this message for ever; only what certainly no node has kept is numbered anew.
 */
import type { Data, PublishItem } from '../../wire/client.js';
import type { ErrorBody } from '../../wire/errors.js';
import { CLIENT_LIMITS } from './limits.js';
import type { PublishDone } from './ports.js';

/** `lined up`: without a number yet. `waiting`: for a connection or for the chain's retry. `sent`: for an answer. */
export type PublishState = 'lined up' | 'waiting' | 'sent' | 'done';

export class Publish {
  readonly channel: string;
  readonly data: Data;
  /** The application's own, or what it was called under an earlier number. */
  id: string | undefined;
  /** The id is the application's own. */
  readonly named: boolean;
  readonly done: PublishDone;
  readonly deadlineAt: number;
  state: PublishState = 'lined up';
  seq = 0;
  /** First sent under its present number; 0 before. */
  firstSentAt = 0;
  /** No node can have it: every try was answered with a refusal that means just that. */
  certainlyNot = true;
  lastError: ErrorBody | undefined = undefined;

  constructor(channel: string, data: Data, id: string | undefined, done: PublishDone, deadlineAt: number) {
    this.channel = channel;
    this.data = data;
    this.id = id;
    this.named = id !== undefined;
    this.done = done;
    this.deadlineAt = deadlineAt;
  }

  item(publisher: string, now: number): PublishItem {
    const { channel, data, seq } = this;
    const ageMs = this.firstSentAt === 0 ? 0 : Math.max(0, Math.round(now - this.firstSentAt));
    if (this.firstSentAt === 0) this.firstSentAt = now;
    return {
      channel,
      ...(this.named ? {} : { publisher, seq }),
      ...(this.id === undefined ? {} : { id: this.id }),
      ...(ageMs === 0 ? {} : { ageMs }),
      data,
    };
  }

  get chars(): number {
    return this.data.length + this.channel.length + 120;
  }
}

export class Chain {
  readonly channel: string;
  publisher: string;
  /** In the order of their numbers; the first is the oldest that is not acknowledged. */
  readonly window: Publish[] = [];
  /** No publish before this time. */
  retryAt = 0;
  tries = 0;
  /** A number will never be stored: no more is sent until every answer is in, then a new session begins. */
  broken = false;
  #seq = 0;
  #line: Publish[] = [];
  #lineAt = 0;

  constructor(channel: string, publisher: string) {
    this.channel = channel;
    this.publisher = publisher;
  }

  get idle(): boolean {
    return this.window.length === 0 && this.inLine === 0;
  }

  get inLine(): number {
    return this.#line.length - this.#lineAt;
  }

  lineUp(publish: Publish): void {
    this.#line.push(publish);
  }

  /** The next in line may be sent now. */
  get hasRoom(): boolean {
    const { length } = this.window;
    if (this.broken || length >= CLIENT_LIMITS.windowPerChannel || this.inLine === 0) return false;
    return length === 0 || !(this.#line[this.#lineAt]!.named || this.window[0]!.named);
  }

  /** Takes the next in line into the window, with the next number. */
  number(): Publish | undefined {
    if (!this.hasRoom) return undefined;
    const publish = this.#line[this.#lineAt]!;
    this.#lineAt++;
    if (this.#lineAt > 64 && this.#lineAt * 2 > this.#line.length) {
      this.#line = this.#line.slice(this.#lineAt);
      this.#lineAt = 0;
    }
    if (!publish.named) publish.seq = ++this.#seq;
    publish.state = 'waiting';
    this.window.push(publish);
    return publish;
  }

  leave(publish: Publish): void {
    publish.state = 'done';
    if (this.window[0] === publish) this.window.shift();
    else {
      const i = this.window.indexOf(publish);
      if (i >= 0) this.window.splice(i, 1);
    }
  }

  /** Those in line whose deadline has passed. */
  overdueInLine(now: number): Publish[] {
    const overdue: Publish[] = [];
    while (this.inLine > 0 && this.#line[this.#lineAt]!.deadlineAt <= now) overdue.push(this.#line[this.#lineAt++]!);
    return overdue;
  }

  /**
   * A new publisher session, once nothing is under way. What certainly no node has goes to the head of the line under
   * new numbers; the rest is returned: nobody can know what became of it.
   */
  startAnew(publisher: string): Publish[] {
    const again = this.window.filter((publish) => publish.certainlyNot);
    const unknown = this.window.filter((publish) => !publish.certainlyNot);
    this.window.length = 0;
    for (const publish of again) {
      publish.state = 'lined up';
      // should a node have it after all, the id tells readers that it is the same message
      if (publish.firstSentAt !== 0) publish.id ??= `${this.publisher}.${publish.seq}`;
      publish.seq = 0;
      publish.firstSentAt = 0;
    }
    this.#line = [...again, ...this.#line.slice(this.#lineAt)];
    this.#lineAt = 0;
    this.#seq = 0;
    this.publisher = publisher;
    this.broken = false;
    this.retryAt = 0;
    return unknown;
  }

  /** Everything, in order, as the chain is given up. */
  empty(): Publish[] {
    const all = [...this.window, ...this.#line.slice(this.#lineAt)];
    this.window.length = 0;
    this.#line = [];
    this.#lineAt = 0;
    return all;
  }
}
