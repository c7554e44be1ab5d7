/** Server of the peer Faye. Argument: Redis port, or `none` for the memory engine. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { requirePeer } from './require-peer.js';

interface FayeModule {
  NodeAdapter: new (options: unknown) => { attach(server: Server): void };
}

const [redisPort] = process.argv.slice(2);
const load = requirePeer();
const { NodeAdapter } = load('faye') as FayeModule;
const engine =
  redisPort === 'none'
    ? {}
    : { engine: { type: load('faye-redis') as unknown, host: '127.0.0.1', port: Number(redisPort) } };
const bayeux = new NodeAdapter({ mount: '/bayeux', timeout: 45, ...engine });
const http = createServer();
bayeux.attach(http);
http.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
  console.log(`ready ${(http.address() as AddressInfo).port}`),
);
