/**
 * What is on its way over links: each message takes its time, may be lost, doubled, held back by a clog or by a cut wire,
 * and arrives in order. A world carries millions of them, so a message on its way is one small object and no closure.
 */

import type { End, Link } from './network-link.js';
import type { Counters, NetworkOptions } from './network-options.js';
import type { DownReason, Process, World } from './world.js';
import { Happening } from './world-happening.js';
import type { SeededRandom } from './world-random.js';

/** A stream over a cut wire tries again this often, and ends after this long. */
const RESEND_MS = 40;
const HELD_MS_MAX = 30_000;

/** What wires and dials share with the network that they are parts of. */
export interface Exchange {
  readonly world: World;
  readonly options: NetworkOptions;
  readonly random: SeededRandom;
  readonly counters: Counters;
  /** Bytes sent by each host. */
  readonly sentBytes: Float64Array;
  /** Called for each message sent, with the sender's host and the message's type. */
  onSend: ((host: number, type: string) => void) | undefined;
  delayMs(): number;
  break(a: number, b: number): boolean;
  /** The end opposite of `process` learns that the link is gone, when the news gets through. */
  tellClosed(link: Link, process: Process, why: DownReason): void;
}

class Arrival extends Happening {
  readonly wires: Wires;
  readonly link: Link;
  readonly end: End;
  readonly from: Process;
  readonly message: unknown;
  readonly size: number;
  readonly sentAt: number;

  constructor(
    time: number,
    wires: Wires,
    link: Link,
    end: End,
    from: Process,
    message: unknown,
    size: number,
    sentAt: number,
  ) {
    super(time);
    this.wires = wires;
    this.link = link;
    this.end = end;
    this.from = from;
    this.message = message;
    this.size = size;
    this.sentAt = sentAt;
  }

  run(): void {
    if (this.sentAt < this.end.lostSince) this.wires.arrive(this.link, this.end, this.from, this.message, this.size);
  }
}

export class Wires {
  readonly #x: Exchange;
  readonly #latestArrival: Float64Array;

  constructor(exchange: Exchange) {
    this.#x = exchange;
    this.#latestArrival = new Float64Array(exchange.world.hosts.length);
  }

  transmit(link: Link, from: Process, message: unknown): void {
    const { world, options, counters, sentBytes } = this.#x;
    const end = link.opposite(from);
    const target = end.process.host;
    const size = options.sizeOf(message);
    counters.messages += 1;
    counters.bytes += size;
    sentBytes[from.host] = (sentBytes[from.host] as number) + size;
    link.usedAt = world.now;
    if (this.#x.onSend) this.#x.onSend(from.host, options.typeOf(message));
    // Drawn for every message, so that a fault left out does not shift the rest of the stream.
    const delay = this.#x.delayMs();
    const luck = this.#x.random.next();
    const { conditions } = world;
    if (conditions.blocked(from.host, target) || end.held.length > 0) {
      counters.blocked += 1;
      if (options.lossMode === 'break') this.#hold(link, end, from, message, size);
      return;
    }
    const loss = conditions.loss(from.host, target);
    const leaky = options.leaky?.(from.host, target) === true;
    if (luck < loss && (options.leaky === undefined || leaky)) {
      counters.lost += 1;
      world.trace.add(world.now, 'drop', from.host, target, size);
      if (options.lossMode === 'break' && !leaky) this.#x.break(from.host, target);
      return;
    }
    let arrival = world.now + delay + conditions.extraDelay(from.host, target);
    const clogged = conditions.cloggedUntil(from.host, target);
    if (clogged > arrival) {
      arrival = clogged + delay;
      counters.clogged += 1;
    }
    if (arrival < end.lastArrival) arrival = end.lastArrival;
    end.lastArrival = arrival;
    if (arrival < (this.#latestArrival[target] as number)) counters.overtaken += 1;
    else this.#latestArrival[target] = arrival;
    const { codec } = options;
    const carried = codec ? codec.decode(codec.encode(message)) : message;
    world.add(new Arrival(arrival, this, link, end, from, carried, size, world.now));
    // `luck` above the loss is as good as a new draw.
    if (conditions.duplicateShare > 0 && luck > 1 - conditions.duplicateShare) {
      counters.doubled += 1;
      world.at(arrival, () => this.arrive(link, end, from, carried, size));
    }
  }

  #hold(link: Link, end: End, from: Process, message: unknown, size: number): void {
    end.held.push(() => this.arrive(link, end, from, message, size));
    if (end.held.length > 1) return;
    end.heldSince = this.#x.world.now;
    this.#resend(link, end, from);
  }

  #resend(link: Link, end: End, from: Process): void {
    const world = this.#x.world;
    world.at(world.now + RESEND_MS, () => {
      if (end.held.length === 0) return;
      if (world.conditions.blocked(from.host, end.process.host)) {
        if (world.now - end.heldSince < HELD_MS_MAX) return this.#resend(link, end, from);
        end.held = [];
        this.#end(link, from);
        this.#end(link, end.process);
        return;
      }
      const { held } = end;
      end.held = [];
      const arrival = Math.max(world.now, end.lastArrival);
      for (const arrive of held) world.at(arrival, arrive);
      end.lastArrival = arrival;
    });
  }

  /** This end of the link notices that the connection is dead. */
  #end(link: Link, process: Process): void {
    const world = this.#x.world;
    const peer = link.opposite(process).process.program.id;
    const { attachment } = process;
    if (attachment?.links.get(peer) !== link) return;
    attachment.links.delete(peer);
    link.at(process).open = false;
    link.dead = true;
    world.deliver(process, () => process.program.onLinkDown(peer, 'timeout', world.now + process.offset));
  }

  arrive(link: Link, end: End, from: Process, message: unknown, size: number): void {
    const { world, options } = this.#x;
    const { process } = end;
    if (!process.alive) {
      // Nobody has that connection any more: the sender's is reset.
      if (!world.hosts[process.host]?.silent) this.#x.tellClosed(link, process, 'closed');
      return;
    }
    link.usedAt = world.now;
    world.trace.add(world.now, 'deliver', from.host, process.host, size, message, options.typeOf);
    // The common case without a closure: a world delivers millions.
    if (process.stalledUntil <= world.now) {
      this.#hand(link, end, from, message);
      world.schedule(process);
    } else world.deliver(process, () => this.#hand(link, end, from, message));
  }

  #hand(link: Link, end: End, from: Process, message: unknown): void {
    const { process } = end;
    if (end.open) process.program.onMessage(from.program.id, message, this.#x.world.now + process.offset);
    else this.#x.tellClosed(link, process, 'closed');
  }
}
