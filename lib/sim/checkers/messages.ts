/** The messages of one channel of a run, numbered as the history first names them, with all that is known of each. */

export type Outcome = 'pending' | 'ok' | 'unknown' | 'fail';

export interface Message {
  readonly index: number;
  readonly p: string;
  readonly n: number;
  /** undefined until its publish is read: files of readers may come before those of publishers. */
  hash: string | undefined;
  unordered: boolean;
  invokedAt: number;
  /** When its publisher was told that it is stored. */
  storedAt: number;
  outcome: Outcome;
  /** Entries it was seen as, `<lineage>.<s>`: several where a retry was stored twice before the two met. */
  entries: string[];
  receivers: number;
  /** Answered as one that retention had removed already; where it stood, nobody said. */
  isRemoved?: boolean;
}

export class Messages {
  readonly channel: string;
  readonly all: Message[] = [];
  readonly #byPublisher = new Map<string, Map<number, Message>>();

  constructor(channel: string) {
    this.channel = channel;
  }

  get(p: string, n: number): Message {
    let ofPublisher = this.#byPublisher.get(p);
    if (ofPublisher === undefined) {
      ofPublisher = new Map();
      this.#byPublisher.set(p, ofPublisher);
    }
    let message = ofPublisher.get(n);
    if (message === undefined) {
      message = {
        index: this.all.length,
        p,
        n,
        hash: undefined,
        unordered: false,
        invokedAt: Number.NEGATIVE_INFINITY,
        storedAt: Number.POSITIVE_INFINITY,
        outcome: 'pending',
        entries: [],
        receivers: 0,
      };
      ofPublisher.set(n, message);
      this.all.push(message);
    }
    return message;
  }

  find(p: string, n: number): Message | undefined {
    return this.#byPublisher.get(p)?.get(n);
  }

  /**
   * Whether a publish from `from` to `to` ended neither stored nor pending: the library then goes on under a new session,
   * and between what came before and after it no order is promised.
   */
  isBroken(p: string, from: number, to: number): boolean {
    for (let n = from; n <= to; n++) {
      const outcome = this.find(p, n)?.outcome;
      if (outcome === 'unknown' || outcome === 'fail') return true;
    }
    return false;
  }
}

export function describe(channel: string, message: Pick<Message, 'p' | 'n'>): string {
  return `${message.p} ${message.n} in ${channel}`;
}
