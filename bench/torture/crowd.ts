/** Who takes part: readers of rooms over every transport, publishers of every kind, spread over processes of clients. */
import { PUBLISHER_KINDS, type PublisherPlan, type ReaderPlan, TRANSPORTS } from './clients/plan.js';
import type { SeededRandom } from './random.js';

export function rooms(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `room:${i + 1}`);
}

/** Half of the readers are library clients with a user; the others take turns through the transports. */
export function mixedReaders(count: number, channels: readonly string[], random: SeededRandom): ReaderPlan[] {
  return Array.from({ length: count }, (_, i): ReaderPlan => {
    const client = `r${i + 1}`;
    const transport = i % 2 === 0 ? 'library' : TRANSPORTS[1 + ((i >> 1) % (TRANSPORTS.length - 1))]!;
    const isSingle = transport === 'poll' || transport === 'ndjson';
    const own = random.shuffled(channels).slice(0, isSingle ? 1 : 1 + Math.floor(random.next() * 2));
    const isUser = transport.startsWith('library') && random.next() < 0.5;
    return { client, transport, user: isUser ? client : '', channels: own, relay: random.next() < 0.25 };
  });
}

export function mixedPublishers(
  count: number,
  perSecond: number,
  channels: readonly string[],
  random: SeededRandom,
): PublisherPlan[] {
  return Array.from({ length: count }, (_, i): PublisherPlan => {
    const via = PUBLISHER_KINDS[i % PUBLISHER_KINDS.length]!;
    const own = random.shuffled(channels).slice(0, Math.max(1, Math.ceil(channels.length / 4)));
    return { p: `p${i + 1}`, via, channels: own, perSecond: perSecond / count, dataBytes: 128, order: 'random' };
  });
}

/** Users who read their own channel alone, over the library. */
export function users(count: number): ReaderPlan[] {
  return Array.from({ length: count }, (_, i): ReaderPlan => {
    return { client: `u${i + 1}`, transport: 'library', user: `u${i + 1}`, channels: [], relay: false };
  });
}

/** Deals items out to so many hands. */
export function dealt<T>(items: readonly T[], hands: number): T[][] {
  return Array.from({ length: hands }, (_, hand) => items.filter((_item, i) => i % hands === hand));
}
