/** A lone node with little memory and a short history that ends and starts again at any moment goes on as if it had not. */
import test from 'ava';
import type { NodeId } from '../../lib/wire/ids.js';
import { Seeded } from './ring.js';
import { Trio } from './trio.js';

const CHANNELS = ['room', 'c3', 'c4', 'c5'];

const idsOf = (trio: Trio, id: NodeId, channel: string): string[] =>
  [...trio.at(id).inspection.orderOf(channel)].map((entry) => entry.id);

/** What went wrong; '' where nothing did. */
function live(seed: number): string {
  const random = new Seeded(seed);
  const below = (n: number): number => Math.floor(random.next() * n);
  const channels = {
    copies: 1,
    acks: 1,
    history: { messages: 5 + below(10), bytes: 1 << 24, ageMs: 3_600_000 },
    historyBytesPerNode: below(2) === 0 ? 1 << 28 : 14_000,
    journalBytesMin: 200 + below(3_000),
    journalGrowth: 1.2,
    publisherTtlMs: 20_000,
    metaTtlMs: 30_000,
    idTtlMs: 2_000,
  };
  const trio = new Trio({ nodes: 1, journals: true, channels });
  const id = trio.ids[0]!;
  const seqs = new Map<string, number>();
  const sessions = new Map<string, number>();
  const publish = (channel: string): string => {
    const publisher = `p${below(2)}-${sessions.get(channel) ?? 0}`;
    const seq = (seqs.get(channel + publisher) ?? 0) + 1;
    for (let attempt = 0; attempt < 2; attempt++) {
      const [result] = trio.append(id, channel, seq, publisher);
      trio.settle();
      if (result?.ok) {
        seqs.set(channel + publisher, seq);
        return '';
      }
      const code = result === undefined ? '' : result.code;
      if (code === 'publisher-unknown' || code === 'overloaded') {
        sessions.set(channel, (sessions.get(channel) ?? 0) + 1);
        return '';
      }
      trio.pass(2_000);
    }
    return `${channel} takes nothing of ${publisher} after ${seq - 1}`;
  };
  for (let step = 0; step < 200; step++) {
    const what = below(20);
    let wrong = '';
    if (what < 14) wrong = publish(CHANNELS[below(4)]!);
    else if (what < 17) trio.pass(50 + below(200));
    else if (what < 18) trio.pass(below(8_000));
    else {
      const before = CHANNELS.map((channel) => idsOf(trio, id, channel));
      trio.outage();
      trio.pass(50 * below(4));
      if (below(4) === 0) continue;
      trio.pass(200);
      const evicted = trio.at(id).stats()['evicted']!;
      for (const [i, channel] of CHANNELS.entries()) {
        const after = idsOf(trio, id, channel);
        if (new Set(after).size < after.length) wrong = `${channel} has a message twice`;
        if (evicted === 0 && before[i]!.some((each) => !after.includes(each))) wrong = `${channel} lost a message`;
      }
    }
    if (wrong !== '') return `seed ${seed}, step ${step}: ${wrong}`;
  }
  return '';
}

test('no channel stands still, loses a message or has one twice, whenever the node ends', (t) => {
  for (let seed = 1; seed <= 60; seed++) t.is(live(seed), '');
});
