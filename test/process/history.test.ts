/**
 * History on disk with real processes: what was acknowledged is there once and in order after every node was killed, read
 * through any of them, and readers go on where they were.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { until, viewOf } from '../../bench/torture/harness/cluster.js';
import type { Place } from '../../bench/torture/harness/network.js';
import { NodeProcess } from '../../bench/torture/harness/node-process.js';
import { PATIENCE_MS } from './started.js';

const CHANNEL = 'room';

interface Message {
  readonly id: string;
  readonly data: unknown;
  readonly position: string;
}

/** A node that is started again at its address, with its directory. */
class Kept {
  readonly name: string;
  readonly #data: string;
  readonly #options: readonly string[];
  #process: NodeProcess | null = null;
  #port = 0;

  constructor(t: ExecutionContext, name: string, directory: string, options: readonly string[]) {
    this.name = name;
    this.#data = join(directory, name);
    this.#options = ['--preset', 'local', '--slots', '64', ...options];
    t.teardown(() => this.#process?.kill());
  }

  get process(): NodeProcess {
    return this.#process!;
  }

  get url(): string {
    return this.process.url;
  }

  async start(seeds: readonly Kept[] = [], prefix: readonly string[] = []): Promise<void> {
    const options = ['--host', '127.0.0.1', '--port', `${this.#port}`, '--data', this.#data, ...this.#options];
    const place: Place = { name: this.name, prefix, options };
    const others = seeds.filter((seed) => seed !== this).flatMap(({ url }) => ['--seed', url]);
    this.#process = await NodeProcess.start({ name: this.name, place, options: others });
    this.#port = Number(new URL(this.url).port);
  }

  async publish(id: string): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/v1/publish`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ channel: CHANNEL, data: id, id }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      return response.ok;
    } catch {
      return false;
    }
  }

  async history(after = 'start'): Promise<{ messages: Message[]; gap: boolean }> {
    const response = await fetch(`${this.url}/v1/history/${CHANNEL}?limit=1000&after=${encodeURIComponent(after)}`);
    return (await response.json()) as { messages: Message[]; gap: boolean };
  }

  /** What a stream brings after a position, until so many messages have come; gaps are told as `gap`. */
  async stream(after: string, wanted: number): Promise<unknown[]> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), PATIENCE_MS);
    const got: unknown[] = [];
    const url = `${this.url}/v1/subscribe?channel=${CHANNEL}&relay=1&after=${encodeURIComponent(after)}`;
    const response = await fetch(url, { headers: { accept: 'application/x-ndjson' }, signal: abort.signal });
    let rest = '';
    try {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop()!;
        for (const line of lines.filter((each) => each !== '')) {
          const { type, data } = JSON.parse(line) as { type?: string; data?: unknown };
          if (type === undefined) got.push(data);
          else if (type === 'gap') got.push('gap');
        }
        if (got.length >= wanted) return got;
      }
      return got;
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }
}

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'halod-history-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

function idsOf({ messages }: { readonly messages: readonly Message[] }): string[] {
  return messages.map(({ id }) => id);
}

test.serial('a node that is killed right after its last answer has everything when it is started again', async (t) => {
  const node = new Kept(t, 'n1', await directory(t), []);
  await node.start();
  const ids = Array.from({ length: 200 }, (_, i) => `m${i}`);
  for (const id of ids) t.true(await node.publish(id), id);
  const before = await node.history();
  // a reader that has the first half
  const { position } = before.messages[99]!;
  await node.process.kill();
  await node.start();
  t.true(await node.publish(ids[17]!), 'a retry is still the same message');
  const after = await node.history();
  t.deepEqual(idsOf(after), ids);
  t.false(after.gap);
  t.true(await node.publish('next'));
  t.deepEqual(await node.stream(position, 101), [...ids.slice(100), 'next']);
  const rest = await node.history(position);
  t.deepEqual(idsOf(rest), [...ids.slice(100), 'next']);
  t.false(rest.gap);
  await node.process.kill();
  await node.start();
  t.deepEqual(idsOf(await node.history()), [...ids, 'next'], 'and again');
});

/** Waits until all see all alive in one table. */
async function agreed(nodes: readonly Kept[]): Promise<void> {
  await until('all nodes agree', PATIENCE_MS, async () => {
    const views = await Promise.all(nodes.map(({ url }) => viewOf(url)));
    const isWhole = views.every((view) => view?.nodes.filter(({ state }) => state === 'alive').length === nodes.length);
    return isWhole && new Set(views.map((view) => view?.iteration)).size === 1 ? true : undefined;
  });
}

/** Waits until all nodes tell the same of the channel, and yields it. */
async function sameEverywhere(nodes: readonly Kept[], wanted: ReadonlySet<string>): Promise<string[]> {
  let last: string[][] = [];
  return until(
    'all nodes have every acknowledged message',
    PATIENCE_MS,
    async () => {
      last = (await Promise.all(nodes.map((node) => node.history()))).map(idsOf);
      const isSame = new Set(last.map((ids) => ids.join())).size === 1;
      return isSame && [...wanted].every((id) => last[0]!.includes(id)) ? last[0] : undefined;
    },
    () => last.map((ids) => `${ids.length}: without ${[...wanted].filter((id) => !ids.includes(id))}`).join('; '),
  );
}

test.serial('three nodes that are killed at once while messages come have what they acknowledged', async (t) => {
  const path = await directory(t);
  const nodes = ['n1', 'n2', 'n3'].map((name) => new Kept(t, name, path, []));
  for (const [i, node] of nodes.entries()) await node.start(nodes.slice(0, i));
  await agreed(nodes);
  const acknowledged = new Set<string>();
  let isOver = false;
  const publishing = nodes.map(async (node) => {
    for (let i = 0; !isOver; i++) {
      const id = `${node.name}-${i}`;
      if (await node.publish(id)) acknowledged.add(id);
    }
  });
  await until('messages to be acknowledged', PATIENCE_MS, () => (acknowledged.size >= 150 ? true : undefined));
  const seen = (await nodes[0]!.history()).messages;
  const { position } = seen[Math.floor(seen.length / 2)]!;
  for (const { process } of nodes) process.signal('SIGKILL');
  isOver = true;
  await Promise.all([...publishing, ...nodes.map(({ process }) => process.exited)]);
  await Promise.all([nodes[2]!, nodes[0]!, nodes[1]!].map((node) => node.start(nodes)));
  await agreed(nodes);
  const ids = await sameEverywhere(nodes, acknowledged);
  t.is(new Set(ids).size, ids.length, 'each once');
  for (const node of nodes) {
    const own = ids.filter((id) => id.startsWith(node.name)).map((id) => Number(id.slice(3)));
    t.deepEqual(
      own,
      [...own].sort((a, b) => a - b),
      'in the order of their publisher',
    );
  }
  const had = new Set(seen.slice(0, Math.floor(seen.length / 2) + 1).map(({ id }) => id));
  const missed = ids.filter((id) => !had.has(id)).sort();
  for (const node of nodes) t.deepEqual((await node.stream(position, missed.length)).sort(), missed, node.name);
  for (const node of nodes) t.true(await node.publish(`again-${node.name}`));
});

test.serial('nodes that were all killed may come back one by one, the first of them last', async (t) => {
  const path = await directory(t);
  const nodes = ['n1', 'n2', 'n3'].map((name) => new Kept(t, name, path, []));
  for (const [i, node] of nodes.entries()) await node.start(nodes.slice(0, i));
  await agreed(nodes);
  const ids = Array.from({ length: 60 }, (_, i) => `m${i}`);
  for (const [i, id] of ids.entries()) t.true(await nodes[i % 3]!.publish(id), id);
  for (const { process } of nodes) process.signal('SIGKILL');
  await Promise.all(nodes.map(({ process }) => process.exited));
  for (const i of [2, 1, 0]) await nodes[i]!.start(nodes.slice(0, i));
  await agreed(nodes);
  t.deepEqual((await sameEverywhere(nodes, new Set(ids))).sort(), [...ids].sort());
});

test.serial('a node whose disk is full stops with 1, and has what it acknowledged once there is room', async (t) => {
  const node = new Kept(t, 'n1', await directory(t), []);
  // no file of this process may be larger than 32 kB
  await node.start([], ['bash', '-c', 'ulimit -f 32; exec "$0" "$@"']);
  const acknowledged: string[] = [];
  while (node.process.isLive && acknowledged.length < 5_000) {
    const id = `m${acknowledged.length}`;
    if (!(await node.publish(id))) break;
    acknowledged.push(id);
  }
  t.is(await node.process.exited, 1, node.process.log.join('\n'));
  t.true(node.process.log.some((line) => line.includes('"code":"history-failed"') && line.includes('EFBIG')));
  t.true(acknowledged.length > 100, `${acknowledged.length} acknowledged`);
  await node.start();
  const ids = idsOf(await node.history());
  // the one that was not answered may be there
  t.deepEqual(ids.slice(0, acknowledged.length), acknowledged);
  t.true(ids.length <= acknowledged.length + 1);
});
