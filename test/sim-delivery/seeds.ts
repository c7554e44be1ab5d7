/** Seeds that once showed a bug of the product or of the simulator, and what it was. */
import type { DeliveryTemper } from '../../lib/sim/delivery/scenario.js';

export const REGRESSIONS: readonly (readonly [number, DeliveryTemper, string])[] = [
  [28, 'noisy', 'a node restarted while cut off called lineages unknown at once'],
  [71, 'noisy', 'a cut wire lost frames from the middle of a stream'],
  [161, 'triggered', 'a reader was sent what repeated its own messages while two owners merged'],
  [275, 'noisy', 'a position given to the application did not begin with its own entry'],
  [3, 'noisy', 'a link that one end had ended was joined again'],
  [13, 'noisy', 'a dial that failed late ended a link that stood'],
  [5, 'short-history', 'a gap over a second name that no reader had seen was not taken for the message'],
  [264, 'short-history', 'the same, and the messages counted as lost'],
  [387, 'short-history', 'a gap of a poll was held against the messages that came with it'],
  [393, 'short-history', 'an owner removed what it had ordered first, which was not what had been published first'],
  [35, 'triggered', 'more nodes were taken away than the promise covers'],
];
