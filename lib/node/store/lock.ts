/**
 * One process a directory: a socket in it, at which its process listens. So the lock goes with the process, whatever ends
 * it, and only what is left of the socket has to be cleared away.
 */
import { createHash } from 'node:crypto';
import { realpath, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Systems cut or refuse longer paths of sockets (unix(7): 108 with the end, others 104). */
const PATH_BYTES_MAX = 100;
/** Another process that starts at the same moment may be faster. */
const TRIES_MAX = 3;

export interface DirectoryLock {
  release(): Promise<void>;
}

/** @throws Error where another process has it */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const inside = join(directory, 'lock');
  try {
    if (Buffer.byteLength(inside) <= PATH_BYTES_MAX) return await lockAt(inside, directory);
  } catch (error) {
    if (error instanceof TakenError) throw error;
  }
  // the path is too long, or there are no sockets in this file system
  const name = createHash('sha256').update(await realpath(directory));
  return lockAt(join(tmpdir(), `halod-${name.digest('hex').slice(0, 16)}.lock`), directory);
}

class TakenError extends Error {}

async function lockAt(path: string, directory: string): Promise<DirectoryLock> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const server = createServer((socket) => socket.destroy());
    const error = await listen(server, path);
    if (error === null) {
      server.unref();
      return { release: () => new Promise((resolve) => server.close(() => resolve())) };
    }
    if (error.code !== 'EADDRINUSE') throw error;
    if (await isAnswered(path)) break;
    await unlink(path).catch(() => undefined);
  }
  throw new TakenError(`${directory} is used by another process`);
}

function listen(server: Server, path: string): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    server.once('error', resolve);
    // a worker of a group does not share it with the others
    server.listen({ path, exclusive: true }, () => resolve(null));
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
