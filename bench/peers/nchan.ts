/** nchan: the pub/sub module of nginx, one worker per node; with more than one node, messages go through Redis. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from '../harness/machine.js';
import { freePort, ServerProcess } from '../harness/processes.js';
import { bothOf } from './packages.js';
import { type Availability, aptMissing, type Peer, type StartedCluster } from './peer.js';
import { checkRedis, startRedis } from './redis.js';

const MODULES = [
  '/usr/lib/nginx/modules/ngx_nchan_module.so',
  '/usr/share/nginx/modules/ngx_nchan_module.so',
  '/usr/lib64/nginx/modules/ngx_nchan_module.so',
];

function check(): Availability {
  const version = /nginx\/([\d.]+)/.exec(outputOf('nginx', ['-v']) ?? '')?.[1];
  if (version === undefined || !MODULES.some((file) => existsSync(file)))
    return aptMissing('nginx with nchan', 'nginx libnginx-mod-nchan');
  const nchan = /Version: (\S+)/.exec(outputOf('dpkg', ['-s', 'libnginx-mod-nchan']) ?? '')?.[1] ?? 'unknown';
  return bothOf({ isAvailable: true, versions: { nginx: version, nchan } }, checkRedis());
}

function configurationOf(port: number, directory: string, redisPort: number | undefined, hasHistory: boolean): string {
  const isShared = redisPort !== undefined;
  const storage = isShared
    ? `upstream store { nchan_redis_server redis://127.0.0.1:${redisPort}; ${hasHistory ? '' : 'nchan_redis_storage_mode nostore;'} }`
    : '';
  const use = isShared ? 'nchan_redis_pass store;' : '';
  const keep = hasHistory
    ? 'nchan_message_buffer_length 5000; nchan_message_timeout 10m;'
    : isShared
      ? ''
      : 'nchan_store_messages off;';
  return `
load_module ${MODULES.find((file) => existsSync(file))};
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log error;
events { worker_connections 19000; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  keepalive_requests 1000000000;
  nchan_shared_memory_size 1024M;
  ${storage}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/pub/(.+)$ { nchan_publisher; nchan_channel_id $1; ${use} ${keep} }
    location ~ ^/sub/(.+)$ {
      nchan_subscriber websocket; nchan_channel_id $1; nchan_subscriber_first_message newest;
      nchan_subscriber_last_message_id $arg_last_event_id; nchan_websocket_ping_interval 60; ${use} ${hasHistory ? keep : ''}
    }
  }
}
`;
}

async function start(nodes: number, directory: string, hasHistory: boolean): Promise<StartedCluster> {
  const redis = nodes > 1 ? await startRedis(directory) : undefined;
  const started = await Promise.all(
    Array.from({ length: nodes }, async (_, index) => {
      const port = await freePort();
      const own = join(directory, `nginx${index}`);
      mkdirSync(own);
      writeFileSync(join(own, 'nginx.conf'), configurationOf(port, own, redis?.port, hasHistory));
      const args = ['-p', own, '-c', join(own, 'nginx.conf')];
      const { process } = await ServerProcess.start({
        role: 'node',
        name: `nginx${index}`,
        command: 'nginx',
        args,
        directory: own,
        ready: { port },
      });
      return { process, port };
    }),
  );
  if (redis !== undefined) await new Promise((resolve) => setTimeout(resolve, 500));
  return {
    endpoints: started.map(({ port }) => ({ host: '127.0.0.1', port })),
    nodes: started.map(({ process }) => process),
    brokers: redis === undefined ? [] : [redis.process],
  };
}

const common = { isClustered: true, check } as const;

export const nchan: Peer = {
  ...common,
  name: 'nchan',
  title: 'nchan + Redis',
  guarantee: 'at most once',
  configuration:
    'nginx, 1 worker a node, POST on 16 pipelined keep-alive connections; no messages kept; 3 nodes: `nchan_redis_pass`, storage mode nostore',
  wire: 'nchan',
  recovers: false,
  start: (nodes, directory) => start(nodes, directory, false),
};

export const nchanHistory: Peer = {
  ...common,
  name: 'nchan-history',
  title: 'nchan + Redis, history',
  guarantee: 'replayed',
  configuration:
    'as nchan, 5,000 messages kept per channel (3 nodes: in Redis), `ws+meta.nchan`, resumed with `last_event_id`',
  wire: 'nchan-history',
  recovers: true,
  start: (nodes, directory) => start(nodes, directory, true),
};
