/**
 * Publishes the lines of one file, each nick as a publisher session of its own: its lines are numbered 1, 2, 3 … and a
 * retry carries the same number, so it can go through any node and still makes one message. One request is under way
 * per file, so that the lines keep the order of the file.
 */
import { randomBytes } from 'node:crypto';
import type { PublishOutcome } from '../../lib/wire/client.js';
import type { ReplayFile } from './verdict.js';

export interface LineData {
  /** Number of the line in its file, from 1. */
  readonly n: number;
  readonly nick: string;
  readonly line: string;
}

interface Item {
  readonly channel: string;
  readonly data: LineData;
  readonly publisher: string;
  readonly seq: number;
}

export interface PublishingSettings {
  readonly urls: readonly string[];
  /** Lines a second of this file; Infinity for as fast as answers come. */
  readonly linesPerSecond: number;
  readonly linesPerRequest: number;
  readonly sent: (channel: string, n: number) => void;
  readonly stored: (lines: number) => void;
  /** Not to be retried, or retried in vain. */
  readonly refused: (code: string, lines: number) => void;
  readonly retried: (lines: number) => void;
}

const GIVE_UP_MS = 30_000;
const ANSWER_MS = 10_000;
const PACE_MS = 20;

export async function publishFile(file: ReplayFile, turn: number, settings: PublishingSettings): Promise<void> {
  const { linesPerSecond, linesPerRequest } = settings;
  const items = itemsOf(file);
  const startedAt = performance.now();
  let request = turn;
  for (let next = 0; next < items.length; ) {
    const due =
      linesPerSecond === Number.POSITIVE_INFINITY
        ? items.length
        : Math.ceil(((performance.now() - startedAt) * linesPerSecond) / 1_000);
    const end = Math.min(items.length, due, next + linesPerRequest);
    if (end > next) {
      await publishBatch(items.slice(next, end), request++, settings);
      next = end;
    } else {
      await pause(PACE_MS);
    }
  }
}

function itemsOf({ channel, lines }: ReplayFile): Item[] {
  const sessions = new Map<string, { readonly publisher: string; seq: number }>();
  return lines.map(({ nick, line }, index) => {
    let session = sessions.get(nick);
    if (!session) {
      session = { publisher: randomBytes(12).toString('base64url'), seq: 0 };
      sessions.set(nick, session);
    }
    return { channel, data: { n: index + 1, nick, line }, publisher: session.publisher, seq: ++session.seq };
  });
}

async function publishBatch(batch: readonly Item[], turn: number, settings: PublishingSettings): Promise<void> {
  for (const { channel, data } of batch) settings.sent(channel, data.n);
  const startedAt = performance.now();
  let left = batch;
  for (let tries = 0; ; tries++) {
    const url = settings.urls[(turn + tries) % settings.urls.length]!;
    const outcomes = await post(url, left, performance.now() - startedAt);
    const again: Item[] = [];
    for (const [i, item] of left.entries()) {
      const outcome = outcomes?.[i];
      if (outcome && !('error' in outcome)) settings.stored(1);
      else if (outcome && !outcome.error.retry) settings.refused(outcome.error.code, 1);
      else again.push(item);
    }
    if (again.length === 0) return;
    if (performance.now() - startedAt > GIVE_UP_MS) return settings.refused('timeout', again.length);
    settings.retried(again.length);
    left = again;
    await pause(Math.random() * Math.min(1_000, 20 * 2 ** tries));
  }
}

/** undefined where no answer came. */
async function post(
  url: string,
  items: readonly Item[],
  ageMs: number,
): Promise<readonly PublishOutcome[] | undefined> {
  try {
    const response = await fetch(`${url}/v1/publish`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: items.map((item) => ({ ...item, ageMs: Math.round(ageMs) })) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const answer = (await response.json()) as {
      results?: readonly PublishOutcome[];
      error?: { code: string; message: string; retry: boolean };
    };
    if (answer.results) return answer.results;
    const error = answer.error as Extract<PublishOutcome, { error: unknown }>['error'];
    return items.map(() => ({ error }));
  } catch {
    return undefined;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
