/** Starts peers that are a Node script of this benchmark: n processes, and a Redis where there is more than one. */
import { fileURLToPath } from 'node:url';
import { ServerProcess } from '../harness/processes.js';
import type { StartedCluster } from './peer.js';
import { startRedis } from './redis.js';

export async function startScripts(
  script: string,
  nodes: number,
  directory: string,
  root: string,
  argsOf: (redisPort: number | undefined) => readonly string[],
): Promise<StartedCluster> {
  const file = fileURLToPath(new URL(`./servers/${script}.js`, import.meta.url));
  const redis = nodes > 1 ? await startRedis(directory) : undefined;
  const started = await Promise.all(
    Array.from({ length: nodes }, (_, index) =>
      ServerProcess.start({
        role: 'node',
        name: `${script}${index}`,
        command: process.execPath,
        args: [file, ...argsOf(redis?.port)],
        directory,
        env: { BENCH_ROOT: root, NODE_ENV: 'production' },
        ready: { line: /^ready \d+$/ },
      }),
    ),
  );
  // Adapters connect and subscribe in the background; none of them says when it is done.
  if (redis !== undefined) await new Promise((resolve) => setTimeout(resolve, 700));
  return {
    endpoints: started.map(({ line }) => ({ host: '127.0.0.1', port: Number(line.split(' ')[1]) })),
    nodes: started.map(({ process: server }) => server),
    brokers: redis === undefined ? [] : [redis.process],
  };
}
