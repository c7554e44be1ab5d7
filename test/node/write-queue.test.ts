import type { Socket } from 'node:net';
import test from 'ava';
import { Stats } from '../../lib/node/stats.js';
import type { Frame } from '../../lib/node/transports/frames.js';
import { Outbox, WriteQueue } from '../../lib/node/transports/outbox.js';

class TestOutbox extends Outbox {
  readonly written: string[] = [];
  readonly #socket = { writableLength: 0, write: (bytes: Frame) => this.written.push(bytes.toString()) };

  protected get socket(): Socket {
    return this.#socket as unknown as Socket;
  }

  protected cutOff(): void {}

  say(frame: Frame): void {
    this.push(frame);
  }
}

function queue(isBusy: boolean, wake: () => void = () => undefined): WriteQueue {
  return new WriteQueue(new Stats(), wake, () => isBusy);
}

test('a node that rests now and then writes at the end of each turn', (t) => {
  const writes = queue(false);
  const outbox = new TestOutbox(writes);
  for (const [now, text] of ['a', 'b', 'c'].entries()) {
    outbox.say(text);
    writes.flush(1_000 + now);
  }
  t.deepEqual(outbox.written, ['a', 'b', 'c']);
});

test('a busy node writes what several turns have for a socket at once, in order', (t) => {
  const writes = queue(true);
  const outbox = new TestOutbox(writes);
  for (const [i, frame] of ['a', 'b', 'c', 'd', Buffer.from('é'), 'e', Buffer.from('f')].entries()) {
    outbox.say(frame);
    writes.flush(1_000 + i * 4);
  }
  t.deepEqual(outbox.written, ['a', 'bcd', 'éef']);
});

test('what a busy node held back is written though no turn comes', async (t) => {
  const woken = new Promise<void>((resolve) => {
    const writes = queue(true, () => {
      writes.flush(1_001);
      if (outbox.written.length === 2) resolve();
    });
    const outbox = new TestOutbox(writes);
    outbox.say('a');
    writes.flush(1_000);
    outbox.say('b');
    writes.flush(1_000);
    t.deepEqual(outbox.written, ['a']);
  });
  await woken;
  t.pass();
});

test('much for one socket is not held back', (t) => {
  const writes = queue(true);
  const outbox = new TestOutbox(writes);
  outbox.say('a');
  writes.flush(1_000);
  outbox.say('b');
  outbox.say('x'.repeat(70_000));
  writes.flush(1_001);
  t.is(outbox.written.join('').length, 70_002);
});
