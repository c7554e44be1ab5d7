/** Socket.IO with its three Redis adapters; on one node the in-memory adapter, as its users would have it. */
import { startScripts } from './node-servers.js';
import { bothOf, checkPackages } from './packages.js';
import type { Peer } from './peer.js';
import { checkRedis } from './redis.js';

function check(root: string) {
  return bothOf(
    checkPackages(root, ['socket.io', 'ioredis', '@socket.io/redis-adapter', '@socket.io/redis-streams-adapter']),
    checkRedis(),
  );
}

type Adapter = 'classic' | 'sharded' | 'streams';

function peerOf(
  adapter: Adapter,
  rest: Pick<Peer, 'name' | 'title' | 'guarantee' | 'configuration' | 'wire' | 'recovers'>,
): Peer {
  const recovery = rest.recovers ? 'recovery' : 'plain';
  return {
    ...rest,
    isClustered: true,
    check,
    start: (nodes, directory, root) =>
      startScripts('socketio', nodes, directory, root, (redisPort) =>
        redisPort === undefined ? ['none', recovery] : [adapter, recovery, String(redisPort)],
      ),
  };
}

const COMMON =
  'WebSocket only; the publisher is a socket on node 0 that emits arrays of up to 256, the handler calls `io.to(room).emit`';

export const socketio = peerOf('classic', {
  name: 'socketio',
  title: 'Socket.IO + Redis',
  guarantee: 'at most once',
  configuration: `${COMMON}; 3 nodes: \`createAdapter\` over ioredis`,
  wire: 'socketio',
  recovers: false,
});

export const socketioSharded = peerOf('sharded', {
  name: 'socketio-sharded',
  title: 'Socket.IO + Redis, sharded',
  guarantee: 'at most once',
  configuration: `${COMMON}; 3 nodes: \`createShardedAdapter\`, dynamic-private`,
  wire: 'socketio',
  recovers: false,
});

export const socketioStreams = peerOf('streams', {
  name: 'socketio-streams',
  title: 'Socket.IO + Redis streams',
  guarantee: 'replayed',
  configuration: `${COMMON}; connection state recovery; 3 nodes: redis-streams-adapter, maxLen 100,000, readCount 1,000`,
  wire: 'socketio-recovery',
  recovers: true,
});
