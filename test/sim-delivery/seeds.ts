/** Seeds that once showed a bug of the product or of the simulator, and what it was. */
import type { DeliveryTemper } from '../../lib/sim/delivery/scenario.js';

export const REGRESSIONS: readonly (readonly [number, DeliveryTemper, string])[] = [
  [28, 'noisy', 'a node restarted while cut off called lineages unknown at once'],
  [71, 'noisy', 'a cut wire lost frames from the middle of a stream'],
  [161, 'triggered', 'a reader was sent what repeated its own messages while two owners merged'],
  [275, 'noisy', 'a position given to the application did not begin with its own entry'],
  [3, 'noisy', 'a link that one end had ended was joined again'],
  [13, 'noisy', 'a dial that failed late ended a link that stood'],
  [35, 'triggered', 'more nodes were taken away than the promise covers'],
];
