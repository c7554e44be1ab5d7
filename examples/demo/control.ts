/**
 * Lets the page add, drain and kill nodes: a small HTTP server on loopback that wants a key, which only the address
 * printed by the demo holds. Any other page open in the same browser can reach it, but not use it.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ControlActions {
  add(): Promise<void>;
  drain(node: number): void;
  kill(node: number): void;
}

export interface ControlServer {
  readonly port: number;
  readonly key: string;
  close(): void;
}

export async function startControl(actions: ControlActions): Promise<ControlServer> {
  const key = randomBytes(18).toString('base64url');
  const server: Server = createServer(async (request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', 'authorization');
    if (request.method === 'OPTIONS') {
      response.writeHead(204).end();
      return;
    }
    const [status, text] = await act(request, key, actions);
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, key, close: () => void server.close() };
}

async function act(request: IncomingMessage, key: string, actions: ControlActions): Promise<readonly [number, string]> {
  if (!sameKey(request.headers.authorization ?? '', `Bearer ${key}`))
    return [401, 'open the address that the demo printed'];
  const match = /^\/(add|drain|kill)(?:\/(\d{1,6}))?$/.exec(request.url ?? '');
  if (request.method !== 'POST' || !match) return [404, 'no such action'];
  try {
    if (match[1] === 'add') await actions.add();
    else if (match[1] === 'drain') actions.drain(Number(match[2]));
    else actions.kill(Number(match[2]));
    return [200, 'done'];
  } catch (error) {
    return [409, (error as Error).message];
  }
}

function sameKey(given: string, wanted: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(wanted);
  return a.length === b.length && timingSafeEqual(a, b);
}
