import type { Socket } from 'node:net';
import test from 'ava';
import { Stats } from '../../lib/node/stats.js';
import type { Frame } from '../../lib/node/transports/frames.js';
import { Outbox, WriteQueue } from '../../lib/node/transports/outbox.js';
import { LIMITS } from '../../lib/wire/limits.js';

class TestOutbox extends Outbox {
  readonly written: string[] = [];
  cuts = 0;
  readonly #socket = {
    writableLength: 0,
    write: (bytes: Frame) => this.written.push(bytes.toString()),
    cork: () => undefined,
    uncork: () => undefined,
  };

  protected get socket(): Socket {
    return this.#socket as unknown as Socket;
  }

  protected cutOff(): void {
    this.cuts++;
  }

  say(frame: Frame): void {
    this.push(frame);
  }
}

test('what one turn has for a socket is written at once, in order', (t) => {
  const writes = new WriteQueue(new Stats(), () => undefined);
  const outbox = new TestOutbox(writes);
  const turns: Frame[][] = [['a'], ['b', 'c', 'd'], [Buffer.from('é'), 'e', Buffer.from('f')]];
  for (const frames of turns) {
    for (const frame of frames) outbox.say(frame);
    writes.flush();
  }
  t.deepEqual(outbox.written, ['a', 'bcd', 'éef']);
});

test('a turn is asked for once, and not where one is under way', (t) => {
  let woken = 0;
  const writes = new WriteQueue(new Stats(), () => woken++);
  const [one, other] = [new TestOutbox(writes), new TestOutbox(writes)];
  one.say('a');
  one.say('b');
  other.say('c');
  t.is(woken, 1);
  writes.collect();
  writes.flush();
  writes.collect();
  one.say('d');
  t.is(woken, 1);
  writes.flush();
  t.deepEqual([one.written, other.written], [['ab', 'd'], ['c']]);
  other.say('e');
  t.is(woken, 2);
});

test('more in one turn than may wait: what fits is written, and the connection ends', (t) => {
  const stats = new Stats();
  const writes = new WriteQueue(stats, () => undefined);
  const outbox = new TestOutbox(writes);
  const frame = 'x'.repeat(64 * 1024);
  for (let bytes = 0; bytes <= LIMITS.clientQueueBytesMax; bytes += frame.length) outbox.say(frame);
  writes.flush();
  t.is(outbox.cuts, 1);
  t.is(stats.slow, 1);
  const written = outbox.written.join('').length;
  t.true(written <= LIMITS.clientQueueBytesMax);
  t.true(written + frame.length > LIMITS.clientQueueBytesMax);
});
