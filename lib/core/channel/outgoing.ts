/**
 * What leaves for peers at the end of a turn: one push for each, with everything that its marks lack, then the
 * confirmations, offers and answers. A run of entries is encoded once, however many peers get it. What is under way to a
 * peer is bounded; the rest waits for its confirmations.
 */
import { positionAfter } from '../../wire/entry.js';
import { LIMITS } from '../../wire/limits.js';
import { PushWriter } from '../../wire/push.js';
import type { Held } from '../../wire/replication.js';
import type { Lineage, Part } from './lineage.js';
import type { Entrusted, Mark, Peer } from './peer.js';
import { snapshotOf, told } from './retention.js';
import { writeRun } from './runs.js';
import type { SlotState } from './slot.js';
import { ROLE, type Store } from './store.js';

/** Below this many entries it costs less to send what the peer may have than to ask. */
const OFFER_ABOVE = 16;

export class Outgoing {
  readonly #store: Store;
  readonly #writer = new PushWriter();
  #flush = 0;
  /** Pieces of the writer that make up the push to the peer at hand: start, end, start, end … */
  #pieces: number[] = [];
  #marks: Mark[] = [];
  #uptos: number[] = [];
  #batch = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  get needed(): boolean {
    if (this.#store.snapshotsDue.size > 0) return true;
    for (const peer of this.#store.peers.values()) {
      if (!peer.up) continue;
      if (peer.urgent && peer.dirty.length > 0 && peer.inFlightBytes < LIMITS.pushWindowBytes) return true;
      if (peer.answerUpTo > 0 || peer.offers.size > 0 || peer.replies.length > 0) return true;
    }
    return false;
  }

  flush(now: number): void {
    const store = this.#store;
    this.#writer.clear();
    this.#flush++;
    const due = this.#snapshotPieces(now);
    let whole: { start: number; end: number; bytes: Uint8Array } | null = null;
    for (const peer of store.peers.values()) {
      if (!peer.up) continue;
      const snapshots = due.get(peer);
      // what trails goes along with what is said anyway
      const isDue = peer.urgent || peer.answerUpTo > 0;
      if (snapshots !== undefined || (isDue && peer.dirty.length > 0)) {
        this.#pieces = snapshots ?? [];
        this.#marks = [];
        this.#uptos = [];
        this.#collect(peer, now);
        if (this.#pieces.length > 0) whole = this.#send(peer, whole, now);
      }
      this.#answer(peer);
    }
    store.snapshotsDue.clear();
  }

  /** What was removed since the copies were last told, encoded once, and the pieces of it for each peer. */
  #snapshotPieces(now: number): Map<Peer, number[]> {
    const store = this.#store;
    const due = new Map<Peer, number[]>();
    for (const slot of store.snapshotsDue) {
      if (!slot.open) continue;
      const start = this.#writer.length;
      for (const log of slot.trimmed) {
        const { cuts, floors } = snapshotOf(store, log, false);
        this.#writer.snapshot(slot.slot, log.channel, true, cuts, floors);
      }
      told(slot);
      for (const peer of store.targets(slot, now)) {
        if (!peer.up || slot.snapshots.get(peer) !== peer.epoch) continue;
        const pieces = due.get(peer) ?? [];
        due.set(peer, pieces);
        append(pieces, start, this.#writer.length);
      }
    }
    return due;
  }

  #collect(peer: Peer, now: number): void {
    const { dirty } = peer;
    const later: Mark[] = [];
    let bytes = peer.inFlightBytes;
    for (let i = 0; i < dirty.length; i++) {
      const mark = dirty[i]!;
      mark.refresh();
      const { lineage } = mark;
      mark.queued = false;
      if (mark.sent >= lineage.have) continue;
      if (this.#store.planted('copyOwnOnly') && lineage.slot.open && !lineage.own) continue;
      if (!mark.known && lineage.size > OFFER_ABOVE) {
        peer.offers.add(lineage);
        continue;
      }
      if (bytes >= LIMITS.pushWindowBytes) {
        mark.queued = true;
        later.push(mark);
        continue;
      }
      bytes += this.#part(mark, now);
      if (mark.sent >= lineage.have) continue;
      mark.queued = true;
      later.push(mark);
    }
    peer.dirty = later;
    peer.urgent = later.length > 0;
    peer.trailAt = Number.POSITIVE_INFINITY;
  }

  /** Writes, or finds written, the run after what was sent last; answers its size. */
  #part(mark: Mark, now: number): number {
    const { lineage, peer } = mark;
    const { slot } = lineage;
    let bytes = 0;
    const from = mark.sent + 1;
    const first = lineage.indexAfter(mark.sent);
    // whoever was told of the lineage on this link has the snapshots
    if (!mark.headerSent && slot.snapshots.get(peer) !== peer.epoch) {
      bytes += this.#snapshots(slot, true, now);
      slot.snapshots.set(peer, peer.epoch);
    } else if (slot.trimmed.size > 0 && this.#hasHole(lineage, first, from)) {
      bytes += this.#snapshots(slot, false, now);
    }
    const header = !mark.headerSent && lineage.author !== null;
    const { part } = lineage;
    const isWritten = part.flush === this.#flush && part.from === from && part.header === header;
    if (!isWritten) this.#write(part, lineage, first, from, header, now);
    append(this.#pieces, part.start, part.end);
    mark.sent = part.upto;
    mark.headerSent = true;
    this.#marks.push(mark);
    this.#uptos.push(part.upto);
    return bytes + part.end - part.start;
  }

  #hasHole(lineage: Lineage, first: number, from: number): boolean {
    let expected = from;
    for (let i = first; expected <= lineage.have; i++) {
      const entry = lineage.at(i);
      if (entry === undefined || entry.gone || entry.s !== expected) return true;
      expected++;
    }
    return false;
  }

  #write(part: Part, lineage: Lineage, first: number, from: number, header: boolean, now: number): void {
    const writer = this.#writer;
    const asOwner = this.#store.role(lineage.slot.slot) !== ROLE.none;
    const start = writer.length;
    const upto = writeRun(writer, lineage, first, from, header, asOwner, now);
    this.#store.counters.pushedEntries += writer.count;
    part.flush = this.#flush;
    part.from = from;
    part.upto = upto;
    part.header = header;
    part.start = start;
    part.end = writer.length;
  }

  #snapshots(slot: SlotState, all: boolean, _now: number): number {
    const store = this.#store;
    const start = this.#writer.length;
    const asOwner = store.role(slot.slot) !== ROLE.none;
    for (const log of all ? slot.logs : slot.trimmed) {
      const { cuts, floors } = snapshotOf(store, log, true);
      if (cuts.length > 0 || floors.length > 0) this.#writer.snapshot(slot.slot, log.channel, asOwner, cuts, floors);
    }
    if (this.#writer.length > start) append(this.#pieces, start, this.#writer.length);
    return this.#writer.length - start;
  }

  #send(peer: Peer, whole: { start: number; end: number; bytes: Uint8Array } | null, now: number): typeof whole {
    const pieces = this.#pieces;
    let bytes: Uint8Array;
    let shared = whole;
    if (pieces.length === 2) {
      const [start, end] = pieces as [number, number];
      if (whole !== null && whole.start === start && whole.end === end) bytes = whole.bytes;
      else {
        bytes = this.#writer.slice(start, end);
        shared = { start, end, bytes };
      }
    } else {
      let length = 0;
      for (let i = 0; i < pieces.length; i += 2) length += pieces[i + 1]! - pieces[i]!;
      bytes = new Uint8Array(length);
      let at = 0;
      for (let i = 0; i < pieces.length; i += 2) {
        this.#writer.copyTo(bytes, at, pieces[i]!, pieces[i + 1]!);
        at += pieces[i + 1]! - pieces[i]!;
      }
    }
    const number = ++this.#batch;
    const { entrusted } = peer;
    const [marks, uptos] = [this.#marks, this.#uptos];
    peer.inFlight.push({ number, bytes: bytes.length, marks, uptos, sentAt: now, entrusted });
    peer.inFlightBytes += bytes.length;
    this.#store.ports.send(peer.id, { type: 'push', batch: number, bytes });
    if (entrusted.length > 0) this.#entrust(peer, entrusted);
    return shared;
  }

  /** After the push, so that the peer holds the entries when it reads the answers. */
  #entrust(peer: Peer, entrusted: readonly Entrusted[]): void {
    peer.entrusted = [];
    for (const { entry, request } of entrusted) {
      const { strand } = entry;
      if (entry.waiting !== request || strand.lineage.markOf(peer).sent < entry.s) continue;
      // not in the order yet: with the others as far as they are now
      const position = positionAfter({ lid: entry.lid, s: entry.s, others: strand.log.othersThan(strand) });
      this.#store.counters.entrusted++;
      request.passedOn!.entrust({ ok: true, id: entry.id, position, copies: 2 });
    }
  }

  #answer(peer: Peer): void {
    const { ports } = this.#store;
    if (peer.answerUpTo > 0) {
      ports.send(peer.id, { type: 'have', batch: peer.answerUpTo, refused: peer.refused });
      peer.answerUpTo = 0;
      peer.refused = [];
    }
    if (peer.offers.size > 0) {
      const held: Held[] = [];
      for (const { slot, lid, have } of peer.offers) held.push({ slot: slot.slot, lid, have });
      peer.offers.clear();
      for (let i = 0; i < held.length; i += LIMITS.digestItemsMax) {
        const part = held.slice(i, i + LIMITS.digestItemsMax);
        ports.send(peer.id, { type: 'digest', kind: 'offer', request: 0, slots: [], held: part });
      }
    }
    if (peer.replies.length === 0) return;
    const { replies } = peer;
    peer.replies = [];
    for (const reply of replies) ports.send(peer.id, reply);
  }
}

/** Pieces that touch become one. */
function append(pieces: number[], start: number, end: number): void {
  if (pieces.length > 0 && pieces[pieces.length - 1] === start) pieces[pieces.length - 1] = end;
  else pieces.push(start, end);
}
