/**
 * All feeds of this node. Attaching a reader finds or opens the channel's feed; a change of owner re-opens it at the
 * new owner from the feed's cursor. Rule: whatever a live reader gets next comes directly after the feed's cursor, or a
 * gap that covers the hole comes first.
 */
import type { NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import {
  coversPosition,
  EMPTY_POSITION,
  formatPosition,
  meetPositions,
  mergePositions,
  type Position,
  parsePosition,
} from '../../wire/position.js';
import type { RoutingMessage } from '../../wire/routing.js';
import type { Entry, Gap, ReadResult } from '../channel/types.js';
import { Feed, LOCAL } from './feed.js';
import type { FeedPorts } from './ports.js';
import type { Reader } from './reader.js';

export const FEED_TIMES = {
  /** First wait before a refused or lost feed is asked for again; doubles up to the second value. */
  retryMs: 25,
  retryMsMax: 100,
  /** An owner that does not answer `interest` or `read` for this long is asked again. */
  askMs: 2_000,
  /** A reader that lacks something the feed's live readers have waits so long for the owner to bring it. */
  joinMs: 2_000,
} as const;

type FeedMessage = Extract<
  RoutingMessage,
  { type: 'feed-start' | 'feed-entries' | 'feed-gap' | 'feed-position' | 'feed-end' }
>;
type ReadAnswer = Extract<RoutingMessage, { type: 'read-answer' }>;

export class Feeds {
  readonly #ports: FeedPorts;
  readonly #feeds = new Map<string, Feed>();
  /** Feeds that need another look at a set time: without a source, asked, or with readers that catch up. */
  readonly #restless = new Set<Feed>();
  readonly #reads = new Map<number, { reader: Reader; at: number; node: NodeId }>();
  /** Feeds with a reader that lacks something the live readers have, and since when. */
  readonly #uncovered = new Map<Feed, number>();
  #serial = 0;

  constructor(ports: FeedPorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#feeds.size;
  }

  attach(reader: Reader, now: number): void {
    let feed = this.#feeds.get(reader.channel);
    if (feed === undefined) {
      feed = new Feed(reader.channel, this.#ports.slotOf(reader.channel));
      this.#feeds.set(reader.channel, feed);
    }
    reader.state = 'waiting';
    feed.addBehind(reader);
    if (feed.established) this.#advance(feed, reader, now);
    else this.#open(feed, now);
  }

  detach(reader: Reader): void {
    const feed = this.#feeds.get(reader.channel);
    this.#reads.delete(reader.readReq);
    if (feed === undefined) return;
    feed.remove(reader);
    if (feed.empty) this.#close(feed);
  }

  readersOf(channel: string): readonly Reader[] {
    const feed = this.#feeds.get(channel);
    return feed === undefined ? [] : [...feed.live, ...feed.behind];
  }

  /** Running interests by owner, to renew their leases. */
  interests(): Map<NodeId, { channel: string; serial: number }[]> {
    const byOwner = new Map<NodeId, { channel: string; serial: number }[]>();
    for (const feed of this.#feeds.values()) {
      if (feed.upstream.kind !== 'remote') continue;
      const { node, serial } = feed.upstream;
      const items = byOwner.get(node) ?? [];
      items.push({ channel: feed.channel, serial });
      byOwner.set(node, items);
    }
    return byOwner;
  }

  // what this node's own channels say

  onOrdered(channel: string, entries: readonly Entry[], now: number): void {
    const feed = this.#feeds.get(channel);
    if (feed === undefined || feed.upstream.kind !== 'local') return;
    for (let i = 0; i < entries.length; i++) feed.deliver(entries[i]!);
    if (feed.behind.size > 0) this.#advanceAll(feed, now);
  }

  onGapped(channel: string, gap: Gap): void {
    const feed = this.#feeds.get(channel);
    if (feed?.upstream.kind === 'local') feed.gap(gap);
  }

  onMoved(channel: string, position: Position): void {
    const feed = this.#feeds.get(channel);
    if (feed?.upstream.kind === 'local') feed.move(position);
  }

  // what changes around it

  /** The table changed, or this node began or ceased to serve slots: every feed looks for its source again. */
  onTable(now: number): void {
    for (const feed of this.#feeds.values()) this.#reopenIfMoved(feed, now);
  }

  onPeerReset(peer: NodeId, now: number): void {
    for (const feed of this.#feeds.values()) {
      const { upstream } = feed;
      if ((upstream.kind !== 'remote' && upstream.kind !== 'asked') || upstream.node !== peer) continue;
      feed.upstream = { kind: 'none', retryAt: now, backoffMs: 0 };
      this.#restless.add(feed);
    }
    for (const [req, read] of this.#reads) if (read.node === peer) this.#reads.delete(req);
  }

  onMessage(from: NodeId, m: FeedMessage, now: number): void {
    const feed = this.#feeds.get(m.channel);
    const upstream = feed?.upstream;
    if (feed === undefined || upstream === undefined) return;
    if (upstream.kind !== 'asked' && upstream.kind !== 'remote') return;
    if (upstream.node !== from || upstream.serial !== m.serial) return;
    switch (m.type) {
      case 'feed-start':
        if (feed.live.length === 0) feed.cursor = parsePosition(m.position);
        feed.upstream = { kind: 'remote', node: from, serial: m.serial, taken: 0 };
        this.#advanceAll(feed, now);
        return;
      case 'feed-entries':
        // not told by `prev`: entries that repeat a message under another name are left out of the stream
        if (upstream.kind !== 'remote' || upstream.taken !== m.at) return this.#lose(feed, now, FEED_TIMES.retryMs);
        upstream.taken += m.entries.length;
        for (let i = 0; i < m.entries.length; i++) feed.deliver(m.entries[i]!);
        return;
      case 'feed-gap':
        return feed.gap({ reason: m.reason, position: parsePosition(m.position) });
      case 'feed-position':
        return feed.move(parsePosition(m.position));
      case 'feed-end':
        return this.#lose(feed, now, upstream.kind === 'asked' ? upstream.backoffMs : 0);
    }
  }

  onReadAnswer(from: NodeId, m: ReadAnswer, now: number): void {
    const read = this.#reads.get(m.req);
    if (read === undefined || read.node !== from) return;
    this.#reads.delete(m.req);
    const { reader } = read;
    reader.readReq = 0;
    const feed = this.#feeds.get(reader.channel);
    if (feed === undefined || reader.state === 'gone') return;
    if (!m.owner) return void this.#restless.add(feed);
    const result: ReadResult = {
      gap: m.gap && { reason: m.gap.reason, position: parsePosition(m.gap.position) },
      entries: m.entries,
      position: parsePosition(m.position),
      complete: m.complete,
      catchingUp: m.catchingUp,
    };
    // the answer speaks for the stream only if the stream still comes from there: links are FIFO
    const current = feed.upstream.kind === 'remote' && feed.upstream.node === from;
    this.#take(feed, reader, result, current, now);
    if ((reader.state as Reader['state']) !== 'live' && !m.catchingUp) this.#advance(feed, reader, now);
  }

  nextWakeAt(now: number): number {
    return this.#restless.size === 0 ? Number.POSITIVE_INFINITY : now + FEED_TIMES.retryMs;
  }

  tick(now: number): void {
    for (const feed of [...this.#restless]) {
      this.#restless.delete(feed);
      if (feed.empty || this.#feeds.get(feed.channel) !== feed) continue;
      const { upstream } = feed;
      if (upstream.kind === 'none') {
        if (now >= upstream.retryAt) this.#open(feed, now);
        else this.#restless.add(feed);
      } else if (upstream.kind === 'asked') {
        if (now >= upstream.askedAt + FEED_TIMES.askMs) this.#lose(feed, now, upstream.backoffMs);
        else this.#restless.add(feed);
      } else if (feed.behind.size > 0) {
        this.#advanceAll(feed, now);
      }
    }
    for (const [req, read] of this.#reads) {
      if (now < read.at + FEED_TIMES.askMs) continue;
      this.#reads.delete(req);
      read.reader.readReq = 0;
    }
  }

  // finding the source

  #reopenIfMoved(feed: Feed, now: number): void {
    const { upstream } = feed;
    const local = this.#ports.owns(feed.slot);
    if (local && upstream.kind === 'local') return;
    const owner = this.#ports.ownerOf(feed.slot);
    if (!local && (upstream.kind === 'remote' || upstream.kind === 'asked') && upstream.node === owner) return;
    if (upstream.kind === 'remote' || upstream.kind === 'asked') this.#drop(feed);
    this.#open(feed, now);
  }

  #open(feed: Feed, now: number): void {
    if (feed.upstream.kind === 'asked') return;
    if (this.#ports.owns(feed.slot)) return this.#openLocal(feed, now);
    const owner = this.#ports.ownerOf(feed.slot);
    if (owner === undefined || owner === this.#ports.self) return this.#lose(feed, now, FEED_TIMES.retryMs);
    const backoffMs = feed.upstream.kind === 'none' ? feed.upstream.backoffMs : 0;
    const serial = ++this.#serial;
    feed.upstream = { kind: 'asked', node: owner, serial, askedAt: now, backoffMs };
    const after = feed.live.length === 0 ? 'now' : formatPosition(feed.cursor);
    this.#ports.send(owner, { type: 'interest', channel: feed.channel, serial, after });
    this.#restless.add(feed);
  }

  /** This node serves the channel now: live readers go on from the cursor they had. */
  #openLocal(feed: Feed, now: number): void {
    feed.upstream = LOCAL;
    const cursor = feed.cursor;
    feed.cursor = this.#ports.head(feed.channel);
    for (const reader of feed.takeLive()) {
      const own = reader.ahead === null ? cursor : mergePositions(cursor, reader.ahead);
      reader.after = own;
      reader.ahead = null;
      reader.state = 'catching';
      feed.addBehind(reader);
    }
    this.#advanceAll(feed, now);
  }

  #lose(feed: Feed, now: number, backoffMs: number): void {
    const next = Math.min(Math.max(backoffMs * 2, FEED_TIMES.retryMs), FEED_TIMES.retryMsMax);
    this.#drop(feed);
    feed.upstream = { kind: 'none', retryAt: now + backoffMs, backoffMs: next };
    this.#restless.add(feed);
  }

  #drop(feed: Feed): void {
    const { upstream } = feed;
    if (upstream.kind === 'remote' || upstream.kind === 'asked') {
      this.#ports.send(upstream.node, { type: 'interest-drop', channel: feed.channel, serial: upstream.serial });
    }
    feed.upstream = { kind: 'none', retryAt: 0, backoffMs: 0 };
  }

  #close(feed: Feed): void {
    this.#drop(feed);
    this.#feeds.delete(feed.channel);
    this.#restless.delete(feed);
    this.#uncovered.delete(feed);
  }

  // bringing readers to the head

  #advanceAll(feed: Feed, now: number): void {
    for (const reader of [...feed.behind]) this.#advance(feed, reader, now);
  }

  #advance(feed: Feed, reader: Reader, now: number): void {
    if (!feed.established || reader.state === 'live' || reader.state === 'gone') return;
    if (reader.after === 'now') return this.#startNow(feed, reader);
    reader.state = 'catching';
    if (feed.upstream.kind === 'remote') return this.#askOwner(feed, reader, feed.upstream.node, now);
    for (let steps = 0; steps < LIMITS.catchUpEntriesMax; steps += LIMITS.catchUpReadMax) {
      const after: 'start' | Position = reader.after as 'start' | Position;
      const result = this.#ports.read(feed.channel, after, LIMITS.catchUpReadMax, now);
      this.#take(feed, reader, result, true, now);
      if ((reader.state as Reader['state']) === 'live' || result.complete) return;
    }
    this.#restless.add(feed);
  }

  #startNow(feed: Feed, reader: Reader): void {
    this.#tell(reader, feed.cursor, true);
    reader.goLive(feed.cursor, feed.cursor);
    feed.addLive(reader);
  }

  #askOwner(feed: Feed, reader: Reader, node: NodeId, now: number): void {
    this.#restless.add(feed);
    if (this.#reads.has(reader.readReq)) return;
    // even, so that it never equals the number of a question asked elsewhere on this node
    const req = 2 * ++this.#serial;
    reader.readReq = req;
    this.#reads.set(req, { reader, at: now, node });
    const after = typeof reader.after === 'string' ? reader.after : formatPosition(reader.after);
    this.#ports.send(node, { type: 'read', req, channel: feed.channel, after, limit: LIMITS.catchUpReadMax });
  }

  /** One read on the way to the head; `joinable`: its end is where the feed is now. */
  #take(feed: Feed, reader: Reader, result: ReadResult, joinable: boolean, now: number): void {
    const from = typeof reader.after === 'string' ? result.position : reader.after;
    this.#tell(reader, from, result.gap === null && !result.catchingUp);
    const late = this.#ports.lateGaps === true;
    if (result.gap !== null && !late) reader.gapped(result.gap);
    const had: Position = typeof reader.after === 'string' ? EMPTY_POSITION : reader.after;
    for (let i = 0; i < result.entries.length; i++) reader.entryAfter(had, result.entries[i]!);
    if (result.gap !== null && late) reader.gapped(result.gap);
    // after a gap the read's own word counts alone: what is lost for good must not stay in the position
    reader.after = result.gap === null ? mergePositions(had, result.position) : result.position;
    if (!result.complete || !joinable || result.catchingUp) {
      this.#restless.add(feed);
      return;
    }
    this.#join(feed, reader, reader.after, now);
  }

  /**
   * The owner streams what lies beyond the feed's cursor, and that may be beyond what it has itself ordered: its
   * predecessor sent some before it died, and this owner has still to commit it. A reader that comes from before that
   * would never be sent it. It reads on at the owner until it has as much as the feed. What no owner brings any more must
   * not keep it waiting: then the stream begins anew where this reader is, and the others skip what they have.
   */
  #join(feed: Feed, reader: Reader, at: Position, now: number): void {
    const fits = feed.upstream.kind !== 'remote' || coversPosition(at, feed.cursor);
    if (!fits) {
      const since = this.#uncovered.get(feed) ?? now;
      this.#uncovered.set(feed, since);
      if (now - since < FEED_TIMES.joinMs) return void this.#restless.add(feed);
      const from = meetPositions(feed.cursor, at);
      for (const other of feed.live) {
        other.goLive(other.ahead === null ? feed.cursor : mergePositions(feed.cursor, other.ahead), from);
      }
      feed.cursor = from;
    }
    this.#uncovered.delete(feed);
    reader.goLive(at, feed.cursor);
    feed.addLive(reader);
    if (fits) return;
    this.#drop(feed);
    this.#open(feed, now);
  }

  #tell(reader: Reader, position: Position, recovered: boolean): void {
    if (reader.told) return;
    reader.told = true;
    reader.started(formatPosition(position), recovered);
  }
}
