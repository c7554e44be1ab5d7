/** One server under idle connections: what the system counts as its memory, or what its heap holds, before and after. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pssBytes } from '../harness/proc.js';
import { pause, Stage } from '../harness/stage.js';
import type { Peer } from '../peers/peer.js';
import type { ProbeAnswer } from './probe.js';
import { difference, type Kind, Snapshot } from './snapshot.js';

const PROBE = new URL('./probe.js', import.meta.url).href;
/** Connect first, so that code and pools that are loaded once are not charged to connections. */
export const WARM = 300;
const AT_ONCE = 64;
const WARM_MS = 1_500;
const SETTLE_MS = 4_000;
const ANSWER_MS = 120_000;

export interface Memory {
  /** A connection, garbage included. */
  readonly pssBytes: number;
  /** Of it V8's pages. */
  readonly heapBytes: number;
}

/** Each connection's share of what two looks at the server differ by. */
async function around<T>(
  peer: Peer,
  root: string,
  connections: number,
  mode: 'memory' | 'snapshot',
  look: (pid: number, answer: ProbeAnswer, snapshotFile: string) => T,
): Promise<[before: T, after: T]> {
  process.env['BENCH_NODE_OPTIONS'] = `--import=${PROBE}`;
  process.env['BENCH_PROBE'] = mode;
  const readers = WARM + connections;
  const options = { nodes: 1, root, kind: 'own', readers, channels: readers, payloadBytes: 128 } as const;
  const stage = await Stage.open(peer, { ...options, hasPublisher: false });
  try {
    const { pid } = stage.cluster.nodes[0]!;
    let asked = 0;
    const ask = async (): Promise<T> => {
      asked++;
      process.kill(pid, 'SIGUSR2');
      const file = join(stage.directory, `probe-${asked}`);
      for (let waited = 0; !existsSync(`${file}.json`); waited += 50) {
        if (waited > ANSWER_MS) throw new Error(`${peer.name} did not answer the probe`);
        await pause(50);
      }
      const answer = JSON.parse(readFileSync(`${file}.json`, 'utf8')) as ProbeAnswer;
      return look(pid, answer, `${file}.heapsnapshot`);
    };
    await stage.generator.connect(0, WARM, AT_ONCE);
    await pause(WARM_MS);
    const before = await ask();
    await stage.generator.connect(WARM, readers, AT_ONCE);
    await pause(SETTLE_MS);
    return [before, await ask()];
  } finally {
    await stage.close();
  }
}

export async function memoryOf(peer: Peer, root: string, connections: number): Promise<Memory> {
  const look = (pid: number, { heapBytes }: ProbeAnswer): Memory => ({ pssBytes: pssBytes(pid), heapBytes });
  const [before, after] = await around(peer, root, connections, 'memory', look);
  return {
    pssBytes: (after.pssBytes - before.pssBytes) / connections,
    heapBytes: (after.heapBytes - before.heapBytes) / connections,
  };
}

export async function kindsOf(peer: Peer, root: string, connections: number): Promise<Kind[]> {
  const look = (_pid: number, _answer: ProbeAnswer, file: string) => new Snapshot(readFileSync(file, 'utf8')).kinds();
  const [before, after] = await around(peer, root, connections, 'snapshot', look);
  return difference(before, after, connections);
}
