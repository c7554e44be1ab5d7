/** One Node process with `ws` and a Map: the floor for anything built on `ws`, and no more than that. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from '../harness/processes.js';
import type { Peer } from './peer.js';

const SERVER = fileURLToPath(new URL('./servers/raw-ws.js', import.meta.url));

export const rawWs: Peer = {
  name: 'raw-ws',
  title: 'raw ws',
  guarantee: 'none',
  configuration:
    'one Node process, `ws` 8, a Map from channel to sockets, one `send` per message; no cluster, no history',
  wire: 'raw-ws',
  isClustered: false,
  recovers: false,
  check() {
    const file = createRequire(import.meta.url)
      .resolve('ws')
      .replace(/index\.js$/, 'package.json');
    return {
      isAvailable: true,
      versions: { ws: (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version },
    };
  },
  async start(_nodes, directory) {
    const { process: server, line } = await ServerProcess.start({
      role: 'node',
      name: 'raw-ws',
      command: process.execPath,
      args: [SERVER],
      directory,
      ready: { line: /^ready \d+$/ },
    });
    return { endpoints: [{ host: '127.0.0.1', port: Number(line.split(' ')[1]) }], nodes: [server], brokers: [] };
  },
};
