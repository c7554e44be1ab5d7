/** The node's ceiling, and what is left of channels and publishers that were quiet for long. */
import test from 'ava';
import type { NodeId } from '../../lib/wire/ids.js';
import { formatPosition, parsePosition } from '../../lib/wire/position.js';
import { Trio } from './trio.js';

const MINUTE = 60_000;
const HOUR = { messages: 1_000, bytes: 1 << 20, ageMs: 60 * MINUTE };
const CEILING = 1 << 20;

function alone(historyBytesPerNode = CEILING): Trio {
  return new Trio({ nodes: 1, channels: { copies: 1, acks: 1, history: HOUR, historyBytesPerNode } });
}

/** Seconds pass, without what happens within one. */
function seconds(trio: Trio, count: number): void {
  for (let i = 0; i < count; i++) {
    trio.now += 1_000;
    for (const channels of trio.nodes.values()) channels.tick(trio.now);
    trio.settle();
  }
}

const memory = (trio: Trio, id: NodeId = 'alpha' as NodeId): number => {
  const { bytes, frameBytes } = trio.at(id).stats();
  return bytes! + frameBytes!;
};

const publish = (trio: Trio, channel: string, seq: number, publisher = 'pub') => {
  const [result] = [trio.append('alpha' as NodeId, channel, seq, publisher), trio.settle()][0]!;
  return result!.ok ? 'ok' : result!.code;
};

test('channels with few messages count with what they take themselves', (t) => {
  const trio = alone();
  for (let i = 0; i < 100; i++) publish(trio, `channel${i}`, 1);
  const { bytes, frameBytes } = trio.at('alpha' as NodeId).stats();
  t.is(frameBytes, 100 * (1_600 + 350 + 400));
  t.true(bytes! < 100 * 300);
});

test('a flood of new channels is refused at the ceiling, and those known go on', (t) => {
  const trio = alone();
  const answers = Array.from({ length: 1_000 }, (_, i) => publish(trio, `channel${i}`, 1, `pub${i}`));
  const taken = answers.indexOf('overloaded');
  t.true(taken > 400 && taken < 450, `${taken} channels`);
  t.true(answers.slice(taken).every((code) => code === 'overloaded'));
  t.is(publish(trio, 'channel0', 2, 'pub0'), 'ok');
  t.is(publish(trio, 'channel0', 1, 'another'), 'overloaded');
  seconds(trio, 10);
  t.true(memory(trio) <= CEILING * 1.25);
  t.is(trio.at('alpha' as NodeId).stats()['channels'], taken, 'none was quiet for long enough');
});

test('quiet traffic to ever new channels, and from ever new publishers, is never refused', (t) => {
  const trio = alone();
  const answers = new Set<string>();
  let most = 0;
  // two hours, with 150 new channels and 300 new publishers of one channel in any 15 minutes
  for (let i = 0; i < 1_200; i++) {
    answers.add(publish(trio, `channel${i}`, 1));
    answers.add(publish(trio, 'room', 1, `a${i}`));
    answers.add(publish(trio, 'room', 1, `b${i}`));
    seconds(trio, 6);
    most = Math.max(most, memory(trio));
  }
  t.deepEqual([...answers], ['ok']);
  t.true(most <= CEILING);
});

test('publishers that were refused are taken once others were quiet for their time', (t) => {
  const trio = alone();
  const answers = Array.from({ length: 3_000 }, (_, i) => publish(trio, `c${i % 5}`, 1, `pub${i}`));
  t.is(answers.at(-1), 'overloaded');
  seconds(trio, 20 * 60);
  t.is(publish(trio, 'c0', 1, 'late'), 'ok');
});

test('messages give way to more channels only down to their share', (t) => {
  const trio = alone();
  for (let seq = 1; seq <= 3_000; seq++) publish(trio, 'room', seq);
  for (let i = 0; i < 1_000; i++) publish(trio, `channel${i}`, 1);
  seconds(trio, 10);
  const { bytes } = trio.at('alpha' as NodeId).stats();
  t.true(bytes! > CEILING * 0.15 && bytes! < CEILING * 0.25, `${bytes} of ${memory(trio)}`);
});

test('a channel that was forgotten for room tells readers what they miss, and publishers that they are unknown', (t) => {
  const trio = alone();
  const channels = trio.at('alpha' as NodeId);
  for (let seq = 1; seq <= 3; seq++) publish(trio, 'room', seq);
  const early = channels.read('room', 'start', 2, trio.now).position;
  const end = channels.head('room');
  seconds(trio, 16 * 60);
  for (let i = 0; i < 1_000; i++) publish(trio, `channel${i}`, 1);
  seconds(trio, 10);
  t.is([...channels.inspection.orderOf('room')].length, 0);
  const gone = channels.read('room', early, 10, trio.now);
  t.like(gone, { gap: { reason: 'size' }, entries: { length: 0 }, catchingUp: false });
  const [lid, s] = [...end][0]!;
  t.true(gone.position.get(lid)! >= s, 'it does not begin anew where another node still holds messages');
  t.is(channels.read('room', gone.position, 10, trio.now).gap, null);
  t.is(publish(trio, 'room', 4), 'publisher-unknown');
  t.is(publish(trio, 'room', 1, 'new'), 'ok');
  const read = (position: string) => channels.read('room', parsePosition(position), 10, trio.now);
  t.like(read(formatPosition(early)), { gap: { reason: 'size' }, entries: { length: 1 } });
  t.like(read(formatPosition(end)).entries, [{ publisher: 'new', seq: 1 }]);
});
