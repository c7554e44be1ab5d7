/** 300 users who read their own channels over the library, and one publisher that writes to them in turn, 500 times a second. */
import { dealt, users } from '../crowd.js';
import type { Arena } from '../harness/arena.js';
import type { Clients } from '../harness/clients.js';

const USERS = 300;
const PER_SECOND = 500;

export async function addSteadyLoad(arena: Arena): Promise<{ channels: string[]; source: Clients }> {
  const readers = users(USERS);
  const channels = readers.map(({ user }) => `@${user}`);
  for (const [i, hand] of dealt(readers, 2).entries()) await arena.addClients({ name: `users${i + 1}`, readers: hand });
  const pace = { perSecond: PER_SECOND, dataBytes: 128, order: 'turn' } as const;
  const publishers = [{ p: 'p1', via: 'publisher', channels, ...pace } as const];
  return { channels, source: await arena.addClients({ name: 'publisher', publishers }) };
}
