/** A process of clients: many readers and publishers, one history file, told what to do by the orchestrator. */
import { HistoryFile } from '../harness/recorder.js';
import { LibraryReader } from './library-reader.js';
import { type Reader, ReaderLog } from './log.js';
import type { Answered, Asked, ClientsCommand, ClientsCounts, ClientsSetup, LastAcked, ReaderPlan } from './plan.js';
import { PollReader } from './poll-reader.js';
import { Publishing } from './publishing.js';
import { StreamReader } from './stream-reader.js';
import { WebSocketReader } from './websocket-reader.js';

const SUBSCRIBED_MS = 60_000;
const FLUSH_MS = 1_000;

let file: HistoryFile | undefined;
const readers = new Map<string, Reader>();
const publishers: Publishing[] = [];

function readerOf(plan: ReaderPlan, urls: readonly string[], first: number): Reader {
  const log = new ReaderLog(plan, file!);
  switch (plan.transport) {
    case 'library':
    case 'library-sse':
    case 'library-poll':
      return new LibraryReader(log, urls);
    case 'ws-json':
    case 'ws-msgpack':
      return new WebSocketReader(log, urls, first);
    case 'sse':
    case 'ndjson':
      return new StreamReader(log, urls, first);
    case 'poll':
      return new PollReader(log, urls, first);
  }
}

async function setUp(setup: ClientsSetup): Promise<void> {
  file = new HistoryFile(setup.file);
  setInterval(() => file?.flush(), FLUSH_MS);
  for (const plan of setup.publishers) publishers.push(new Publishing(plan, setup.urls, file, setup.copiesDue));
  for (const [index, plan] of setup.readers.entries()) readers.set(plan.client, readerOf(plan, setup.urls, index));
  const waiting = [...readers.values()];
  await Promise.all(
    Array.from({ length: setup.atOnce }, async () => {
      for (let reader = waiting.pop(); reader !== undefined; reader = waiting.pop()) await subscribed(reader);
    }),
  );
}

function subscribed(reader: Reader): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${reader.log.plan.client} (${reader.log.plan.transport}) is not subscribed`)),
      SUBSCRIBED_MS,
    );
    reader.log.onChange(() => {
      if (!reader.log.isSubscribed) return;
      clearTimeout(timer);
      reader.log.onChange(() => {});
      resolve();
    });
    reader.start();
  });
}

function lastAcked(): LastAcked {
  const last: Record<string, Record<string, readonly number[]>> = {};
  for (const { plan, lastAcked: acked } of publishers) {
    for (const [channel, numbers] of acked) {
      last[channel] ??= {};
      last[channel][plan.p] = numbers;
    }
  }
  return last;
}

/** Readers that lack something, with what. */
function missing(last: LastAcked): string[] {
  const lacking: string[] = [];
  for (const { log } of readers.values()) {
    for (const channel of log.channels) {
      for (const [p, numbers] of Object.entries(last[channel] ?? {})) {
        const n = numbers.find((number) => !log.has(channel, p, number));
        if (n !== undefined) lacking.push(`${log.plan.client} (${log.plan.transport}): ${p} ${n} in ${channel}`);
      }
    }
  }
  return lacking;
}

async function awaitAll(last: LastAcked, deadlineMs: number): Promise<string[]> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const lacking = missing(last);
    if (lacking.length === 0 || performance.now() > deadline) return lacking.slice(0, 20);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function counts(): ClientsCounts {
  const sum = { delivered: 0, acked: 0, unknown: 0, refused: 0, gaps: 0, pending: 0 };
  for (const { log } of readers.values()) {
    sum.delivered += log.counts.delivered;
    sum.gaps += log.counts.gaps;
  }
  for (const publisher of publishers) {
    sum.acked += publisher.counts.acked;
    sum.unknown += publisher.counts.unknown;
    sum.refused += publisher.counts.refused;
    sum.pending += publisher.pending;
  }
  return sum;
}

async function carryOut(command: ClientsCommand): Promise<unknown> {
  switch (command.do) {
    case 'setup':
      return setUp(command.setup);
    case 'publish':
      for (const publisher of publishers) publisher.start();
      return;
    case 'burst':
      await Promise.all(publishers.map((publisher) => publisher.burst(command.count)));
      return;
    case 'settle':
      for (const publisher of publishers) publisher.stop();
      await Promise.all(publishers.map((publisher) => publisher.settled()));
      return lastAcked();
    case 'await':
      return awaitAll(command.last, command.deadlineMs);
    case 'away':
      for (const client of command.clients) readers.get(client)?.away();
      return;
    case 'return':
      for (const client of command.clients) readers.get(client)?.back();
      return;
    case 'counts':
      return counts();
    case 'where':
      return Object.fromEntries([...readers.values()].map(({ log }) => [log.plan.client, log.node]));
    case 'finish':
      // what the clients see while they close is no part of the run
      file!.close();
      file = undefined;
      return;
  }
}

process.on('message', (asked: Asked) => {
  carryOut(asked.command).then(
    (result) => answer({ ref: asked.ref, result }, asked.command.do === 'finish'),
    (error: unknown) => answer({ ref: asked.ref, error: (error as Error).stack ?? String(error) }, false),
  );
});
process.on('disconnect', () => process.exit(1));

function answer(message: Answered, isLast: boolean): void {
  process.send!(message, () => isLast && process.exit(0));
}
