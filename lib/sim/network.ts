/**
 * Links between processes, as WebSockets between nodes behave: FIFO each way, opened by a dial that takes a handshake,
 * closed when an end dies, silent when the wire is cut. A message sent where there is no link opens one first. Conditions
 * decide what is delayed, lost, doubled, held back or blocked; nothing here knows what a message means.
 */
import { Dials } from './network-dials.js';
import type { Link } from './network-link.js';
import { Counters, type NetworkOptions } from './network-options.js';
import { type Exchange, Wires } from './network-wires.js';
import type { DownReason, Host, Process, ProcessPorts, World } from './world.js';
import type { SeededRandom } from './world-random.js';

/** Messages that wait for one dial at most. */
const DIAL_QUEUE_MAX = 64;
const SWEEP_MS = 10_000;
/** What a process sent this long before its death may still be with it. */
const UNSENT_MS = 3;

export class Network implements Exchange {
  readonly world: World;
  readonly options: NetworkOptions;
  readonly random: SeededRandom;
  readonly counters = new Counters();
  readonly sentBytes: Float64Array;
  onSend: ((host: number, type: string) => void) | undefined;
  readonly #wires: Wires;
  readonly #dials: Dials;

  constructor(world: World, options: NetworkOptions, random: SeededRandom) {
    this.world = world;
    this.options = options;
    this.random = random;
    this.sentBytes = new Float64Array(world.hosts.length);
    this.#wires = new Wires(this);
    this.#dials = new Dials(this, this.#wires);
  }

  portsFor(host: Host, random: SeededRandom): ProcessPorts {
    const world = this.world;
    const own = () => host.process as Process;
    return {
      host: host.index,
      url: host.url,
      random,
      memory: host.memory,
      wallNow: () => world.wallOf(host.index),
      send: (peer, url, message) => this.#send(own(), peer, url, message),
      dial: (url) => this.#dials.dial(own(), undefined, url, undefined),
      moment: (name) => this.onSend?.(host.index, name),
      close: (peer) => this.#close(own(), peer),
      exit: () => {
        const process = own();
        world.at(world.now, () => {
          if (process.alive) world.stop(host.index, false);
        });
      },
      restart: () => {
        const process = own();
        world.at(world.now, () => {
          if (!process.alive) return;
          world.stop(host.index, false);
          world.start(host.index);
        });
      },
    };
  }

  attach(process: Process): void {
    process.attachment = { links: new Map(), dials: new Map() };
    this.#sweepLater(process);
  }

  detach(process: Process, silently: boolean, killed: boolean): void {
    const { attachment } = process;
    process.attachment = undefined;
    if (!attachment) return;
    for (const link of attachment.links.values()) {
      if (killed && this.options.killLosesSuffix && this.random.chance(0.5))
        link.opposite(process).lostSince = this.world.now - this.random.next() * UNSENT_MS;
      if (!silently) this.tellClosed(link, process, 'closed');
    }
  }

  /** Closes the link between the processes of two hosts, seen by both as an unexpected end. */
  break(a: number, b: number): boolean {
    const one = this.world.hosts[a]?.process;
    const other = this.world.hosts[b]?.process;
    if (!one || !other) return false;
    const link = one.attachment?.links.get(other.program.id);
    if (!link) return false;
    this.tellClosed(link, one, 'closed');
    this.tellClosed(link, other, 'closed');
    return true;
  }

  delayMs(): number {
    const { delayMinMs, delayMaxMs } = this.options;
    return delayMinMs + this.random.next() * (delayMaxMs - delayMinMs);
  }

  #send(process: Process, peer: string, url: string, message: unknown): void {
    const { attachment } = process;
    if (!attachment) return;
    const link = attachment.links.get(peer);
    if (link) return this.#wires.transmit(link, process, message);
    const dial = attachment.dials.get(peer);
    if (dial) {
      if (dial.waiting.length < DIAL_QUEUE_MAX) dial.waiting.push(message);
      return;
    }
    this.#dials.dial(process, peer, url, message);
  }

  #close(process: Process, peer: string): void {
    const { attachment } = process;
    const link = attachment?.links.get(peer);
    if (!attachment || !link) return;
    attachment.links.delete(peer);
    link.at(process).open = false;
    const world = this.world;
    world.at(world.now, () =>
      world.deliver(process, () => {
        if (!attachment.links.has(peer)) process.program.onLinkDown(peer, 'idle', world.now + process.offset);
      }),
    );
    this.tellClosed(link, process, 'idle');
  }

  tellClosed(link: Link, process: Process, why: DownReason): void {
    const world = this.world;
    const end = link.opposite(process);
    const { process: peer } = end;
    const delay = this.delayMs();
    link.dead = true;
    if (!peer.alive || this.world.conditions.blocked(process.host, peer.host)) return;
    const arrival = Math.max(
      world.now + delay + this.world.conditions.extraDelay(process.host, peer.host),
      end.lastArrival,
    );
    world.at(arrival, () =>
      world.deliver(peer, () => {
        const { attachment } = peer;
        if (attachment?.links.get(process.program.id) !== link) return;
        attachment.links.delete(process.program.id);
        end.open = false;
        world.trace.add(world.now, 'down', peer.host, process.host, why.length, why);
        peer.program.onLinkDown(process.program.id, why, world.now + peer.offset);
      }),
    );
  }

  #sweepLater(process: Process): void {
    const world = this.world;
    world.at(world.now + SWEEP_MS, () => {
      const { attachment } = process;
      if (!process.alive || !attachment) return;
      for (const [peer, link] of attachment.links)
        if (link.dialer.process === process && world.now - link.usedAt > this.options.idleMs)
          this.#close(process, peer);
      this.#sweepLater(process);
    });
  }
}
