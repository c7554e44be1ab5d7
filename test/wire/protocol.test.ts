/** PROTOCOL.md says what the code says. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { CLOSE, ERRORS } from '../../lib/wire/errors.js';
import { slotOf } from '../../lib/wire/slot.js';
import { ROOT } from '../architecture/sources.js';

const page = await readFile(join(ROOT, 'lib/wire/PROTOCOL.md'), 'utf8');

function rowsBelow(heading: string): string[][] {
  const section = page.split(`\n${heading}\n`)[1]!.split(/\n#/)[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(1).map((line) => line.slice(2, -2).split(' | '));
}

test('the table of errors is that of the code', (t) => {
  const wanted = Object.entries(ERRORS).map(([code, { status, retry, means }]) => {
    return [`\`${code}\``, String(status), retry ? 'yes' : 'no', means];
  });
  t.deepEqual(rowsBelow('## Errors'), wanted);
});

test('every close code of our own is explained', (t) => {
  const own = Object.values(CLOSE).filter((code) => code >= 4_000);
  t.deepEqual(
    rowsBelow('### Close codes').map(([code]) => Number(code)),
    own,
  );
});

test('the slots of the examples are computed', (t) => {
  for (const [channel, of1024, of16384] of rowsBelow('## Which node owns a channel')) {
    const name = channel!.replaceAll('`', '');
    t.is(slotOf(name, 1_024), Number(of1024), name);
    t.is(slotOf(name, 16_384), Number(of16384), name);
  }
});
