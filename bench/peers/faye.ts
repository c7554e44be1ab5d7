/** Faye with faye-redis; on one node its memory engine. */
import { startScripts } from './node-servers.js';
import { bothOf, checkPackages } from './packages.js';
import type { Peer } from './peer.js';
import { checkRedis } from './redis.js';

export const faye: Peer = {
  name: 'faye',
  title: 'Faye + Redis',
  guarantee: 'replayed',
  configuration:
    'Bayeux over WebSocket; 3 nodes: faye-redis; a reader comes back with the same clientId and its queue is replayed',
  wire: 'faye',
  isClustered: true,
  recovers: true,
  check: (root) => bothOf(checkPackages(root, ['faye', 'faye-redis', 'redis']), checkRedis()),
  start: (nodes, directory, root) =>
    startScripts('faye', nodes, directory, root, (redisPort) => [redisPort === undefined ? 'none' : String(redisPort)]),
};
