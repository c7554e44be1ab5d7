import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { idOfKey, loadIdentity, verifySignature } from '../../lib/node/identity.js';
import type { NodeId } from '../../lib/wire/ids.js';

async function directory(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'halod-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

test('an id is 20 characters of base32 that follow from the key', (t) => {
  // SHA-256 of 32 zero bytes is 66687aadf862bd776c8fc18b8e9f8e20…
  t.is(idOfKey(new Uint8Array(32)), 'mzuhvlpymk6xo3epygfy' as NodeId);
});

test('a node without a place for its key is somebody new at each start', async (t) => {
  const [a, b] = [await loadIdentity({ data: '', keyFile: '' }), await loadIdentity({ data: '', keyFile: '' })];
  t.not(a.id, b.id);
});

test('a node that keeps its key is the same at each start, with a later boot', async (t) => {
  const data = await directory(t);
  const first = await loadIdentity({ data, keyFile: '' });
  const second = await loadIdentity({ data, keyFile: '' });
  t.is(second.id, first.id);
  t.true(second.boot > first.boot);
  t.is((await stat(join(data, 'identity.key'))).mode & 0o777, 0o600);
  t.true(verifySignature(first.publicKey, Buffer.from('x'), second.sign(Buffer.from('x'))));
});

test('a boot is later than the last one even where the clock went back', async (t) => {
  const data = await directory(t);
  await loadIdentity({ data, keyFile: '' });
  const future = Date.now() + 1e9;
  await writeFile(join(data, 'boot'), `${future}\n`);
  const identity = await loadIdentity({ data, keyFile: '' });
  t.is(identity.boot, future + 1);
  t.is((await identity.raiseBoot(future + 10)).boot, future + 11);
  t.is((await readFile(join(data, 'boot'), 'utf8')).trim(), `${future + 11}`);
});

test('a key file may stand alone, and what is none is an error that names it', async (t) => {
  const keyFile = join(await directory(t), 'node.key');
  const { id } = await loadIdentity({ data: '', keyFile });
  t.is((await loadIdentity({ data: '', keyFile })).id, id);
  await writeFile(keyFile, 'this is no key');
  await t.throwsAsync(loadIdentity({ data: '', keyFile }), { message: /node\.key holds no Ed25519 private key/ });
});

test('a signature is of this key and these bytes', async (t) => {
  const { sign, publicKey } = await loadIdentity({ data: '', keyFile: '' });
  const bytes = Buffer.from('words');
  const signature = sign(bytes);
  t.true(verifySignature(publicKey, bytes, signature));
  t.false(verifySignature(publicKey, Buffer.from('word'), signature));
  t.false(verifySignature(new Uint8Array(32).fill(1), bytes, signature));
  t.false(verifySignature(new Uint8Array(5), bytes, signature));
  t.false(verifySignature(publicKey, bytes, new Uint8Array(64)));
});
