/**
 * A network of Linux namespaces: each place has an interface of its own on one bridge, and the machine itself stands on
 * that bridge too. A cut is a routing rule at the receiver that drops what comes from the other's address. Needs root;
 * everything it makes carries the process id of its maker, so that what a killed run left is swept by the next.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Network, Place } from './network.js';

const PREFIX = 'halodtest';
const NODE_PORT = 7400;
const PLACES_MAX = 200;
/** Place of the cuts among a namespace's routing rules. */
const CUT = '50';

interface InNamespace extends Place {
  readonly namespace: string;
  readonly address: string;
}

function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export function namespacesWork(): boolean {
  if (process.getuid?.() !== 0) return false;
  const name = `${PREFIX}${process.pid}probe`;
  try {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
    return true;
  } catch {
    return false;
  } finally {
    try {
      ip('netns', 'del', name);
    } catch {
      // It was never made.
    }
  }
}

/** Namespaces of runs whose process is gone. */
function sweep(): void {
  for (const line of ip('netns', 'list').split('\n')) {
    const pid = new RegExp(`^${PREFIX}(\\d+)x`).exec(line)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) ip('netns', 'del', line.split(' ')[0]!);
  }
}

/** Several networks of one process (tests side by side) differ in their number. */
let made = 0;

export class NamespaceNetwork implements Network {
  readonly kind = 'namespaces';
  readonly canCut = true;
  readonly #id = `${process.pid}x${made++}`;
  readonly #hub = `${PREFIX}${this.#id}hub`;
  readonly #net: string;
  readonly #places: InNamespace[] = [];
  readonly #rules: { readonly at: InNamespace; readonly from: string }[] = [];
  readonly #onExit = () => this.#remove();

  constructor() {
    sweep();
    this.#net = freeNet();
    ip('netns', 'add', this.#hub);
    process.on('exit', this.#onExit);
    ip('-n', this.#hub, 'link', 'add', 'bridge0', 'type', 'bridge');
    ip('-n', this.#hub, 'link', 'set', 'bridge0', 'up');
    // Interface names have at most 15 characters.
    const outside = `hd${this.#id}`.slice(0, 15);
    ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'open', 'netns', this.#hub);
    ip('-n', this.#hub, 'link', 'set', 'open', 'master', 'bridge0', 'up');
    ip('addr', 'add', `${this.#net}.254/24`, 'dev', outside);
    ip('link', 'set', outside, 'up');
  }

  async addNode(name: string): Promise<Place> {
    const place = this.#add(name);
    const url = `http://${place.address}:${NODE_PORT}`;
    return Object.assign(place, {
      options: ['--host', '0.0.0.0', '--port', String(NODE_PORT), '--advertise', url, '--insecure'],
    });
  }

  async addClients(name: string): Promise<Place> {
    return this.#add(name);
  }

  nodeStarted(): void {}

  cut(a: Place, b: Place): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  cutOneWay(from: Place, to: Place): void {
    const at = to as InNamespace;
    const { address } = from as InNamespace;
    if (this.#rules.some((rule) => rule.at === at && rule.from === address)) return;
    ip('-n', at.namespace, 'rule', 'add', 'pref', CUT, 'from', address, 'blackhole');
    this.#rules.push({ at, from: address });
  }

  heal(): void {
    for (const { at, from } of this.#rules.splice(0))
      ip('-n', at.namespace, 'rule', 'del', 'pref', CUT, 'from', from, 'blackhole');
  }

  async close(): Promise<void> {
    process.off('exit', this.#onExit);
    this.#remove();
  }

  #add(name: string): InNamespace {
    const number = this.#places.length + 1;
    if (number > PLACES_MAX) throw new Error(`a network has at most ${PLACES_MAX} places`);
    const namespace = `${PREFIX}${this.#id}n${number}`;
    const address = `${this.#net}.${number}`;
    const port = `port${number}`;
    ip('netns', 'add', namespace);
    const place: InNamespace = { name, namespace, address, prefix: ['ip', 'netns', 'exec', namespace], options: [] };
    this.#places.push(place);
    ip('-n', this.#hub, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    ip('-n', this.#hub, 'link', 'set', port, 'master', 'bridge0', 'up');
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    // The kernel asks its table of own addresses first: a cut comes before it only once that rule has moved back.
    ip('-n', namespace, 'rule', 'add', 'pref', '100', 'lookup', 'local');
    ip('-n', namespace, 'rule', 'del', 'pref', '0');
    return place;
  }

  /** Their interfaces go with the namespaces, and the machine's own one with its other end. */
  #remove(): void {
    for (const namespace of [...this.#places.map((place) => place.namespace), this.#hub]) {
      try {
        ip('netns', 'del', namespace);
      } catch {
        // Already gone.
      }
    }
  }
}

/** A /24 below 10.213 that nothing on this machine uses. */
function freeNet(): string {
  const used = ip('-4', 'addr', 'show');
  for (let i = 0; i < 250; i++) {
    const net = `10.213.${(process.pid + made + i) % 250}`;
    if (!used.includes(`${net}.`)) return net;
  }
  throw new Error('no free network below 10.213.0.0/16');
}
