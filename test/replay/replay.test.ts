/** The replay as a whole, over two real node processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const MAIN = fileURLToPath(new URL('../../bench/replay/main.js', import.meta.url));

async function replay(args: readonly string[]): Promise<{ code: number; stdout: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout };
}

test('every line of a log reaches every reader once, in order, however odd it is', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'halod-replay-'));
  try {
    const odd = [
      '=== ada has joined',
      '',
      '[07:54] <bo>',
      'no form at all',
      '\u0001\u2028"\\',
      '[07:55]  * ada waves',
      '💬'.repeat(100),
    ];
    const talk = Array.from(
      { length: 300 },
      (_, i) => `[08:${String(i % 60).padStart(2, '0')}] <nick${i % 7}> line ${i}`,
    );
    await writeFile(join(folder, 'a.log'), `${[...odd, ...talk].join('\n')}\n`);
    await writeFile(join(folder, 'b.log'), talk.join('\r\n'));
    const { code, stdout } = await replay([
      '--nodes',
      '2',
      '--readers',
      '2',
      '--json',
      join(folder, 'a.log'),
      join(folder, 'b.log'),
    ]);
    t.like(JSON.parse(stdout), {
      channels: 2,
      lines: 607,
      expected: 1_214,
      delivered: 1_214,
      missing: 0,
      repeated: 0,
      outOfOrder: 0,
      ok: true,
    });
    t.is(code, 0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a file that cannot be read is wrong usage', async (t) => {
  const { code, stdout } = await replay(['--json', '/nowhere/at/all.log']);
  t.is(code, 2);
  t.regex(JSON.parse(stdout).error.message, /ENOENT/);
});
