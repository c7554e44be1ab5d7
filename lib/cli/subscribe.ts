/** `halod subscribe`: prints messages as they arrive, across reconnects and moves, until Ctrl-C or --count. */
import { connect } from '../client/index.js';
import { HalodError } from '../wire/errors.js';
import { parsePosition } from '../wire/position.js';
import { CommandError, EXIT, UsageError } from './failure.js';
import type { CommonOptions } from './main.js';
import { colour, note, printJson, printLine, visible } from './output.js';
import { checkChannel } from './publish.js';
import { nodeUrl } from './request.js';

interface SubscribeOptions extends CommonOptions {
  readonly after: string;
  readonly user?: string;
  readonly token?: string;
  readonly count?: number;
}

interface Shown {
  readonly id: string;
  readonly channel: string;
  readonly data: unknown;
  readonly position: string;
  readonly time: number;
}

export async function runSubscribe(channels: readonly string[], options: SubscribeOptions): Promise<number> {
  for (const channel of channels) checkChannel(channel);
  checkAfter(options.after);
  const client = connect([nodeUrl(options.node)], credentials(options));
  let left = options.count ?? Number.POSITIVE_INFINITY;
  const ended = new Promise<number>((resolve, reject) => {
    const show = (message: Shown): void => {
      if (left === 0) return;
      if (options.json) printJson(pick(message));
      else
        printLine(
          `${colour('dim', clock(message.time))} ${channels.length > 1 || message.channel.startsWith('@') ? `${colour('cyan', visible(message.channel))} ` : ''}${visible(textOf(message.data))}`,
        );
      if (--left === 0) resolve(EXIT.done);
    };
    client.on('message', show);
    for (const channel of new Set(channels)) {
      const subscription = client.subscribe(channel, { after: options.after });
      subscription.on('message', show);
      subscription.on('gap', (gap) => {
        if (options.json) printJson({ event: 'gap', ...gap });
        else note(colour('yellow', `messages of ${visible(channel)} are missing here (${gap.reason})`, process.stderr));
      });
      subscription.on('error', (error) => reject(error));
    }
    client.on('state', (state) => {
      if (state.state === 'closed' && state.error)
        return reject(new CommandError(state.error.code, state.error.message, state.error.retry));
      if (!options.json)
        note(colour('dim', `${state.state}${'url' in state ? ` ${state.url}` : ''}: ${state.reason}`, process.stderr));
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(EXIT.done));
    // A reader such as head closes the pipe when it has enough.
    process.stdout.on('error', () => resolve(EXIT.done));
  });
  try {
    return await ended;
  } finally {
    await client.close();
  }
}

function checkAfter(after: string): void {
  if (after === 'now' || after === 'start') return;
  try {
    parsePosition(after);
  } catch (error) {
    if (!(error instanceof HalodError)) throw error;
    throw new UsageError(`--after wants now, start or the position of a message: ${error.message}`, error.code);
  }
}

function credentials({ token, user, apiKey }: SubscribeOptions) {
  return { ...(apiKey && { apiKey }), ...(token && { token }), ...(user && { user }) };
}

/** The five fields of a message, whatever else the wire carried. */
function pick({ id, channel, data, position, time }: Shown): Shown {
  return { id, channel, data, position, time };
}

function textOf(data: unknown): string {
  return typeof data === 'string' ? data : JSON.stringify(data);
}

function clock(time: number): string {
  return new Date(time).toLocaleTimeString('en-GB');
}
