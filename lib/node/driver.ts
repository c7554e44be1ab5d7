/** What the parts of a running node share: the core, its clock, and the pieces round it. */
import type { NodeOptions } from '../config/options.js';
import type { NodeCore } from '../core/api.js';
import type { Random } from '../core/random.js';
import type { Gate } from './auth/gate.js';
import type { Origins } from './auth/origin.js';
import type { Log } from './log.js';
import type { Stats } from './stats.js';
import type { Expiry } from './transports/expiry.js';
import type { WriteQueue } from './transports/outbox.js';
import type { Pinger } from './transports/pinger.js';

export interface Driver {
  readonly core: NodeCore;
  readonly options: NodeOptions;
  readonly url: string;
  readonly stats: Stats;
  readonly gate: Gate;
  readonly origins: Origins;
  readonly random: Random;
  readonly writes: WriteQueue;
  readonly pinger: Pinger;
  readonly expiry: Expiry;
  readonly log: Log;
  /** Monotonic milliseconds, as the core counts them. */
  now(): number;
  /** Something was handed to the core: what it wants sent leaves after this turn, and its timer is set anew. */
  touch(): void;
  /** True once after the process had been stopped for long: what came in meanwhile is too old to be acted on. */
  wasStalled(): boolean;
  /** As SIGTERM: hands over and stops. */
  drainAndStop(): void;
}
