/** `halod publish`: one message, or each line of standard input, each answered only when it is stored. */
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { checkMessageId } from '../core/session/grants.js';
import { LIMITS } from '../wire/limits.js';
import { CommandError, EXIT, UsageError } from './failure.js';
import type { CommonOptions } from './main.js';
import { colour, count, printJson, printLine } from './output.js';
import { call } from './request.js';

interface Published {
  readonly id: string;
  readonly channel: string;
  readonly position: string;
  readonly copies: number;
}

type Outcome =
  | Published
  | { readonly error: { readonly code: string; readonly message: string; readonly retry: boolean } };

type PublishOptions = CommonOptions & { readonly id?: string; readonly text?: true };

const TRIES_MAX = 5;
/** Lines of standard input that go into one request. */
const LINES_PER_BATCH = 200;

export async function runPublish(channel: string, data: string, options: PublishOptions): Promise<number> {
  checkChannel(channel);
  if (options.id !== undefined) checkId(options.id);
  if (data === '-') return publishLines(channel, options);
  const published = await publishOnce(channel, readData(data, options), options.id, options);
  if (options.json) printJson(published);
  else
    printLine(
      `${colour('green', 'stored')} on ${count(published.copies)} ${published.copies === 1 ? 'node' : 'nodes'}, id ${published.id}, position ${published.position}`,
    );
  return EXIT.done;
}

/** Retries with one id, so that a lost answer never makes two messages. */
async function publishOnce(
  channel: string,
  data: unknown,
  givenId: string | undefined,
  options: PublishOptions,
): Promise<Published> {
  const id = givenId ?? randomUUID();
  for (let tries = 1; ; tries++) {
    try {
      return await call<Published>(options, '/v1/publish', { channel, data, id });
    } catch (error) {
      if (!(error instanceof CommandError) || !error.retry || error.code === 'unreachable' || tries === TRIES_MAX)
        throw error;
      await pause(100 * 2 ** tries * Math.random());
    }
  }
}

async function publishLines(channel: string, options: PublishOptions): Promise<number> {
  if (options.id !== undefined) throw new UsageError('--id names one message and cannot go with several lines');
  let stored = 0;
  let refused = 0;
  const flush = async (lines: readonly string[]): Promise<void> => {
    const messages = lines.map((line) => ({ channel, data: readData(line, options), id: randomUUID() }));
    const { results } = await call<{ results: Outcome[] }>(options, '/v1/publish', { messages });
    for (const [i, result] of results.entries()) {
      const outcome = 'error' in result && result.error.retry ? await retried(channel, messages[i]!, options) : result;
      if ('error' in outcome) refused++;
      else stored++;
      if (options.json) printJson(outcome);
      else if ('error' in outcome)
        printLine(`${colour('red', 'refused')} ${outcome.error.message} (${outcome.error.code})`);
    }
  };
  let lines: string[] = [];
  for await (const line of createInterface({ input: process.stdin })) {
    if (lines.push(line) < LINES_PER_BATCH) continue;
    await flush(lines);
    lines = [];
  }
  if (lines.length > 0) await flush(lines);
  if (!options.json) printLine(`${count(stored)} stored${refused > 0 ? `, ${count(refused)} refused` : ''}`);
  return refused > 0 ? EXIT.failed : EXIT.done;
}

async function retried(
  channel: string,
  message: { data: unknown; id: string },
  options: PublishOptions,
): Promise<Outcome> {
  try {
    return await publishOnce(channel, message.data, message.id, options);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { error: { code: error.code, message: error.message, retry: error.retry } };
  }
}

function readData(text: string, options: PublishOptions): unknown {
  if (options.text) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function checkChannel(channel: string): void {
  if (channel === '') throw new UsageError('the channel must not be empty', 'bad-channel');
  if (Buffer.byteLength(channel) > LIMITS.channelBytesMax)
    throw new UsageError(`the channel is longer than ${LIMITS.channelBytesMax} bytes`, 'bad-channel');
  if (/\p{Cc}/u.test(channel)) throw new UsageError('the channel holds control characters', 'bad-channel');
}

function checkId(id: string): void {
  try {
    checkMessageId(id);
  } catch {
    throw new UsageError(`--id wants 1 to ${LIMITS.messageIdBytesMax} bytes without control characters`, 'bad-id');
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
