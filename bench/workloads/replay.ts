/**
 * Real chat: each log is a room, each line that somebody said a message, in the order of the log, to 50 readers a room, as
 * fast as the window allows. Sizes and scripts are those of people, not of a generator.
 */
import { readFileSync } from 'node:fs';
import { pause, Stage } from '../harness/stage.js';
import { COST_COLUMNS, costOf, resultOf, STRANGERS } from './outcome.js';
import { WINDOW } from './unicast.js';
import type { Workload } from './workload.js';

const READERS_PER_ROOM = 50;
const STALLED_MS = 5_000;
const LINE = /^(?:\[\d\d:\d\d(?::\d\d)?\] )?(<[^>]+> .+|\* .+)$/;

export function linesOf(log: string): string[] {
  return log.split(/\r?\n/).flatMap((line) => LINE.exec(line)?.[1] ?? []);
}

export const replay: Workload = {
  name: 'replay',
  title: 'Replay of chat logs: a room each, 50 readers a room',
  variants: [{ name: '3 nodes', nodes: 3 }],
  columns: [
    ...COST_COLUMNS,
    { key: 'messages', title: 'messages' },
    { key: 'rooms', title: 'rooms' },
    { key: 'seconds', title: 'seconds', better: 'less' },
    STRANGERS,
  ],
  charts: ['serverMicros', 'perSecond'],
  fits: (peer, variant) => peer.isClustered || variant.nodes === 1,
  async run(peer, variant, { logs, payloadBytes, root, progress }) {
    const texts = logs.map((file) => linesOf(readFileSync(file, 'utf8'))).filter((lines) => lines.length > 0);
    if (texts.length === 0) throw new Error('no chat logs: give them with --log FILE...');
    const channels = texts.length;
    const readers = channels * READERS_PER_ROOM;
    const messages = texts.reduce((sum, lines) => sum + lines.length, 0);
    const stage = await Stage.open(peer, {
      nodes: variant.nodes,
      root,
      kind: 'shared',
      readers,
      channels,
      payloadBytes,
      texts,
    });
    try {
      progress('connect');
      await stage.generator.connect(0, readers, 50);
      await pause(1_000);
      progress(`${messages} messages`);
      const from = await stage.mark();
      await stage.generator.publish({ do: 'flood', window: WINDOW, order: 'texts' });
      await stage.generator.awaitDelivered(messages * READERS_PER_ROOM, STALLED_MS);
      const interval = stage.between(from, await stage.mark());
      return resultOf(await stage.outcome(), {
        ...costOf(interval),
        messages,
        rooms: channels,
        seconds: interval.seconds,
      });
    } finally {
      await stage.close();
    }
  },
};
