/** Random order, in place: every order is as likely as any other (Fisher, Yates). */
import type { Random } from '../random.js';

export function shuffle<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}
