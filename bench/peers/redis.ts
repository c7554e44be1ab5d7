/** The Redis that some peers share: one process, no persistence, never killed, its CPU counted as the peer's. */
import { outputOf } from '../harness/machine.js';
import { freePort, ServerProcess } from '../harness/processes.js';
import { type Availability, aptMissing } from './peer.js';

export function checkRedis(): Availability {
  const version = /v=([\d.]+)/.exec(outputOf('redis-server', ['--version']) ?? '')?.[1];
  return version === undefined
    ? aptMissing('redis-server', 'redis-server')
    : { isAvailable: true, versions: { 'redis-server': version } };
}

export async function startRedis(
  directory: string,
): Promise<{ readonly process: ServerProcess; readonly port: number }> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory];
  const { process } = await ServerProcess.start({
    role: 'broker',
    name: 'redis',
    command: 'redis-server',
    args,
    directory,
    ready: { port },
  });
  return { process, port };
}
