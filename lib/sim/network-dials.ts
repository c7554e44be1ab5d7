/**
 * How a link comes about: a dial takes the round trips of a connection and of the handshake, fails where nobody listens or
 * nothing gets through, and where two processes dial each other at once one link stays.
 */
import { type Attachment, type Dial, Link } from './network-link.js';
import type { Exchange, Wires } from './network-wires.js';
import type { Host, Process } from './world.js';

export class Dials {
  readonly #x: Exchange;
  readonly #wires: Wires;
  readonly #byUrl = new Map<string, Host>();

  constructor(exchange: Exchange, wires: Wires) {
    this.#x = exchange;
    this.#wires = wires;
    for (const host of exchange.world.hosts) this.#byUrl.set(host.url, host);
  }

  dial(process: Process, peer: string | undefined, url: string, first: unknown): void {
    const world = this.#x.world;
    const { attachment } = process;
    if (!attachment) return;
    const key = peer ?? url;
    const dial: Dial = attachment.dials.get(key) ?? { waiting: [] };
    if (attachment.dials.has(key)) return;
    if (first !== undefined) dial.waiting.push(first);
    attachment.dials.set(key, dial);
    this.#x.counters.dials += 1;
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
    const delay = this.#x.delayMs() + (host ? world.conditions.extraDelay(process.host, host.index) : 0);
    const luck = this.#x.random.next();
    if (host?.index === process.host) return fail('self', 0);
    if (!host || host.silent) return fail('timeout', this.#x.options.dialTimeoutMs);
    const there = world.conditions.loss(process.host, host.index);
    const back = world.conditions.loss(host.index, process.host);
    const passes = (1 - there) ** 2 * (1 - back) ** 2;
    if (
      world.conditions.blocked(process.host, host.index) ||
      world.conditions.blocked(host.index, process.host) ||
      luck > passes
    )
      return fail('timeout', this.#x.options.dialTimeoutMs);
    if (!host.process) return fail('refused', 2 * delay);
    const target = host.process;
    // SYN, SYN and ACK, request: then the acceptor's program has to be awake.
    world.at(world.now + 3 * delay, () => {
      if (!target.alive) return fail('refused', delay);
      world.deliver(target, () => this.#accept(process, target, key, peer === undefined ? url : undefined));
    });
    fail('timeout', this.#x.options.dialTimeoutMs);
  }

  #accept(dialer: Process, acceptor: Process, key: string, seed: string | undefined): void {
    const world = this.#x.world;
    const from = dialer.attachment;
    const to = acceptor.attachment;
    if (!from || !to) return;
    const link = new Link(dialer, acceptor);
    const { sentBytes } = this.#x;
    link.usedAt = world.now;
    for (const process of [dialer, acceptor])
      sentBytes[process.host] = (sentBytes[process.host] as number) + this.#x.options.handshakeBytes;
    const answer = world.now + this.#x.delayMs();
    const proof = answer + this.#x.delayMs();
    link.acceptor.lastArrival = proof;
    link.dialer.lastArrival = answer;
    world.at(answer, () => world.deliver(dialer, () => this.#opened(link, dialer, acceptor, key, seed)));
    world.at(proof, () => world.deliver(acceptor, () => this.#up(link, acceptor, dialer, undefined)));
  }

  #opened(link: Link, dialer: Process, acceptor: Process, key: string, seed: string | undefined): void {
    const { attachment } = dialer;
    const dial = attachment?.dials.get(key);
    if (!attachment || !dial) return;
    attachment.dials.delete(key);
    // Not who was called: whatever was meant for that one has no receiver.
    const waiting = seed === undefined && acceptor.program.id !== key ? [] : dial.waiting;
    const used = this.#up(link, dialer, acceptor, seed);
    if (!acceptor.alive) return this.#x.tellClosed(used, acceptor, 'closed');
    for (const message of waiting) this.#wires.transmit(used, dialer, message);
  }

  /** Where both dialled at once the first link stays. */
  #up(link: Link, process: Process, peer: Process, seed: string | undefined): Link {
    const world = this.#x.world;
    const attachment = process.attachment as Attachment;
    const id = peer.program.id;
    const known = attachment.links.get(id);
    const other = peer.attachment?.links.get(process.program.id);
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
}
