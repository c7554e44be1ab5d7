/**
 * What an idle connection costs: 10,000 readers, each on a channel of its own, on one node. A few hundred connect first,
 * so that code and pools that are loaded once are not charged to connections. Memory is PSS, garbage included.
 */
import { openFilesMax } from '../harness/machine.js';
import { pause, Stage } from '../harness/stage.js';
import type { Workload } from './workload.js';

const CONNECTIONS = 10_000;
const WARM = 300;
const AT_ONCE = 64;
const SETTLE_MS = 4_000;
const WATCH_S = 3;

export const idle: Workload = {
  name: 'idle',
  title: '10,000 idle connections on one node',
  variants: [{ name: '1 node', nodes: 1 }],
  columns: [
    { key: 'kBEach', title: 'memory a connection, kB', better: 'less' },
    { key: 'connectsPerSecond', title: 'connects/s', better: 'more' },
    { key: 'connectCpuS', title: 'server CPU s for 10,000 connects', better: 'less' },
    { key: 'idleCores', title: 'server cores while idle', better: 'less' },
    { key: 'strangerCores', title: 'strangers, cores' },
  ],
  charts: ['kBEach', 'connectCpuS'],
  fits: () => true,
  async run(peer, variant, { root, payloadBytes, progress }) {
    if (openFilesMax() < CONNECTIONS + WARM + 500) {
      throw new Error(`open files are limited to ${openFilesMax()}; run \`ulimit -n ${CONNECTIONS * 2}\` first`);
    }
    const readers = CONNECTIONS + WARM;
    const stage = await Stage.open(peer, {
      nodes: variant.nodes,
      root,
      kind: 'own',
      readers,
      channels: readers,
      payloadBytes,
      hasPublisher: false,
    });
    try {
      await stage.generator.connect(0, WARM, AT_ONCE);
      await pause(1_500);
      const bytesBefore = stage.pssBytes;
      progress('connect');
      const from = await stage.mark();
      await stage.generator.connect(WARM, readers, AT_ONCE);
      const connected = stage.between(from, await stage.mark());
      progress('settle');
      await pause(SETTLE_MS);
      const bytesAfter = stage.pssBytes;
      const idling = await stage.over(WATCH_S);
      const finish = await stage.generator.finish();
      return {
        figures: {
          kBEach: (bytesAfter - bytesBefore) / CONNECTIONS / 1e3,
          connectsPerSecond: CONNECTIONS / connected.seconds,
          connectCpuS: connected.serverMs / 1e3,
          idleCores: idling.serverMs / 1e3 / idling.seconds,
          strangerCores: connected.strangerCores,
        },
        checks: { lost: 0, repeated: 0, reordered: 0, foreign: 0, unreadable: 0 },
        faults: finish.faults,
      };
    } finally {
      await stage.close();
    }
  },
};
