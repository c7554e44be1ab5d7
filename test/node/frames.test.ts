import test from 'ava';
import { frameOf } from '../../lib/node/transports/frames.js';
import type { Entry } from '../../lib/wire/entry.js';
import type { LineageId } from '../../lib/wire/ids.js';

test('an entry that is ordered anew is written with its new position', (t) => {
  const entry: Entry = {
    lid: 'AAAAAAAA' as LineageId,
    s: 5,
    prev: 4,
    channel: 'room',
    id: 'x',
    publisher: '',
    seq: 0,
    time: 0,
    data: '1',
    others: '~BBBBBBBB.3',
  };
  t.true(frameOf(entry, 'sse').toString().includes('1~AAAAAAAA.5~BBBBBBBB.3'));
  // the node lost the channel and has it again: now the other lineage comes after this entry
  entry.others = '';
  const again = frameOf(entry, 'sse').toString();
  t.true(again.includes('1~AAAAAAAA.5'));
  t.false(again.includes('BBBBBBBB'), 'a reader that resumes from here would never get the other lineage');
});
