/** Server of the peer raw-ws: lines `channel payload` from the publisher, each payload to the channel's sockets. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

const SPACE = 0x20;
const LF = 0x0a;
const readers = new Map<string, Set<WebSocket>>();
const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });

function publish(batch: Buffer): void {
  for (let at = 0; at < batch.length; ) {
    const space = batch.indexOf(SPACE, at);
    const end = batch.indexOf(LF, space);
    const sockets = readers.get(batch.toString('latin1', at, space));
    if (sockets !== undefined) {
      const payload = batch.subarray(space + 1, end);
      for (const socket of sockets) socket.send(payload, { binary: false });
    }
    at = end + 1;
  }
}

server.on('connection', (socket, request) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname === '/publish') {
    const acknowledges = url.searchParams.has('acks');
    socket.on('message', (batch: Buffer) => {
      publish(batch);
      if (acknowledges) socket.send('');
    });
    return;
  }
  const channel = url.searchParams.get('channel') ?? '';
  let sockets = readers.get(channel);
  if (sockets === undefined) {
    sockets = new Set();
    readers.set(channel, sockets);
  }
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
  socket.on('error', () => {});
});

http.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
  console.log(`ready ${(http.address() as AddressInfo).port}`),
);
