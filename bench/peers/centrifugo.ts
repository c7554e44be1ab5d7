/** Centrifugo: one process per node; with more than one node, messages go through Redis, which then keeps the history too. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from '../harness/machine.js';
import { freePort, ServerProcess } from '../harness/processes.js';
import { bothOf } from './packages.js';
import type { Availability, Peer, StartedCluster } from './peer.js';
import { checkRedis, startRedis } from './redis.js';

const MODULE = 'github.com/centrifugal/centrifugo/v6';
const VERSION = 'v6.9.1';
const KEPT = 5_000;

/** The one that was installed for the benchmark, else the one of the system. */
function binaryOf(root: string): string {
  const own = join(root, 'bench/peers/bin/centrifugo');
  return existsSync(own) ? own : 'centrifugo';
}

function check(root: string): Availability {
  const binary = binaryOf(root);
  const said = /v([\d.]+)/.exec(outputOf(binary, ['version']) ?? '')?.[1];
  if (said === undefined) {
    return {
      isAvailable: false,
      why: 'centrifugo is not installed',
      install: `GOBIN=$PWD/bench/peers/bin go install ${MODULE}@${VERSION}`,
    };
  }
  // Built by `go install` it does not know its version; the module it was built from is in the binary.
  const built = new RegExp(`\\smod\\s+${MODULE}\\s+v(\\S+)`).exec(outputOf('go', ['version', '-m', binary]) ?? '')?.[1];
  return bothOf({ isAvailable: true, versions: { centrifugo: built ?? said } }, checkRedis());
}

function configurationOf(port: number, redisPort: number | undefined, hasHistory: boolean): string {
  return JSON.stringify({
    http_server: { address: '127.0.0.1', port },
    log: { level: 'error' },
    usage_stats: { disabled: true },
    // Anybody may connect, subscribe and publish: no token to check.
    client: { insecure: true, recovery_max_publication_limit: KEPT },
    http_api: { insecure: true },
    ...(hasHistory
      ? { channel: { without_namespace: { history_size: KEPT, history_ttl: '600s', force_recovery: true } } }
      : {}),
    ...(redisPort === undefined
      ? {}
      : { engine: { type: 'redis', redis: { address: [`redis://127.0.0.1:${redisPort}`] } } }),
  });
}

async function start(nodes: number, directory: string, root: string, hasHistory: boolean): Promise<StartedCluster> {
  const redis = nodes > 1 ? await startRedis(directory) : undefined;
  const started = await Promise.all(
    Array.from({ length: nodes }, async (_, index) => {
      const port = await freePort();
      const name = `centrifugo${index}`;
      const file = join(directory, `${name}.json`);
      writeFileSync(file, configurationOf(port, redis?.port, hasHistory));
      const { process } = await ServerProcess.start({
        role: 'node',
        name,
        command: binaryOf(root),
        args: ['--config', file],
        directory,
        ready: { port },
      });
      return { process, port };
    }),
  );
  return {
    endpoints: started.map(({ port }) => ({ host: '127.0.0.1', port })),
    nodes: started.map(({ process }) => process),
    brokers: redis === undefined ? [] : [redis.process],
  };
}

const common = { isClustered: true, check } as const;

export const centrifugo: Peer = {
  ...common,
  name: 'centrifugo',
  title: 'Centrifugo + Redis',
  guarantee: 'at most once',
  configuration:
    'readers over its WebSocket in JSON, pipelined batches to the HTTP API (3 nodes: parallel ones on 2 connections; 1 node: on 8); no tokens, no presence, no history; 3 nodes: Redis engine',
  wire: 'centrifugo',
  recovers: false,
  start: (nodes, directory, root) => start(nodes, directory, root, false),
};

export const centrifugoHistory: Peer = {
  ...common,
  name: 'centrifugo-history',
  title: 'Centrifugo + Redis, history',
  guarantee: 'replayed',
  configuration:
    'as Centrifugo, 5,000 messages kept per channel (3 nodes: in Redis streams), forced recovery from epoch and offset, all that was missed in one answer',
  wire: 'centrifugo-history',
  recovers: true,
  start: (nodes, directory, root) => start(nodes, directory, root, true),
};
