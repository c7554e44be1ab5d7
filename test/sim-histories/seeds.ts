/** Histories that once showed a bug of the product, or of a checker, and what it was. */
import type { HistoryTemper } from '../../lib/sim/histories/scenario.js';

export const REGRESSIONS: readonly (readonly [number, HistoryTemper, string])[] = [
  [105, 'storm', 'a joiner under suspicion was given slots before it had joined'],
  [5132, 'single', 'joiners turned alive and gave slots to one whom all others had found dead'],
  [6, 'churn', 'a newcomer that was told to leave said that it drained, and so owned'],
  [20310, 'split', 'a node behind a cut was expected to have heard that another one had left'],
];
