/** Whom to tell news: linked peers in turn, so that no link is opened for gossip; suspects only where there is nobody else. */
import type { NodeId } from '../../wire/ids.js';
import type { Random } from '../random.js';
import type { Links } from './links.js';
import type { View } from './view.js';

/** Links looked at to find some that work. */
const TRIES_MAX = 32;

/** Up to `count` members; any of the view where there are no `links` to choose from. */
export function audience(
  view: View,
  links: Links | undefined,
  count: number,
  self: NodeId,
  random: Random,
): readonly NodeId[] {
  const targets: NodeId[] = [];
  const suspects: NodeId[] = [];
  const linked = links !== undefined && links.peers.length >= count ? links : undefined;
  const tries = Math.max(3 * count, linked ? Math.min(linked.peers.length, TRIES_MAX) : 0);
  for (let i = 0; i < tries && targets.length < count; i++) {
    const id = linked ? linked.next(random) : view.entries[random.below(view.entries.length)]?.id;
    if (id === undefined || id === self) continue;
    const entry = view.get(id);
    const chosen = entry?.state === 'suspect' ? suspects : entry?.live !== false ? targets : undefined;
    if (chosen && !chosen.includes(id)) chosen.push(id);
  }
  return targets.length > 0 ? targets : suspects.slice(0, count);
}
