/**
 * The owner's side of relayed channels: one reader for each (peer, channel) that asked. It holds a lease, ends when the
 * link does, and sends what one turn of the event loop brings in one message.
 */
import type { NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import { formatPosition, type Position, parsePosition } from '../../wire/position.js';
import type { RoutingMessage } from '../../wire/routing.js';
import type { Entry, Gap } from '../channel/types.js';
import type { Feeds } from './feeds.js';
import type { FeedPorts } from './ports.js';
import { Reader } from './reader.js';

export const LEASE = {
  /** A relay renews its interests this often. */
  renewMs: 10_000,
  /** An interest that was not renewed for this long is dropped. */
  endsMs: 30_000,
} as const;

type Interest = Extract<RoutingMessage, { type: 'interest' }>;

class PeerReader extends Reader {
  readonly peer: NodeId;
  readonly serial: number;
  renewedAt: number;
  readonly #owner: PeerReaders;
  #batch: Entry[] = [];
  #bytes = 0;
  #sent = 0;

  constructor(owner: PeerReaders, peer: NodeId, m: Interest, now: number) {
    super(m.channel, m.after === 'now' ? 'now' : parsePosition(m.after));
    this.#owner = owner;
    this.peer = peer;
    this.serial = m.serial;
    this.renewedAt = now;
  }

  started(position: string, recovered: boolean): void {
    this.#send({ type: 'feed-start', channel: this.channel, serial: this.serial, position, recovered });
  }

  entry(entry: Entry): void {
    if (this.#batch.length === 0) this.#owner.dirty.push(this);
    this.#batch.push(entry);
    this.#bytes += entry.data.length;
    // much at once, as after a stalled copy: in messages that fit a frame
    if (this.#bytes >= LIMITS.catchUpReadBytes) this.flush();
  }

  gapped(gap: Gap): void {
    const position = formatPosition(gap.position);
    this.#send({ type: 'feed-gap', channel: this.channel, serial: this.serial, reason: gap.reason, position });
  }

  moved(position: Position): void {
    this.#send({
      type: 'feed-position',
      channel: this.channel,
      serial: this.serial,
      position: formatPosition(position),
    });
  }

  flush(): void {
    if (this.#batch.length === 0) return;
    const entries = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    const { channel, serial } = this;
    this.#owner.ports.send(this.peer, { type: 'feed-entries', channel, serial, at: this.#sent, entries });
    this.#sent += entries.length;
  }

  #send(message: RoutingMessage): void {
    this.flush();
    this.#owner.ports.send(this.peer, message);
  }
}

export class PeerReaders {
  readonly ports: FeedPorts;
  /** Readers with entries to send at the end of this turn. */
  readonly dirty: PeerReader[] = [];
  readonly #feeds: Feeds;
  readonly #readers = new Map<NodeId, Map<string, PeerReader>>();
  #checkAt = 0;

  constructor(ports: FeedPorts, feeds: Feeds) {
    this.ports = ports;
    this.#feeds = feeds;
  }

  onInterest(from: NodeId, m: Interest, now: number): void {
    this.#detach(from, m.channel);
    if (!this.ports.owns(this.ports.slotOf(m.channel))) {
      this.ports.send(from, { type: 'feed-end', channel: m.channel, serial: m.serial });
      return;
    }
    const reader = new PeerReader(this, from, m, now);
    const ofPeer = this.#readers.get(from) ?? new Map<string, PeerReader>();
    this.#readers.set(from, ofPeer);
    ofPeer.set(m.channel, reader);
    this.#feeds.attach(reader, now);
  }

  onDrop(from: NodeId, channel: string, serial: number): void {
    if (this.#readers.get(from)?.get(channel)?.serial === serial) this.#detach(from, channel);
  }

  onRenew(from: NodeId, items: readonly { channel: string; serial: number }[], now: number): void {
    for (const { channel, serial } of items) {
      const reader = this.#readers.get(from)?.get(channel);
      if (reader?.serial === serial) reader.renewedAt = now;
      else this.ports.send(from, { type: 'feed-end', channel, serial });
    }
  }

  /** A read answer must not overtake what was streamed before it. */
  flushChannel(peer: NodeId, channel: string): void {
    this.#readers.get(peer)?.get(channel)?.flush();
  }

  onPeerReset(peer: NodeId): void {
    for (const channel of [...(this.#readers.get(peer)?.keys() ?? [])]) this.#detach(peer, channel);
  }

  /** The table changed: relays of slots that this node no longer serves must ask the new owner. */
  onTable(): void {
    for (const [peer, readers] of this.#readers) {
      for (const reader of [...readers.values()]) {
        if (this.ports.owns(this.ports.slotOf(reader.channel))) continue;
        reader.flush();
        this.#detach(peer, reader.channel);
        this.ports.send(peer, { type: 'feed-end', channel: reader.channel, serial: reader.serial });
      }
    }
  }

  flush(): void {
    for (let i = 0; i < this.dirty.length; i++) this.dirty[i]!.flush();
    this.dirty.length = 0;
  }

  tick(now: number): void {
    if (now < this.#checkAt) return;
    this.#checkAt = now + LEASE.renewMs;
    for (const [peer, readers] of this.#readers) {
      for (const reader of [...readers.values()]) {
        if (now > reader.renewedAt + LEASE.endsMs) this.#detach(peer, reader.channel);
      }
    }
    for (const [owner, items] of this.#feeds.interests()) this.ports.send(owner, { type: 'interest-renew', items });
  }

  #detach(peer: NodeId, channel: string): void {
    const readers = this.#readers.get(peer);
    const reader = readers?.get(channel);
    if (readers === undefined || reader === undefined) return;
    readers.delete(channel);
    if (readers.size === 0) this.#readers.delete(peer);
    this.#feeds.detach(reader);
  }
}
