/** What retention has removed is not held in memory by the lists that it stood in. */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { Deque } from '../../lib/core/channel/deque.js';
import { Lineage } from '../../lib/core/channel/lineage.js';
import { ChannelLog, StoredEntry } from '../../lib/core/channel/log.js';
import { SlotState } from '../../lib/core/channel/slot.js';
import type { LineageId } from '../../lib/wire/ids.js';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

test('a list lets go of what was taken from its front, while its place is still kept', async (t) => {
  const list = new Deque<object>();
  const fill = () => {
    for (let i = 0; i < 10; i++) list.push({ i });
    return [new WeakRef(list.shift()!), new WeakRef(list.at(1)!)];
  };
  const [first, second] = fill();
  await setImmediate();
  collect();
  t.is(first!.deref(), undefined);
  t.deepEqual(second!.deref(), { i: 1 });
  t.deepEqual([list.first, list.end, list.length], [1, 10, 9]);
});

test('a lineage holds few entries that are gone, and none once it is told', (t) => {
  const slot = new SlotState(0);
  const lineage = new Lineage('AAAAAAAA' as LineageId, slot, null, 0, false);
  const strand = new ChannelLog('room', slot, { strands: 0 }).strandOf(lineage);
  const entries = Array.from({ length: 20 }, (_, i) => new StoredEntry(strand, i + 1, i, '', 'p', i + 1, 1, '1', 1));
  for (const entry of entries) lineage.add(entry);
  const remove = (count: number) => {
    for (const entry of entries.splice(0, count)) {
      entry.gone = true;
      lineage.removed(1);
    }
  };
  remove(10);
  t.is(lineage.at(0), entries[0]);
  remove(3);
  t.is(lineage.at(0)?.gone, true);
  lineage.compact();
  t.is(lineage.at(0), entries[0]);
  t.is(lineage.size, 7);
});
