/** History on disk: what was appended comes back as it was, damage costs what follows it in its file, and no more. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, readFile, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { OptionError } from '../../lib/config/options.js';
import type { Restored } from '../../lib/core/channel/ports.js';
import { Stats } from '../../lib/node/stats.js';
import { type HistoryError, Store } from '../../lib/node/store/store.js';
import { until } from './running.js';

const TERMS = { cluster: 'default', slots: 64 };

interface Opened {
  readonly store: Store;
  readonly stats: Stats;
  readonly warnings: { readonly text: string; readonly isAlarm: boolean }[];
  readonly failures: HistoryError[];
}

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'halod-store-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function open(t: ExecutionContext, path: string, terms = TERMS): Promise<Opened> {
  const opened = { stats: new Stats(), warnings: [] as Opened['warnings'], failures: [] as HistoryError[] };
  const watch = {
    warn: (text: string, isAlarm: boolean) => void opened.warnings.push({ text, isAlarm }),
    failed: (error: HistoryError) => void opened.failures.push(error),
  };
  const store = await Store.open(path, terms, watch, opened.stats);
  t.teardown(() => store.close());
  return { ...opened, store };
}

/** A store of one edition with these records, closed again; yields its file. */
async function written(t: ExecutionContext, path: string, texts: readonly string[]): Promise<string> {
  const { store } = await open(t, path);
  store.begin();
  for (const text of texts) store.append(Buffer.from(text));
  await store.close();
  return join(path, (await filesOf(path)).at(-1)!);
}

async function filesOf(path: string): Promise<string[]> {
  return (await readdir(path)).filter((name) => name.startsWith('history-')).sort();
}

function textsOf(store: Store): string[] {
  return [...store.records()].map((record) => Buffer.from(record).toString());
}

test('what was appended comes back in its order, as it was', async (t) => {
  const path = await directory(t);
  await written(t, path, ['one', 'two', 'three']);
  const { store, warnings, stats } = await open(t, path);
  t.deepEqual(textsOf(store), ['one', 'two', 'three']);
  t.deepEqual(textsOf(store), ['one', 'two', 'three'], 'and may be read again');
  t.deepEqual(warnings, []);
  t.is(stats.diskBytes, (await stat(join(path, 'history-000001.log'))).size);
});

test('records of every size come back, whatever piece of the file they lie in', async (t) => {
  const path = await directory(t);
  const sizes = [1, 20, 1024 * 1024 - 9, 3 * 1024 * 1024, 7, 1024 * 1024, 5_000_000, 1];
  const records = sizes.map((size, i) => Buffer.alloc(size, i + 1));
  const { store } = await open(t, path);
  store.begin();
  for (const record of records) store.append(record);
  const read = [...store.records()];
  t.deepEqual(
    read.map(({ length }) => length),
    sizes,
  );
  t.true(read.every((record, i) => records[i]!.equals(record)));
});

test('what is appended can be read at once by another process', async (t) => {
  const path = await directory(t);
  const { store } = await open(t, path);
  store.begin();
  store.append(Buffer.from('one'));
  const copy = await directory(t);
  for (const name of await filesOf(path)) await copyFile(join(path, name), join(copy, name));
  t.deepEqual(textsOf((await open(t, copy)).store), ['one']);
});

test('files of history are for their owner alone', async (t) => {
  const file = await written(t, await directory(t), ['one']);
  t.is((await stat(file)).mode & 0o777, 0o600);
});

test('editions are read from the oldest to the newest, until one is complete and those below it go', async (t) => {
  const path = await directory(t);
  await written(t, path, ['a1', 'a2']);
  await written(t, path, ['b1']);
  const { store, stats } = await open(t, path);
  t.deepEqual(textsOf(store), ['a1', 'a2', 'b1']);
  store.begin();
  store.append(Buffer.from('c1'));
  t.deepEqual(textsOf(store), ['a1', 'a2', 'b1', 'c1']);
  t.deepEqual(await filesOf(path), ['history-000001.log', 'history-000002.log', 'history-000003.log']);
  store.complete();
  store.append(Buffer.from('c2'));
  await store.close();
  t.deepEqual(await filesOf(path), ['history-000003.log']);
  t.deepEqual(textsOf((await open(t, path)).store), ['c1', 'c2']);
  t.is(stats.diskBytes, (await stat(join(path, 'history-000003.log'))).size);
});

test('an edition that begins while the one before it is being completed keeps both', async (t) => {
  const path = await directory(t);
  await written(t, path, ['a']);
  const { store } = await open(t, path);
  store.begin();
  store.append(Buffer.from('b'));
  store.complete();
  store.begin();
  store.append(Buffer.from('c'));
  await store.close();
  t.deepEqual(textsOf((await open(t, path)).store), ['b', 'c']);
});

test('a record that the end of the file tears is left out, and told with its place', async (t) => {
  const path = await directory(t);
  const file = await written(t, path, ['one', 'two', 'three']);
  const { size } = await stat(file);
  await truncate(file, size - 2);
  const { store, warnings } = await open(t, path);
  t.deepEqual(textsOf(store), ['one', 'two']);
  const text = `${file} ends within a record that begins at byte ${size - 17}: 15 bytes are left out`;
  t.deepEqual(warnings, [{ text, isAlarm: false }]);
  t.is(store.restore({ restore: countingRestore }, 0).damaged, 1);
});

test('not even the head of a record needs to be whole', async (t) => {
  const path = await directory(t);
  const file = await written(t, path, ['one', 'two']);
  await truncate(file, (await stat(file)).size - 8);
  const { store, warnings } = await open(t, path);
  t.deepEqual(textsOf(store), ['one']);
  t.regex(warnings[0]!.text, /: 7 bytes are left out/);
});

test('a bit that has turned over ends the reading of its file, and of no other', async (t) => {
  const path = await directory(t);
  const file = await written(t, path, ['one', 'two', 'three']);
  await written(t, path, ['four']);
  const bytes = await readFile(file);
  const at = bytes.indexOf('two');
  bytes[at + 1]! ^= 0x10;
  await writeFile(file, bytes);
  const { store, warnings } = await open(t, path);
  t.deepEqual(textsOf(store), ['one', 'four']);
  const text = `${file} cannot be read from the record on that begins at byte ${at - 12}: ${bytes.length - at + 12} bytes are left out`;
  t.deepEqual(warnings, [{ text, isAlarm: true }]);
  store.begin();
  store.complete();
  await store.close();
  t.deepEqual(await filesOf(path), ['history-000001.log.damaged', 'history-000003.log'], 'it is put aside');
  t.deepEqual(await readFile(`${file}.damaged`), bytes);
});

test('a length that is damaged is not taken for a record that was torn off', async (t) => {
  const path = await directory(t);
  const file = await written(t, path, ['one', 'two', 'three']);
  const bytes = await readFile(file);
  bytes[bytes.indexOf('two') - 10]! ^= 1;
  await writeFile(file, bytes);
  const { store, warnings } = await open(t, path);
  t.deepEqual(textsOf(store), ['one']);
  t.true(warnings[0]!.isAlarm);
  store.begin();
  store.complete();
  await store.close();
  t.deepEqual(await filesOf(path), ['history-000001.log.damaged', 'history-000002.log']);
});

test('zeros at the end of a file, as a loss of power leaves them, are no records', async (t) => {
  const path = await directory(t);
  const file = await written(t, path, ['one']);
  await truncate(file, (await stat(file)).size + 4_096);
  const { store, warnings } = await open(t, path);
  t.deepEqual(textsOf(store), ['one']);
  t.regex(warnings[0]!.text, /: 4096 bytes are left out/);
});

test('a file that begins with something else is left out as a whole, an empty one in silence', async (t) => {
  const path = await directory(t);
  await written(t, path, ['one']);
  await writeFile(join(path, 'history-000007.log'), 'what is this?');
  await writeFile(join(path, 'history-000008.log'), '');
  await writeFile(join(path, 'history.txt'), 'notes');
  const { store, warnings } = await open(t, path);
  t.deepEqual(textsOf(store), ['one']);
  t.deepEqual(
    warnings.map(({ text }) => /history-000007\.log .* byte 0: 13 bytes/.test(text)),
    [true],
  );
  store.begin();
  t.true((await filesOf(path)).includes('history-000009.log'));
});

test('history of another cluster, or of another number of slots, is refused with what to do', async (t) => {
  const path = await directory(t);
  await written(t, path, ['one']);
  const other = await t.throwsAsync(open(t, path, { cluster: 'chat', slots: 64 }), { instanceOf: OptionError });
  t.regex(
    other.message,
    /^--data: .*history-000001\.log belongs to the cluster "default", and this node to "chat"; use/,
  );
  const slots = await t.throwsAsync(open(t, path, { cluster: 'default', slots: 128 }), { instanceOf: OptionError });
  t.regex(slots.message, /was written with --slots 64, and this node has --slots 128; use another directory, or move/);
});

test('a directory that cannot be one is an error of the option', async (t) => {
  const file = join(await directory(t), 'file');
  await writeFile(file, '');
  await t.throwsAsync(open(t, file), { instanceOf: OptionError, message: /^--data: / });
});

test('once a file is gone from its directory nothing is written any more', async (t) => {
  const path = await directory(t);
  const { store, failures } = await open(t, path);
  store.begin();
  store.append(Buffer.from('one'));
  await unlink(join(path, 'history-000001.log'));
  await until(() => failures.length > 0, 'the loss of the file to be noticed');
  t.regex(failures[0]!.message, /^history cannot be kept in .*history-000001\.log: the file was removed/);
  t.is(
    t.throws(() => store.append(Buffer.from('two'))),
    failures[0]!,
  );
  t.is(
    t.throws(() => store.begin()),
    failures[0]!,
  );
});

test('a write that fails is told with its file and cause, and nothing is written after it', async (t) => {
  const path = await directory(t);
  // the second record does not fit into the kilobyte that a file may have
  const program = `
    import { Stats } from ${JSON.stringify(new URL('../../lib/node/stats.js', import.meta.url))};
    import { Store } from ${JSON.stringify(new URL('../../lib/node/store/store.js', import.meta.url))};
    const store = await Store.open(${JSON.stringify(path)}, ${JSON.stringify(TERMS)}, { warn() {}, failed() {} }, new Stats());
    const attempt = (text) => {
      try { store.append(Buffer.from(text)); return 'written'; } catch (error) { return error.name + ' ' + error.message; }
    };
    store.begin();
    const outcomes = ['one', 'x'.repeat(2_000), 'three'].map(attempt);
    store.complete();
    await store.close();
    console.log(JSON.stringify(outcomes));`;
  const script = `ulimit -f 1; exec "$0" --input-type=module -e "$1"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script, process.execPath, program]);
  const [one, two, three] = JSON.parse(stdout) as string[];
  t.is(one, 'written');
  t.regex(two!, /^HistoryError history cannot be kept in .*history-000001\.log: EFBIG: file too large, write$/);
  t.is(three, two);
  t.is((await stat(join(path, 'history-000001.log'))).size, 1_024);
  const { store, warnings } = await open(t, path);
  t.deepEqual(textsOf(store), ['one']);
  t.is(warnings.length, 1);
});

function countingRestore(records: Iterable<Uint8Array>): Restored {
  return { messages: [...records].length, channels: 0, bytes: 0, damaged: 0 };
}

test('a directory is for one process at a time, however the one before ended', async (t) => {
  const path = await directory(t);
  const program = `
    import { Stats } from ${JSON.stringify(new URL('../../lib/node/stats.js', import.meta.url))};
    import { Store } from ${JSON.stringify(new URL('../../lib/node/store/store.js', import.meta.url))};
    await Store.open(${JSON.stringify(path)}, ${JSON.stringify(TERMS)}, { warn() {}, failed() {} }, new Stats());
    console.log('open');
    setInterval(() => {}, 1_000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => other.kill('SIGKILL'));
  await once(other.stdout, 'data');
  await t.throwsAsync(open(t, path), {
    instanceOf: OptionError,
    message: `--data: ${path} is used by another process`,
  });
  other.kill('SIGKILL');
  await once(other, 'exit');
  const { store } = await open(t, path);
  await t.throwsAsync(open(t, path), { instanceOf: OptionError });
  await store.close();
  await t.notThrowsAsync(open(t, path));
});

test('a directory with a path too long for a socket is held all the same', async (t) => {
  const path = join(await directory(t), 'd'.repeat(120));
  const { store } = await open(t, path);
  await t.throwsAsync(open(t, path), { instanceOf: OptionError, message: /is used by another process$/ });
  await store.close();
});
