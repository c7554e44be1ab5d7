import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { completeOptions } from '../../lib/config/complete.js';
import { DEFAULTS, environmentName, OPTIONS, OptionError } from '../../lib/config/options.js';
import { resolveOptions } from '../../lib/config/resolve.js';
import { CHANNELS_DEFAULTS } from '../../lib/core/channel/options.js';
import { coreOptions } from '../../lib/node/core-options.js';
import type { Identity } from '../../lib/node/identity.js';

const flags = (entries: Record<string, unknown> = {}): Map<string, unknown> => new Map(Object.entries(entries));

const resolve = (given: Record<string, unknown>, environment: Record<string, string> = {}, configFile?: string) =>
  resolveOptions({ flags: flags(given), environment, configFile });

async function withFile<T>(content: string, use: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'halod-options-'));
  try {
    const path = join(directory, 'halod.json');
    await writeFile(path, content);
    return await use(path);
  } finally {
    await rm(directory, { recursive: true });
  }
}

const rejects = (
  t: { throwsAsync: (p: Promise<unknown>, e: object) => Promise<unknown> },
  promise: Promise<unknown>,
  message: RegExp,
) => t.throwsAsync(promise, { instanceOf: OptionError, message });

test('without anything given every option has its default', async (t) => {
  const { options, json } = await resolve({});
  t.deepEqual(options, DEFAULTS);
  t.false(json);
});

test('every option has a name, a default of its kind and a help text without a full stop', (t) => {
  for (const spec of OPTIONS) {
    t.regex(spec.name, /^[a-z]+(-[a-z]+)*$/);
    t.regex(spec.help, /[^.]$/);
    t.is(spec.kind.type === 'flag', spec.value === '', spec.name);
    t.notThrows(() => completeOptions({ [spec.key]: spec.default }), spec.name);
  }
  t.is(new Set(OPTIONS.map((spec) => spec.name)).size, OPTIONS.length);
  t.is(new Set(OPTIONS.map((spec) => environmentName(spec.name))).size, OPTIONS.length);
});

test('a flag wins over the environment, the environment over the file, the file over the default', async (t) => {
  await withFile('{"port": 1, "zone": "file", "cluster": "file", "history": 7, "json": true}', async (path) => {
    const environment = { HALOD_PORT: '2', HALOD_ZONE: 'environment', HALOD_CONFIG: path };
    const { options, json } = await resolve({ port: '3' }, environment);
    t.like(options, { port: 3, zone: 'environment', cluster: 'file', history: 7, copies: DEFAULTS.copies });
    t.true(json);
  });
});

test('an unknown name is an error with the nearest name, wherever it stands', async (t) => {
  await rejects(
    t,
    resolve({}, { HALOD_PROT: '1' }),
    /unknown option HALOD_PROT in the environment; did you mean HALOD_PORT\?/,
  );
  await withFile('{"hisotry": 5}', (path) =>
    rejects(t, resolve({}, {}, path), /unknown option hisotry in .*; did you mean history\?/),
  );
  t.throws(() => completeOptions({ seed: ['a'] } as never), {
    instanceOf: OptionError,
    message: /did you mean seeds\?/,
  });
  t.throws(() => completeOptions({ constructor: 1 } as never), { instanceOf: OptionError });
});

test('what Kubernetes sets beside a service named halod is no option', async (t) => {
  const { options } = await resolve(
    {},
    {
      HALOD_PORT: 'tcp://10.0.0.1:7400',
      HALOD_PORT_7400_TCP: 'tcp://10.0.0.1:7400',
      HALOD_PORT_7400_TCP_ADDR: '10.0.0.1',
      HALOD_SERVICE_HOST: '10.0.0.1',
      HALOD_SERVICE_PORT_HTTP: '7400',
    },
  );
  t.is(options.port, DEFAULTS.port);
});

test('an empty variable counts as not set', async (t) => {
  t.is((await resolve({}, { HALOD_PORT: '' })).options.port, DEFAULTS.port);
});

test('a value that cannot be used says what would do', async (t) => {
  await rejects(t, resolve({ port: '70000' }), /--port: "70000" is not a whole number from 0 to 65535/);
  await rejects(t, resolve({ port: '7400x' }), /--port/);
  await rejects(t, resolve({ slots: '1000' }), /--slots: "1000" is not a power of two/);
  await rejects(t, resolve({ 'when-short': 'perhaps' }), /one of auto, accept, refuse/);
  await rejects(t, resolve({}, { HALOD_HISTORY_AGE: 'soon' }), /HALOD_HISTORY_AGE: "soon" is not a time/);
  await rejects(t, resolve({ 'history-memory': '8MiB' }), /a size from 16MiB to 64GiB/);
  await rejects(t, resolve({ cluster: '' }), /--cluster: the name must not be empty/);
  await rejects(t, resolve({ cluster: 'a\u0007b' }), /without control characters/);
  await rejects(t, resolve({ advertise: '10.0.0.5:7400' }), /--advertise: .* is not a URL/);
  await rejects(t, resolve({ seed: [''] }), /--seed/);
});

test('the value of a secret is never part of an error', async (t) => {
  const error = await t.throwsAsync(resolve({ 'api-key': 'hush\n' }), { instanceOf: OptionError });
  t.false(error!.message.includes('hush'));
});

test('sizes and times are read with their units', async (t) => {
  const { options } = await resolve({
    'history-bytes': '2MiB',
    'history-memory': '1.5GiB',
    'history-age': '90s',
    'drain-timeout': '1.5m',
  });
  t.like(options, {
    historyBytes: 2 * 1_024 * 1_024,
    historyMemory: 1.5 * 1_024 ** 3,
    historyAgeMs: 90_000,
    drainTimeoutMs: 90_000,
  });
  t.is((await resolve({ 'history-age': '5' })).options.historyAgeMs, 5_000);
});

test('the core keeps what the options say, and has their defaults itself', async (t) => {
  const identity = { id: 'a', publicKey: new Uint8Array(), boot: 1 } as unknown as Identity;
  t.deepEqual(coreOptions(DEFAULTS, identity, '').channels, CHANNELS_DEFAULTS);
  const { options } = await resolve({ history: 7, 'history-bytes': '2KiB', 'history-memory': '64MiB' });
  t.like(coreOptions(options, identity, '').channels, {
    history: { messages: 7, bytes: 2_048 },
    historyBytesPerNode: 64 * 1_024 ** 2,
  });
});

test('seeds come from repeated flags, or separated by commas', async (t) => {
  t.deepEqual((await resolve({ seed: ['a:1', 'b'] })).options.seeds, ['a:1', 'b']);
  t.deepEqual((await resolve({}, { HALOD_SEED: 'a:1, b' })).options.seeds, ['a:1', 'b']);
});

test('a secret may come from a file, whose last line end is not part of it', async (t) => {
  await withFile('s3cret\n', async (path) => {
    t.is((await resolve({ 'cluster-secret-file': path })).options.clusterSecret, 's3cret');
    t.is((await resolve({}, { HALOD_API_KEY_FILE: path })).options.apiKey, 's3cret');
    await rejects(t, resolve({ 'api-key': 'a', 'api-key-file': path }), /given twice/);
    await rejects(t, resolve({ 'api-key-file': `${path}.none` }), /--api-key-file: ENOENT/);
  });
  await withFile('\n', (path) => rejects(t, resolve({ 'api-key-file': path }), /is empty/));
});

test('a secret by flag wins over its file in the environment', async (t) => {
  t.is((await resolve({ 'api-key': 'mine' }, { HALOD_API_KEY_FILE: '/nowhere' })).options.apiKey, 'mine');
});

test('a config file that is no object of options is an error', async (t) => {
  for (const content of ['[]', 'null', '{', '"port"'])
    await withFile(content, (path) => rejects(t, resolve({}, {}, path), /--config/));
  await rejects(t, resolve({}, {}, '/nowhere/halod.json'), /--config: .*ENOENT/);
});

test('a node beyond loopback wants its secrets, or to be told that it needs none', async (t) => {
  const secrets = { 'cluster-secret': 'a', 'api-key': 'b', 'token-secret': 'c' };
  await rejects(
    t,
    resolve({ host: '0.0.0.0' }),
    /--cluster-secret, --api-key, --token-secret or --token-jwks must be set; --insecure/,
  );
  await rejects(t, resolve({ host: '::', ...secrets, 'api-key': '' }), /so --api-key must be set/);
  t.is((await resolve({ host: '0.0.0.0', insecure: true })).options.host, '0.0.0.0');
  t.is((await resolve({ host: '0.0.0.0', ...secrets })).options.host, '0.0.0.0');
  for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', '::1']) t.is((await resolve({ host })).options.host, host);
});

test('fewer copies than the default of acks lower it, more acks than copies are refused', async (t) => {
  t.is((await resolve({ copies: '1' })).options.acks, 1);
  t.is((await resolve({ copies: '5' })).options.acks, 2);
  await rejects(t, resolve({ copies: '2', acks: '3' }), /--acks: 3 copies cannot be confirmed/);
});

test('createNode takes times in milliseconds and refuses text where a number belongs', (t) => {
  t.is(completeOptions({ historyAgeMs: 5_000 }).historyAgeMs, 5_000);
  t.throws(() => completeOptions({ historyAgeMs: '5s' as never }), { instanceOf: OptionError });
  t.throws(() => completeOptions({ port: 1.5 }), { instanceOf: OptionError });
  t.throws(() => completeOptions({ relay: 'perhaps' as never }), { instanceOf: OptionError });
  t.notThrows(() => completeOptions({ port: undefined as never }));
});
