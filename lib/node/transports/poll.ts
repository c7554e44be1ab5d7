/** The driver of one long-poll: gives it a timer and the turns of the event loop, and its reader the answer. */
import { Poll } from '../../core/session/poll.js';
import type { StreamPositions } from '../../core/session/stream-positions.js';
import type { After } from '../../wire/client.js';
import { HalodError } from '../../wire/errors.js';
import type { Access } from '../auth/gate.js';
import type { Driver } from '../driver.js';
import { jsonOf } from './frames.js';
import type { Pinged } from './pinger.js';

export interface PollRequest {
  readonly access: Access;
  readonly positions: StreamPositions;
  readonly after: After;
  readonly mismatched: boolean;
  readonly waitMs: number;
}

/** Resolves with the body of the answer; not at all where its reader has gone. @throws HalodError */
export function poll(request: PollRequest, driver: Driver, gone: AbortSignal): Promise<string> {
  const { access, ...rest } = request;
  const { core, stats, pinger } = driver;
  return new Promise((resolve, reject) => {
    if (gone.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    const waiting: Poll<string> = new Poll<string>(
      { ...rest, user: access.user, grants: access.grants },
      {
        core,
        now: () => driver.now(),
        render: jsonOf,
        touch: () => driver.touch(),
        wakeIn: (ms) => {
          clearTimeout(timer);
          timer = setTimeout(() => waiting.waited(), ms);
        },
        finishSoon: () => void setImmediate(() => waiting.finish(null)),
        finished: (error) => {
          clearTimeout(timer);
          stats.polls--;
          pinger.delete(pinged);
          stats.deliveries += waiting.messages.length;
          // not at once: this may be a step of the core
          setImmediate(() => {
            waiting.release();
            if (error) reject(new HalodError(error.code, error.message));
            else resolve(waiting.answer());
          });
        },
      },
    );
    // it is never pinged, but told like any connection that the node stops
    const pinged: Pinged = {
      alive: true,
      bucket: 0,
      ping: () => undefined,
      silent: () => undefined,
      shutDown: () => waiting.close(),
      abandon: () => undefined,
    };
    stats.polls++;
    pinger.add(pinged);
    waiting.start();
    gone.addEventListener('abort', () => waiting.finish(null), { once: true });
  });
}
