/**
 * Links between processes, as WebSockets between nodes behave: FIFO each way, opened by a dial that takes a handshake,
 * closed when an end dies, silent when the wire is cut. A message sent where there is no link opens one first. Conditions
 * decide what is delayed, lost, doubled, held back or blocked; nothing here knows what a message means.
 */
import type { Conditions } from './network-conditions.js';
import type { DownReason, Host, Process, ProcessPorts, World } from './world.js';
import type { SeededRandom } from './world-random.js';

export interface NetworkOptions {
  /** One way, uniform between these. */
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  readonly dialTimeoutMs: number;
  /** A link without traffic for so long is closed by whoever opened it. */
  readonly idleMs: number;
  /**
   * What a lost message does: just vanishes, or breaks the link as a stream that cannot lose would. As a stream does,
   * `break` also holds back what a cut wire does not let through and brings it after the cut, in order.
   */
  readonly lossMode: 'drop' | 'break';
  /** Where set: messages from and to these hosts vanish one by one, whatever `lossMode` says of the others. */
  readonly leaky?: (from: number, to: number) => boolean;
  /** Who is killed takes with it the end of what it sent, on some of its links, as a process does that dies at once. */
  readonly killLosesSuffix?: boolean;
  /** Bytes of a message as it would be on the wire, for the counters. */
  sizeOf(message: unknown): number;
  /** Name of a message's type, for traces and triggers. */
  typeOf(message: unknown): string;
  /** Where set, every message really goes through bytes. */
  readonly codec?: { encode(message: unknown): Uint8Array; decode(bytes: Uint8Array): unknown };
  /** Bytes each side sends to open a link. */
  readonly handshakeBytes: number;
}

export const LAN: NetworkOptions = {
  delayMinMs: 0.2,
  delayMaxMs: 1,
  dialTimeoutMs: 1_000,
  idleMs: 30_000,
  lossMode: 'drop',
  sizeOf: () => 0,
  typeOf: () => 'message',
  // Hello and introduction of one side as lib/wire/handshake.ts writes them.
  handshakeBytes: 350,
};

/** Messages that wait for one dial at most. */
const DIAL_QUEUE_MAX = 64;
const SWEEP_MS = 10_000;
/** A stream over a cut wire tries again this often, and ends after this long. */
const RESEND_MS = 40;
const HELD_MS_MAX = 30_000;
/** What a process sent this long before its death may still be with it. */
const UNSENT_MS = 3;

class End {
  readonly process: Process;
  /** The program has been told that the link is up, and not that it is down. */
  open = false;
  /** FIFO: nothing arrives here before this. */
  lastArrival = 0;
  /** Messages on their way here that a cut wire holds back, and since when. */
  held: (() => void)[] = [];
  heldSince = 0;
  /** The opposite end died: what it sent from then on never left. */
  lostSince = Number.POSITIVE_INFINITY;

  constructor(process: Process) {
    this.process = process;
  }
}

class Link {
  readonly dialer: End;
  readonly acceptor: End;
  usedAt = 0;
  /** One end has ended it: whatever comes next between the two is another link. */
  dead = false;

  constructor(dialer: Process, acceptor: Process) {
    this.dialer = new End(dialer);
    this.acceptor = new End(acceptor);
  }

  /** The end at `process`. */
  at(process: Process): End {
    return this.dialer.process === process ? this.dialer : this.acceptor;
  }

  opposite(process: Process): End {
    return this.dialer.process === process ? this.acceptor : this.dialer;
  }
}

interface Dial {
  readonly waiting: unknown[];
}

interface Attachment {
  readonly links: Map<string, Link>;
  readonly dials: Map<string, Dial>;
}

export interface Counters {
  messages: number;
  bytes: number;
  dials: number;
  lost: number;
  blocked: number;
  doubled: number;
  clogged: number;
  overtaken: number;
}

export class Network {
  readonly counters: Counters = {
    messages: 0,
    bytes: 0,
    dials: 0,
    lost: 0,
    blocked: 0,
    doubled: 0,
    clogged: 0,
    overtaken: 0,
  };
  /** Bytes sent by each host. */
  readonly sentBytes: Float64Array;
  /** Called for each message sent, with the sender's host and the message's type. */
  onSend: ((host: number, type: string) => void) | undefined;
  readonly #world: World;
  readonly #options: NetworkOptions;
  readonly #random: SeededRandom;
  readonly #byUrl = new Map<string, Host>();
  readonly #attached = new Map<Process, Attachment>();
  readonly #latestArrival: Float64Array;

  constructor(world: World, options: NetworkOptions, random: SeededRandom) {
    this.#world = world;
    this.#options = options;
    this.#random = random;
    this.sentBytes = new Float64Array(world.hosts.length);
    this.#latestArrival = new Float64Array(world.hosts.length);
    for (const host of world.hosts) this.#byUrl.set(host.url, host);
  }

  portsFor(host: Host, random: SeededRandom): ProcessPorts {
    const world = this.#world;
    const own = () => host.process as Process;
    return {
      host: host.index,
      url: host.url,
      random,
      memory: host.memory,
      wallNow: () => world.wallOf(host.index),
      send: (peer, url, message) => this.#send(own(), peer, url, message),
      dial: (url) => this.#dial(own(), undefined, url, undefined),
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
    this.#attached.set(process, { links: new Map(), dials: new Map() });
    this.#sweepLater(process);
  }

  detach(process: Process, silently: boolean, killed: boolean): void {
    const attachment = this.#attached.get(process);
    this.#attached.delete(process);
    if (!attachment) return;
    for (const link of attachment.links.values()) {
      if (killed && this.#options.killLosesSuffix && this.#random.chance(0.5))
        link.opposite(process).lostSince = this.#world.now - this.#random.next() * UNSENT_MS;
      if (!silently) this.#tellClosed(link, process, 'closed');
    }
  }

  /** Closes the link between the processes of two hosts, seen by both as an unexpected end. */
  break(a: number, b: number): boolean {
    const one = this.#world.hosts[a]?.process;
    const other = this.#world.hosts[b]?.process;
    if (!one || !other) return false;
    const link = this.#attached.get(one)?.links.get(other.program.id);
    if (!link) return false;
    this.#tellClosed(link, one, 'closed');
    this.#tellClosed(link, other, 'closed');
    return true;
  }

  linkCount(process: Process): number {
    return this.#attached.get(process)?.links.size ?? 0;
  }

  get #conditions(): Conditions {
    return this.#world.conditions;
  }

  #delay(): number {
    const { delayMinMs, delayMaxMs } = this.#options;
    return delayMinMs + this.#random.next() * (delayMaxMs - delayMinMs);
  }

  #send(process: Process, peer: string, url: string, message: unknown): void {
    const attachment = this.#attached.get(process);
    if (!attachment) return;
    const link = attachment.links.get(peer);
    if (link) return this.#transmit(link, process, message);
    const dial = attachment.dials.get(peer);
    if (dial) {
      if (dial.waiting.length < DIAL_QUEUE_MAX) dial.waiting.push(message);
      return;
    }
    this.#dial(process, peer, url, message);
  }

  #transmit(link: Link, from: Process, message: unknown): void {
    const { counters } = this;
    const world = this.#world;
    const end = link.opposite(from);
    const target = end.process.host;
    const size = this.#options.sizeOf(message);
    counters.messages += 1;
    counters.bytes += size;
    this.sentBytes[from.host] = (this.sentBytes[from.host] as number) + size;
    link.usedAt = world.now;
    if (this.onSend) this.onSend(from.host, this.#options.typeOf(message));
    // Drawn for every message, so that a fault left out does not shift the rest of the stream.
    const delay = this.#delay();
    const luck = this.#random.next();
    const conditions = this.#conditions;
    if (conditions.blocked(from.host, target) || end.held.length > 0) {
      counters.blocked += 1;
      if (this.#options.lossMode === 'break') this.#hold(link, end, from, message, size);
      return;
    }
    const loss = conditions.loss(from.host, target);
    const leaky = this.#options.leaky?.(from.host, target) === true;
    if (luck < loss && (this.#options.leaky === undefined || leaky)) {
      counters.lost += 1;
      world.trace.add(world.now, 'drop', from.host, target, size);
      if (this.#options.lossMode === 'break' && !leaky) this.break(from.host, target);
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
    const { codec } = this.#options;
    const carried = codec ? codec.decode(codec.encode(message)) : message;
    const sentAt = world.now;
    world.at(arrival, () => {
      if (sentAt < end.lostSince) this.#arrive(link, end, from, carried, size);
    });
    // `luck` above the loss is as good as a new draw.
    if (conditions.duplicateShare > 0 && luck > 1 - conditions.duplicateShare) {
      counters.doubled += 1;
      world.at(arrival, () => this.#arrive(link, end, from, carried, size));
    }
  }

  #hold(link: Link, end: End, from: Process, message: unknown, size: number): void {
    end.held.push(() => this.#arrive(link, end, from, message, size));
    if (end.held.length > 1) return;
    end.heldSince = this.#world.now;
    this.#resend(link, end, from);
  }

  #resend(link: Link, end: End, from: Process): void {
    const world = this.#world;
    world.at(world.now + RESEND_MS, () => {
      if (end.held.length === 0) return;
      if (this.#conditions.blocked(from.host, end.process.host)) {
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
    const world = this.#world;
    const peer = link.opposite(process).process.program.id;
    const attachment = this.#attached.get(process);
    if (attachment?.links.get(peer) !== link) return;
    attachment.links.delete(peer);
    link.at(process).open = false;
    link.dead = true;
    world.deliver(process, () => process.program.onLinkDown(peer, 'timeout', world.now + process.offset));
  }

  #arrive(link: Link, end: End, from: Process, message: unknown, size: number): void {
    const world = this.#world;
    const { process } = end;
    if (!process.alive) {
      // Nobody has that connection any more: the sender's is reset.
      if (!world.hosts[process.host]?.silent) this.#tellClosed(link, process, 'closed');
      return;
    }
    link.usedAt = world.now;
    world.trace.add(world.now, 'deliver', from.host, process.host, size, message, this.#options.typeOf);
    // The common case without a closure: a world delivers millions.
    if (process.stalledUntil <= world.now) {
      this.#hand(link, end, from, message);
      world.schedule(process);
    } else world.deliver(process, () => this.#hand(link, end, from, message));
  }

  #hand(link: Link, end: End, from: Process, message: unknown): void {
    const { process } = end;
    if (end.open) process.program.onMessage(from.program.id, message, this.#world.now + process.offset);
    else this.#tellClosed(link, process, 'closed');
  }

  #dial(process: Process, peer: string | undefined, url: string, first: unknown): void {
    const world = this.#world;
    const attachment = this.#attached.get(process);
    if (!attachment) return;
    const key = peer ?? url;
    const dial: Dial = attachment.dials.get(key) ?? { waiting: [] };
    if (attachment.dials.has(key)) return;
    if (first !== undefined) dial.waiting.push(first);
    attachment.dials.set(key, dial);
    this.counters.dials += 1;
    const host = this.#byUrl.get(url);
    const fail = (why: 'refused' | 'timeout' | 'self', afterMs: number) =>
      world.at(world.now + afterMs, () =>
        world.deliver(process, () => {
          if (attachment.dials.get(key) !== dial) return;
          attachment.dials.delete(key);
          const own = world.now + process.offset;
          if (peer === undefined) process.program.onDialFailed(url, why, own);
          // the other side's own dial got through meanwhile
          else if (attachment.links.has(peer)) return;
          else process.program.onLinkDown(peer, why === 'self' ? 'refused' : why, own);
        }),
      );
    const delay = this.#delay() + (host ? this.#conditions.extraDelay(process.host, host.index) : 0);
    const luck = this.#random.next();
    if (host?.index === process.host) return fail('self', 0);
    if (!host || host.silent) return fail('timeout', this.#options.dialTimeoutMs);
    const there = this.#conditions.loss(process.host, host.index);
    const back = this.#conditions.loss(host.index, process.host);
    const passes = (1 - there) ** 2 * (1 - back) ** 2;
    if (
      this.#conditions.blocked(process.host, host.index) ||
      this.#conditions.blocked(host.index, process.host) ||
      luck > passes
    )
      return fail('timeout', this.#options.dialTimeoutMs);
    if (!host.process) return fail('refused', 2 * delay);
    const target = host.process;
    // SYN, SYN and ACK, request: then the acceptor's program has to be awake.
    world.at(world.now + 3 * delay, () => {
      if (!target.alive) return fail('refused', delay);
      world.deliver(target, () => this.#accept(process, target, key, peer === undefined ? url : undefined));
    });
    fail('timeout', this.#options.dialTimeoutMs);
  }

  #accept(dialer: Process, acceptor: Process, key: string, seed: string | undefined): void {
    const world = this.#world;
    const from = this.#attached.get(dialer);
    const to = this.#attached.get(acceptor);
    if (!from || !to) return;
    const link = new Link(dialer, acceptor);
    link.usedAt = world.now;
    for (const process of [dialer, acceptor])
      this.sentBytes[process.host] = (this.sentBytes[process.host] as number) + this.#options.handshakeBytes;
    const answer = world.now + this.#delay();
    const proof = answer + this.#delay();
    link.acceptor.lastArrival = proof;
    link.dialer.lastArrival = answer;
    world.at(answer, () => world.deliver(dialer, () => this.#opened(link, dialer, acceptor, key, seed)));
    world.at(proof, () => world.deliver(acceptor, () => this.#up(link, acceptor, dialer, undefined)));
  }

  #opened(link: Link, dialer: Process, acceptor: Process, key: string, seed: string | undefined): void {
    const attachment = this.#attached.get(dialer);
    const dial = attachment?.dials.get(key);
    if (!attachment || !dial) return;
    attachment.dials.delete(key);
    // Not who was called: whatever was meant for that one has no receiver.
    const waiting = seed === undefined && acceptor.program.id !== key ? [] : dial.waiting;
    const used = this.#up(link, dialer, acceptor, seed);
    if (!acceptor.alive) return this.#tellClosed(used, acceptor, 'closed');
    for (const message of waiting) this.#transmit(used, dialer, message);
  }

  /** Where both dialled at once the first link stays. */
  #up(link: Link, process: Process, peer: Process, seed: string | undefined): Link {
    const world = this.#world;
    const attachment = this.#attached.get(process) as Attachment;
    const id = peer.program.id;
    const known = attachment.links.get(id);
    const other = this.#attached.get(peer)?.links.get(process.program.id);
    // The peer has settled for another link with this process already: join it there.
    const kept =
      known && !known.dead && known.opposite(process).process === peer
        ? known
        : other && !other.dead && other !== link && other.opposite(peer).process === process
          ? other
          : link;
    const end = kept.at(process);
    if (known && known !== kept) {
      known.at(process).open = false;
      process.program.onLinkDown(id, 'closed', world.now + process.offset);
    }
    attachment.links.set(id, kept);
    if (!end.open || seed !== undefined) {
      end.open = true;
      world.trace.add(world.now, 'up', process.host, peer.host, 0);
      process.program.onLinkUp(id, peer.program.boot, world.now + process.offset, seed);
    }
    return kept;
  }

  #close(process: Process, peer: string): void {
    const attachment = this.#attached.get(process);
    const link = attachment?.links.get(peer);
    if (!attachment || !link) return;
    attachment.links.delete(peer);
    link.at(process).open = false;
    const world = this.#world;
    world.at(world.now, () =>
      world.deliver(process, () => {
        if (!attachment.links.has(peer)) process.program.onLinkDown(peer, 'idle', world.now + process.offset);
      }),
    );
    this.#tellClosed(link, process, 'idle');
  }

  /** The end opposite of `process` learns that the link is gone, when the news gets through. */
  #tellClosed(link: Link, process: Process, why: DownReason): void {
    const world = this.#world;
    const end = link.opposite(process);
    const { process: peer } = end;
    const delay = this.#delay();
    link.dead = true;
    if (!peer.alive || this.#conditions.blocked(process.host, peer.host)) return;
    const arrival = Math.max(world.now + delay + this.#conditions.extraDelay(process.host, peer.host), end.lastArrival);
    world.at(arrival, () =>
      world.deliver(peer, () => {
        const attachment = this.#attached.get(peer);
        if (attachment?.links.get(process.program.id) !== link) return;
        attachment.links.delete(process.program.id);
        end.open = false;
        world.trace.add(world.now, 'down', peer.host, process.host, why.length, why);
        peer.program.onLinkDown(process.program.id, why, world.now + peer.offset);
      }),
    );
  }

  #sweepLater(process: Process): void {
    const world = this.#world;
    world.at(world.now + SWEEP_MS, () => {
      const attachment = this.#attached.get(process);
      if (!process.alive || !attachment) return;
      for (const [peer, link] of attachment.links)
        if (link.dialer.process === process && world.now - link.usedAt > this.#options.idleMs)
          this.#close(process, peer);
      this.#sweepLater(process);
    });
  }
}
