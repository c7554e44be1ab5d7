/**
 * Server of the Socket.IO peers. Arguments: adapter (`none`, `classic`, `sharded`, `streams`), whether connection state
 * recovery is on (`recovery` or `plain`), Redis port.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { requirePeer } from './require-peer.js';

interface ServerSocket {
  readonly handshake: { readonly query: Readonly<Record<string, string | undefined>> };
  join(room: string): void;
  on(event: string, listener: (...args: never[]) => void): void;
}

interface SocketServer {
  on(event: 'connection', listener: (socket: ServerSocket) => void): void;
  to(room: string): { emit(event: string, data: unknown): void };
}

interface RedisConstructor {
  new (options: { port: number; host: string }): { duplicate(): unknown };
}

const [adapterName, recovery, redisPort] = process.argv.slice(2);
const load = requirePeer();
const { Server } = load('socket.io') as { Server: new (http: unknown, options: unknown) => SocketServer };

function adapter(): unknown {
  if (adapterName === 'none') return undefined;
  const { Redis } = load('ioredis') as { Redis: RedisConstructor };
  const redis = new Redis({ port: Number(redisPort), host: '127.0.0.1' });
  if (adapterName === 'streams') {
    const streams = load('@socket.io/redis-streams-adapter') as {
      createAdapter(redis: unknown, options: unknown): unknown;
    };
    return streams.createAdapter(redis, { maxLen: 100_000, readCount: 1_000 });
  }
  const pubSub = load('@socket.io/redis-adapter') as {
    createAdapter(publish: unknown, subscribe: unknown): unknown;
    createShardedAdapter(publish: unknown, subscribe: unknown, options: unknown): unknown;
  };
  if (adapterName === 'classic') return pubSub.createAdapter(redis, redis.duplicate());
  return pubSub.createShardedAdapter(redis, redis.duplicate(), { subscriptionMode: 'dynamic-private' });
}

const http = createServer();
const shared = adapter();
const io = new Server(http, {
  transports: ['websocket'],
  serveClient: false,
  ...(shared === undefined ? {} : { adapter: shared }),
  ...(recovery === 'recovery'
    ? { connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: true } }
    : {}),
});

io.on('connection', (socket) => {
  const { room, publisher } = socket.handshake.query;
  if (room !== undefined) socket.join(room);
  if (publisher === undefined) return;
  socket.on('pub', (messages: [room: string, data: unknown][], acknowledge?: () => void) => {
    for (const [to, data] of messages) io.to(to).emit('m', data);
    acknowledge?.();
  });
});

http.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
  console.log(`ready ${(http.address() as AddressInfo).port}`),
);
