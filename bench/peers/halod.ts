/** halod itself, as its users start it: the command, one process per node, all joining through the first. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from '../harness/processes.js';
import type { Peer, StartedCluster } from './peer.js';

const COMMAND = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));
const AGREED_MS = 20_000;

/** What a node is started with; it may keep its files in this directory. */
type OptionsOf = (directory: string) => readonly string[];

interface Ready {
  readonly id: string;
  readonly url: string;
}

async function start(nodes: number, directory: string, options: OptionsOf): Promise<StartedCluster> {
  const processes: ServerProcess[] = [];
  const ready: Ready[] = [];
  for (let index = 0; index < nodes; index++) {
    const seeds = ready.slice(0, 1).flatMap(({ url }) => ['--seed', url]);
    const { process: server, line } = await ServerProcess.start({
      role: 'node',
      name: `halod${index}`,
      command: process.execPath,
      args: [
        ...(process.env['BENCH_HALOD_NODE_ARGS'] ?? '').split(' ').filter(Boolean),
        COMMAND,
        'start',
        '--port',
        '0',
        '--json',
        ...seeds,
        ...options(join(directory, `halod${index}`)),
      ],
      directory,
      env: { NODE_ENV: 'production' },
      ready: { line: /"event":"ready"/ },
    });
    processes.push(server);
    ready.push(JSON.parse(line) as Ready);
  }
  await agreed(ready, nodes);
  return {
    endpoints: ready.map(({ url }) => ({ host: '127.0.0.1', port: Number(new URL(url).port) })),
    nodes: processes,
    brokers: [],
  };
}

/** Waits until every node has the same table and every node owns a share of it. */
async function agreed(ready: readonly Ready[], nodes: number): Promise<void> {
  const deadline = Date.now() + AGREED_MS;
  for (;;) {
    const views = await Promise.all(
      ready.map(
        async ({ url }) =>
          (await (await fetch(`${url}/v1/cluster`)).json()) as {
            iteration: string;
            nodes: { state: string; slots: number }[];
          },
      ),
    );
    const isSame = views.every((view) => view.iteration === views[0]!.iteration);
    const serving = views[0]!.nodes.filter((node) => node.state === 'alive' && node.slots > 0);
    if (isSame && serving.length === nodes) return;
    if (Date.now() > deadline)
      throw new Error(`halod's nodes did not agree within ${AGREED_MS / 1_000} s: ${JSON.stringify(views)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function peerOf(name: string, title: string, guarantee: string, configuration: string, options: OptionsOf): Peer {
  return {
    name,
    title,
    guarantee,
    configuration,
    wire: 'halod',
    isClustered: true,
    recovers: true,
    check(root) {
      if (!existsSync(COMMAND)) return { isAvailable: false, why: 'halod is not built', install: 'npm run build' };
      return {
        isAvailable: true,
        versions: {
          halod: (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
        },
      };
    },
    start: (nodes, directory) => start(nodes, directory, options),
  };
}

const COMMON =
  'one Node process a node, readers over WebSocket (JSON) at the node that owns their channel, publisher over one WebSocket to node 0 (up to 256 messages a frame), each message acknowledged';

export const halod = peerOf('halod', 'halod', 'each message once', `${COMMON}; copies 3, acks 2`, () => []);

export const halodOnDisk = peerOf(
  'halod-disk',
  'halod, history on disk',
  'each message once, also when all nodes are killed',
  `${COMMON}; copies 3, acks 2, --data (written before it is acknowledged, on the disk within a second)`,
  (directory) => ['--data', directory],
);

export const halodSingle = peerOf(
  'halod-1',
  'halod, copies 1',
  'each message once, while its node lives',
  `${COMMON}; copies 1, acks 1`,
  () => ['--copies', '1', '--acks', '1'],
);
