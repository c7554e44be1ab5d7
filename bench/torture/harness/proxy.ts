/**
 * A network for those who are not root: every node is advertised through a proxy of this process, which can hold back
 * what passes. Who dials is found out through /proc: the socket's other end belongs to one of the nodes, or to a client.
 * Bytes that are held back wait; when the cut heals, the connections they belong to are reset, as a cable that was
 * pulled for long leaves them.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Network, Place } from './network.js';

interface Behind extends Place {
  readonly server: Server | undefined;
  readonly port: number;
  target: number;
  pid: number;
}

interface Passage {
  /** The dialler's socket; a node dials before its process is known to be ready, so it is looked up when it matters. */
  readonly inode: string | undefined;
  from: Behind | undefined;
  readonly to: Behind;
  readonly ends: readonly [Socket, Socket];
  held: boolean;
}

export class ProxyNetwork implements Network {
  readonly kind = 'proxy';
  readonly canCut = true;
  readonly #places: Behind[] = [];
  readonly #passages = new Set<Passage>();
  /** `from>to`. */
  readonly #cuts = new Set<string>();

  async addNode(name: string): Promise<Place> {
    const port = await freePort();
    const place = { name, prefix: [], options: [] as string[], port: 0, target: port, pid: 0 } as unknown as Behind;
    const server = createServer((socket) => this.#accept(place, socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port: front } = server.address() as { port: number };
    const options = ['--host', '127.0.0.1', '--port', String(port), '--advertise', `http://127.0.0.1:${front}`];
    this.#places.push(Object.assign(place, { server, port: front, options }));
    return place;
  }

  async addClients(name: string): Promise<Place> {
    const place = { name, prefix: [], options: [], server: undefined, port: 0, target: 0, pid: 0 };
    this.#places.push(place);
    return place;
  }

  nodeStarted(place: Place, pid: number): void {
    (place as Behind).pid = pid;
  }

  cut(a: Place, b: Place): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  /** A proxied connection is held in both directions: half of one cannot be told from a cut of both. */
  cutOneWay(from: Place, to: Place): void {
    this.#cuts.add(`${from.name}>${to.name}`);
    for (const passage of this.#passages) if (this.#isCut(passage)) hold(passage);
  }

  heal(): void {
    this.#cuts.clear();
    for (const passage of this.#passages) if (passage.held) for (const end of passage.ends) end.resetAndDestroy();
  }

  async close(): Promise<void> {
    for (const passage of this.#passages) for (const end of passage.ends) end.destroy();
    for (const { server } of this.#places) server?.close();
  }

  #isCut(passage: Passage): boolean {
    const { inode, to } = passage;
    if (this.#cuts.size === 0 || inode === undefined) return false;
    passage.from ??= this.#places.find((place) => place.pid > 0 && owns(place.pid, inode));
    const { from } = passage;
    // a client in the open
    if (from === undefined) return false;
    return this.#cuts.has(`${from.name}>${to.name}`) || this.#cuts.has(`${to.name}>${from.name}`);
  }

  #accept(to: Behind, socket: Socket): void {
    const inode = inodeOf(socket.remotePort!);
    const onward = connect({ port: to.target, host: '127.0.0.1' });
    const passage: Passage = { inode, from: undefined, to, ends: [socket, onward], held: false };
    this.#passages.add(passage);
    for (const [end, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      end.setNoDelay(true);
      end.on('error', () => {});
      end.on('close', () => {
        this.#passages.delete(passage);
        // What a dead node's kernel says does not pass a cut either.
        if (!passage.held) other.destroy();
      });
      end.pipe(other);
    }
    if (this.#isCut(passage)) hold(passage);
  }
}

function hold(passage: Passage): void {
  passage.held = true;
  const [a, b] = passage.ends;
  a.unpipe(b);
  b.unpipe(a);
  a.pause();
  b.pause();
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The socket on this machine whose own port is `port`, as the kernel numbers sockets. */
function inodeOf(port: number): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[1]?.endsWith(`:${hex}`) && fields[9] !== '0') return fields[9];
  }
  return undefined;
}

function owns(pid: number, inode: string): boolean {
  try {
    const name = `socket:[${inode}]`;
    return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === name);
  } catch {
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
