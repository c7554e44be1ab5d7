/** A node with `--data`: its core is given a journal and what was in it, and nothing leaves that could not be written. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { completeOptions } from '../../lib/config/complete.js';
import { type NodeOptions, OptionError } from '../../lib/config/options.js';
import type { NodePorts } from '../../lib/core/api.js';
import type { JournalPort, Restored } from '../../lib/core/channel/ports.js';
import type { AppendRequest } from '../../lib/core/channel/types.js';
import { Core, type CoreOptions } from '../../lib/core/node.js';
import { coreOptions } from '../../lib/node/core-options.js';
import { Node } from '../../lib/node/node.js';
import { HistoryError } from '../../lib/node/store/store.js';
import { LIMITS } from '../../lib/wire/limits.js';
import { call, post, until, Watcher, within } from './running.js';

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'halod-history-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A core that writes down what it is given to publish, as plain text. */
class NotingCore extends Core {
  readonly journal: JournalPort | undefined;
  /** Says that a later boot of this node is about. */
  readonly superseded: NodePorts['superseded'];
  readonly restored: string[] = [];
  /** The next record is too much for the disk. */
  full = false;
  /** Writes before the end of the turn, and takes the error for another one. */
  heedless = false;
  #waiting: string[] = [];

  constructor(options: CoreOptions, { journal, ...ports }: NodePorts) {
    super(options, ports);
    this.journal = journal;
    this.superseded = ports.superseded;
  }

  override restore(records: Iterable<Uint8Array>): Restored {
    for (const record of records) this.restored.push(Buffer.from(record).toString());
    return { messages: this.restored.length, channels: 1, bytes: 0, damaged: 0 };
  }

  override start(now: number): void {
    this.#begin();
    super.start(now);
  }

  override publish(request: AppendRequest, now: number): void {
    super.publish(request, now);
    if (this.full && this.heedless) this.#fail();
    else this.#waiting.push(request.ownId);
  }

  override flush(now: number): void {
    if (this.full && !this.heedless) this.#fail();
    for (const id of this.#waiting.splice(0)) this.journal?.append(Buffer.from(id));
    super.flush(now);
  }

  #fail(): void {
    try {
      this.journal?.append(new Uint8Array(LIMITS.diskRecordBytesMax + 1));
    } catch (error) {
      if (!this.heedless) throw error;
    }
  }

  #begin(): void {
    this.journal?.begin();
    for (const text of this.restored) this.journal?.append(Buffer.from(text));
    this.journal?.complete();
  }
}

function create(t: ExecutionContext, options: Partial<NodeOptions>, makeCore = NotingCore): Node {
  const node = new Node(completeOptions({ port: 0, ...options }), (complete, identity, url, ports) => {
    return new makeCore(coreOptions(complete, identity, url), ports);
  });
  node.on('warning', () => undefined);
  t.teardown(() => node.close({ drain: false }));
  return node;
}

async function start(t: ExecutionContext, options: Partial<NodeOptions>): Promise<{ node: Node; core: NotingCore }> {
  const node = create(t, options);
  await node.start();
  return { node, core: node.core as NotingCore };
}

test('what a node wrote is given to its core when it starts again, before anything else', async (t) => {
  const data = await directory(t);
  const first = await start(t, { data });
  t.deepEqual(first.node.restored, { messages: 0, channels: 1, bytes: 0, damaged: 0 });
  for (const id of ['a', 'b'])
    t.is((await post(first.node, '/v1/publish', { channel: 'room', data: 1, id })).status, 200);
  await first.node.close();
  const second = await start(t, { data });
  t.deepEqual(second.core.restored, ['a', 'b']);
  t.is(second.node.restored?.messages, 2);
  await second.node.close();
  t.deepEqual((await readdir(data)).sort(), ['boot', 'history-000002.log', 'identity.key']);
});

test('a node that starts over above a higher boot takes up what it wrote until then', async (t) => {
  const { node, core } = await start(t, { data: await directory(t) });
  await post(node, '/v1/publish', { channel: 'room', data: 1, id: 'a' });
  core.superseded(core.boot + 1_000);
  await until(() => node.core !== core && node.state === 'serving', 'the node to start over');
  t.deepEqual((node.core as NotingCore).restored, ['a']);
  t.is((await post(node, '/v1/publish', { channel: 'room', data: 2, id: 'b' })).status, 200);
});

test('history stays in memory without --data, also where the key of the node is kept', async (t) => {
  const keyFile = join(await directory(t), 'node.key');
  for (const options of [{}, { keyFile }]) {
    const { node, core } = await start(t, options);
    t.is(core.journal, undefined);
    t.is(node.restored, null);
  }
});

async function stopsWithoutAWord(t: ExecutionContext, { heedless }: Pick<NotingCore, 'heedless'>): Promise<void> {
  const { node, core } = await start(t, { data: await directory(t) });
  core.heedless = heedless;
  const failed = new Promise<Error>((resolve) => node.once('failed', resolve));
  const closed = new Promise<void>((resolve) => node.once('closed', resolve));
  const watcher = await new Watcher(t, `${node.url}/v1/ws?user=alice&channel=room`).opened();
  await watcher.next('subscribed', 2);
  t.is((await post(node, '/v1/publish', { channel: 'room', data: 'kept' })).status, 200);
  await watcher.next('message');
  core.full = true;
  if (!heedless) watcher.send({ type: 'ping' });
  await t.throwsAsync(post(node, '/v1/publish', { channel: 'room', data: 'lost' }));
  t.regex(
    (await within(failed, 'the end of the node')).message,
    /^history cannot be kept in .*: a record of 268435457 b/,
  );
  await within(closed, 'the end of the node');
  t.is(node.state, 'left');
  await watcher.end();
  t.is(watcher.of('message').length, 1);
  t.is(watcher.of('pong').length, 0, 'not even what waited for its turn');
}

test('where a turn cannot be written nothing of it leaves, and the node stops and says why', (t) => {
  return stopsWithoutAWord(t, { heedless: false });
});

test('nothing leaves either where a part of the node took that error for another', (t) => {
  return stopsWithoutAWord(t, { heedless: true });
});

test('a node whose files are taken away stops', async (t) => {
  const data = await directory(t);
  const { node } = await start(t, { data });
  const failed = new Promise<Error>((resolve) => node.once('failed', resolve));
  await rm(data, { recursive: true });
  await post(node, '/v1/publish', { channel: 'room', data: 1 });
  t.regex((await within(failed, 'the end of the node')).message, /the file was removed/);
});

test('a node that cannot begin to write does not start', async (t) => {
  const node = create(
    t,
    { data: await directory(t) },
    class extends NotingCore {
      override start(): void {
        throw new HistoryError('the file', 'the disk is full');
      }
    },
  );
  const error = await t.throwsAsync(within(node.start(), 'the end of the start'), { instanceOf: HistoryError });
  t.is(error.code, 'history-failed');
  await t.throwsAsync(call(node, '/livez'));
});

test('the history of another cluster is refused', async (t) => {
  const data = await directory(t);
  const { node } = await start(t, { data });
  await node.close();
  await t.throwsAsync(create(t, { data, cluster: 'chat' }).start(), { instanceOf: OptionError, message: /"chat"/ });
  await t.throwsAsync(create(t, { data, slots: 64 }).start(), { instanceOf: OptionError, message: /--slots 64/ });
});

test('metrics tell what is written and what the files take', async (t) => {
  const { node } = await start(t, { data: await directory(t) });
  await post(node, '/v1/publish', { channel: 'room', data: 1, id: 'x'.repeat(100) });
  const value = (text: string, name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  const { body } = await call(node, '/metrics');
  t.true(value(body, 'halod_disk_written_bytes_total') > 100);
  t.is(value(body, 'halod_disk_bytes'), value(body, 'halod_disk_written_bytes_total'));
  await until(() => node.stats.diskSyncMs > 0, 'the disk to confirm');
});
