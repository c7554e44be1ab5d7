/** What `after` in the URL of a WebSocket means for each of the channels that the URL names. */
import type { After } from '../../wire/client.js';
import { HalodError } from '../../wire/errors.js';
import { formatPosition, parseStreamPosition } from '../../wire/position.js';

/**
 * A word holds for all of them, the position of a stream is split; that of a message does not say which channel it is of.
 * @throws HalodError `bad-position`
 */
export function startsOf(after: After, channels: readonly string[]): (channel: string) => After {
  if (after === 'now' || after === 'start' || channels.length === 0) return () => after;
  const all = [...new Set(channels)];
  const positions = parseStreamPosition(after, all);
  if (positions !== undefined) return (channel) => formatPosition(positions.get(channel)!);
  const fits = after.startsWith('1!') ? 'is of other channels than these' : 'is of one channel, and these are several';
  throw new HalodError('bad-position', `the position ${fits}: ${all.join(', ')}`.slice(0, 200));
}
