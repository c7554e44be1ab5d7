/**
 * How large V8 lets its nursery grow, which is 16 MB by default. Most of what is young on a node stays, for it is history:
 * each collection of a large nursery then stops the loop for 10 to 20 ms, and the 99th percentile of latency is that pause. A
 * small one is collected more often, for 1 ms, at 5 to 25 % more CPU. So it stays as it starts (1 MB) while the loop has rest,
 * and grows once it has none and throughput is all that counts.
 */
import { setFlagsFromString } from 'node:v8';
import type { Node } from '../node/node.js';

export function paceNursery(node: Node): void {
  mayGrow(false);
  node.on('busy', mayGrow);
}

function mayGrow(may: boolean): void {
  setFlagsFromString(`--semi-space-growth-factor=${may ? 2 : 1}`);
}
