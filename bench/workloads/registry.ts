/** Every workload, in the order in which they run and are printed. */
import { away } from './away.js';
import { crash } from './crash.js';
import { fanout } from './fanout.js';
import { growth } from './growth.js';
import { idle } from './idle.js';
import { latency } from './latency.js';
import { replay } from './replay.js';
import { unicast } from './unicast.js';
import type { Workload } from './workload.js';

export const WORKLOADS: readonly Workload[] = [unicast, latency, fanout, idle, away, crash, replay, growth];
