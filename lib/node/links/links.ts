/**
 * All links of a node: one to each peer, opened when there is something to send. Of two links to one peer exactly one
 * stays, and both sides pick the same: while both dialled at once, the one of the smaller id; else the newer.
 */
import type { IncomingMessage } from 'node:http';
import type { LookupFunction } from 'node:net';
import { WebSocket } from 'ws';
import { PEER_SUBPROTOCOL, type Refusal } from '../../wire/handshake.js';
import type { Boot, NodeId } from '../../wire/ids.js';
import { LIMITS } from '../../wire/limits.js';
import type { Log } from '../log.js';
import { type Address, peerUrlOf, resolveAddresses } from './addresses.js';
import type { Peer, Self } from './handshake.js';
import { Link, type LinkEnd, type LinkOwner } from './link.js';

export interface LinksPorts {
  /** `dialled`: the seed as it was given to `dial`. */
  onUp(peer: NodeId, boot: Boot, dialled: string | undefined): void;
  onDown(peer: NodeId, why: 'closed' | 'refused' | 'timeout' | 'idle'): void;
  /** `text` says why to an operator. */
  onDialFailed(url: string, why: 'refused' | 'timeout' | 'rejected' | 'self', text: string): void;
  onFrame(peer: NodeId, bytes: Uint8Array): void;
  /** Another process holds this node's key: it proved so itself, or a proven peer is linked to it. */
  onTwin(boot: Boot): void;
}

/** Frames that wait for a link to a peer. */
interface Outbound {
  readonly url: string;
  frames: Uint8Array[];
  bytes: number;
  link: Link | null;
}

/** A seed being dialled, at all its addresses. */
interface Dial {
  open: number;
  reached: boolean;
  failure: LinkEnd | null;
}

interface Backoff {
  failures: number;
  until: number;
}

const WAITING_BYTES_MAX = 8 * 1024 * 1024;
const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 1_000;
const KEEP_ALIVE_MS = 10_000;
const QUIET_CHECKS_MAX = 3;
/** A peer that breaks the protocol so often within a minute is not let in for five. */
const OFFENCES_MAX = 3;
const OFFENCE_WINDOW_MS = 60_000;
const QUARANTINE_MS = 300_000;
/** Strangers from one address in a handshake at once; loopback, where whole clusters live, is exempt. */
const HALF_OPEN_PER_ADDRESS_MAX = 16;

export class Links implements LinkOwner {
  readonly #self: Self;
  readonly #ports: LinksPorts;
  readonly #log: Log;
  readonly #up = new Map<NodeId, Link>();
  /** Links in a handshake. */
  readonly #meeting = new Set<Link>();
  readonly #halfOpen = new Map<string, number>();
  readonly #outbound = new Map<NodeId, Outbound>();
  /** Closed from within a step of the core, which hears of it after the step. */
  readonly #closing = new Map<NodeId, 'closed' | 'idle'>();
  readonly #backoff = new Map<NodeId, Backoff>();
  readonly #offences = new Map<NodeId, { count: number; since: number; until: number }>();
  /** Seeds being dialled, and addresses that turned out to be this node. */
  readonly #dialling = new Map<string, Dial>();
  readonly #seedOf = new Map<Link, { dial: string; address: string }>();
  readonly #own = new Set<string>();
  readonly #keepAlive: NodeJS.Timeout;
  #stopped = false;

  constructor(self: Self, ports: LinksPorts, log: Log) {
    this.#self = self;
    this.#ports = ports;
    this.#log = log;
    this.#keepAlive = setInterval(() => this.#checkQuiet(), KEEP_ALIVE_MS);
    this.#keepAlive.unref();
  }

  get count(): number {
    return this.#up.size;
  }

  sendFrame(peer: NodeId, url: string, bytes: Uint8Array): void {
    const link = this.#up.get(peer);
    if (link !== undefined) return link.send(bytes);
    if (this.#stopped) return;
    let outbound = this.#outbound.get(peer);
    if (outbound === undefined) {
      if ((this.#backoff.get(peer)?.until ?? 0) > performance.now()) return;
      outbound = { url, frames: [], bytes: 0, link: null };
      this.#outbound.set(peer, outbound);
      this.#connect(peer, outbound);
    }
    outbound.frames.push(bytes);
    outbound.bytes += bytes.length;
    // a link loses a suffix or nothing: with no room for this frame, all that wait are given up
    if (outbound.bytes > WAITING_BYTES_MAX) outbound.link?.terminate();
  }

  dial(seed: string): void {
    if (this.#stopped || this.#dialling.has(seed)) return;
    this.#dialling.set(seed, { open: 0, reached: false, failure: null });
    resolveAddresses(seed).then(
      (addresses) => this.#dialAll(seed, addresses),
      (error: Error) => {
        this.#dialling.delete(seed);
        this.#log('links', `seed ${seed}: ${error.message}`);
        if (!this.#stopped) this.#ports.onDialFailed(seed, 'timeout', error.message);
      },
    );
  }

  /** A peer knocked on the port. */
  accept(socket: WebSocket, request: IncomingMessage): void {
    const address = request.socket.remoteAddress ?? '';
    const link = new Link(socket, 'listener', address, this.#self, this);
    const fromHere = (this.#halfOpen.get(address) ?? 0) + 1;
    const isLoopback = /^(::ffff:)?127\.|^::1$/.test(address);
    this.#halfOpen.set(address, fromHere);
    this.#meeting.add(link);
    if (this.#stopped) link.refuse({ code: 'stopping', text: 'this node is stopping' });
    else if (this.#meeting.size > LIMITS.halfOpenLinksMax || (fromHere > HALF_OPEN_PER_ADDRESS_MAX && !isLoopback)) {
      link.refuse({ code: 'busy', text: 'too many handshakes at once' });
    }
  }

  close(peer: NodeId, why: 'unneeded' | 'misbehaved', reason: string): void {
    if (why === 'misbehaved') this.#offend(peer, reason);
    const link = this.#up.get(peer);
    if (link === undefined) return;
    this.#up.delete(peer);
    this.#closing.set(peer, why === 'misbehaved' ? 'closed' : 'idle');
    setImmediate(() => this.#reportClosing(peer));
    link.refuse(why === 'misbehaved' ? { code: 'protocol', text: reason } : { code: 'unneeded', text: reason });
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#keepAlive);
    for (const link of [...this.#up.values(), ...this.#meeting]) {
      link.refuse({ code: 'stopping', text: 'this node is stopping' });
    }
  }

  /** Cuts all links at once and unread: after a long stall, what waits in them is too old to be acted on. */
  cut(): void {
    for (const link of [...this.#up.values(), ...this.#meeting]) link.terminate();
  }

  met(link: Link, peer: Peer): Refusal | null {
    const { identity } = this.#self;
    if (peer.id === identity.id) {
      if (peer.boot !== identity.boot) {
        this.#log('alarm', `another process runs as ${peer.id}, boot ${peer.boot}, at ${peer.url}`);
        this.#ports.onTwin(peer.boot);
        return { code: 'superseded', text: 'two processes run with one identity' };
      }
      const seed = this.#seedOf.get(link);
      if (seed !== undefined) this.#own.add(seed.address);
      return { code: 'self', text: 'this is the node itself' };
    }
    if ((this.#offences.get(peer.id)?.until ?? 0) > performance.now()) {
      return { code: 'quarantined', text: 'this node broke the protocol again and again' };
    }
    // a listener says no only once it has proved itself, so that the dialer can believe it
    return link.role === 'dialer' ? this.#compare(link, peer) : null;
  }

  ready(link: Link, peer: Peer): Refusal | null {
    const refusal = this.#compare(link, peer);
    if (refusal !== null) return refusal;
    this.#reportClosing(peer.id);
    const present = this.#up.get(peer.id);
    if (present !== undefined) {
      const bothDialled = present.role === 'dialer' && performance.now() - present.upAt < LIMITS.handshakeMs;
      if (present.peer!.boot === peer.boot && bothDialled && this.#self.identity.id < peer.id) {
        return { code: 'duplicate', text: 'there is a link already' };
      }
      this.#up.delete(peer.id);
      this.#ports.onDown(peer.id, 'idle');
      present.refuse({ code: 'duplicate', text: 'a newer link took its place' });
    }
    this.#leaveMeeting(link);
    this.#up.set(peer.id, link);
    this.#backoff.delete(peer.id);
    this.#log('links', `up: ${peer.id} at ${peer.url}, ${link.role === 'dialer' ? 'dialled' : 'accepted'}`);
    const dialled = this.#seedOf.get(link)?.dial;
    this.#settleSeed(link, null);
    const waiting = this.#outbound.get(peer.id);
    this.#outbound.delete(peer.id);
    for (const frame of waiting?.frames ?? []) link.send(frame);
    this.#ports.onUp(peer.id, peer.boot, dialled);
    // whoever was meant to be reached by this link is not there any more
    const end: LinkEnd = { kind: 'refused', code: '', text: `${peer.id} answers there now`, own: true };
    for (const [meant, outbound] of this.#outbound) if (outbound.link === link) this.#giveUp(meant, outbound, end);
    return null;
  }

  frame(link: Link, bytes: Uint8Array): void {
    // frames of a link that was replaced belong to a stream that has ended
    const { id } = link.peer!;
    if (this.#up.get(id) === link) this.#ports.onFrame(id, bytes);
  }

  ended(link: Link, end: LinkEnd): void {
    this.#leaveMeeting(link);
    const id = link.peer?.id;
    if (end.code !== 'duplicate') {
      this.#log('links', `${end.kind}: ${id ?? link.remote}: ${end.code ? `${end.code}: ` : ''}${end.text}`);
    }
    if (id !== undefined && this.#up.get(id) === link) {
      this.#up.delete(id);
      if (end.own && end.code === 'protocol') this.#offend(id, end.text);
      const onPurpose = end.code === 'unneeded' || end.code === 'duplicate';
      this.#ports.onDown(id, onPurpose ? 'idle' : 'closed');
    }
    const isTold = end.code === 'superseded' && !end.own && id !== undefined;
    if (isTold) this.#ports.onTwin(Number(/^boot (\d{1,16}) /.exec(end.text)?.[1] ?? 0));
    this.#settleSeed(link, end);
    for (const [peer, outbound] of this.#outbound) {
      if (outbound.link === link) this.#giveUp(peer, outbound, end);
    }
  }

  /** With the link that there is to this peer. */
  #compare(link: Link, peer: Peer): Refusal | null {
    const present = this.#up.get(peer.id)?.peer;
    if (present === undefined || present === null || present.boot < peer.boot) return null;
    if (present.boot > peer.boot) return { code: 'superseded', text: `boot ${present.boot} of this node is linked` };
    return link.role === 'dialer' ? { code: 'duplicate', text: 'there is a link already' } : null;
  }

  #connect(peer: NodeId, outbound: Outbound): void {
    outbound.link = this.#open({ url: peerUrlOf(outbound.url), ip: undefined, key: outbound.url });
    if (outbound.link === null) {
      // the caller is inside a step of the core
      setImmediate(() =>
        this.#giveUp(peer, outbound, { kind: 'timeout', code: '', text: 'no URL to dial', own: true }),
      );
    }
  }

  #giveUp(peer: NodeId, outbound: Outbound, end: LinkEnd): void {
    if (this.#outbound.get(peer) !== outbound) return;
    this.#outbound.delete(peer);
    if (this.#stopped || this.#up.has(peer)) return;
    const backoff = this.#backoff.get(peer) ?? { failures: 0, until: 0 };
    const spanMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** backoff.failures);
    backoff.failures++;
    backoff.until = performance.now() + spanMs * (0.5 + Math.random() / 2);
    this.#backoff.set(peer, backoff);
    // the other side is about to use a link of its own, or has no room just now: neither says that it is gone
    if (end.code === 'duplicate') return;
    this.#ports.onDown(peer, isGone(end) ? 'refused' : 'timeout');
  }

  #open(address: Address): Link | null {
    let socket: WebSocket;
    try {
      socket = new WebSocket(address.url, PEER_SUBPROTOCOL, {
        perMessageDeflate: false,
        maxPayload: LIMITS.handshakeBytesMax,
        handshakeTimeout: LIMITS.handshakeMs,
        followRedirects: false,
        generateMask: noMask,
        ...(address.ip === undefined ? {} : { lookup: pinnedLookup(address.ip) }),
      });
    } catch (error) {
      this.#log('links', `${address.url}: ${(error as Error).message}`);
      return null;
    }
    const link = new Link(socket, 'dialer', address.key, this.#self, this);
    this.#meeting.add(link);
    return link;
  }

  #dialAll(seed: string, addresses: readonly Address[]): void {
    const dial = this.#dialling.get(seed);
    if (dial === undefined || this.#stopped) return;
    for (const address of addresses) {
      if (this.#own.has(address.key)) continue;
      const link = this.#open(address);
      if (link === null) continue;
      dial.open++;
      this.#seedOf.set(link, { dial: seed, address: address.key });
    }
    if (dial.open > 0) return;
    this.#dialling.delete(seed);
    this.#ports.onDialFailed(seed, 'self', 'this is the node itself');
  }

  /** A seed has failed when all its addresses have. */
  #settleSeed(link: Link, end: LinkEnd | null): void {
    const seed = this.#seedOf.get(link);
    if (seed === undefined) return;
    this.#seedOf.delete(link);
    const dial = this.#dialling.get(seed.dial);
    if (dial === undefined) return;
    if (end === null || end.code === 'duplicate') dial.reached = true;
    else if (end.code !== 'self') dial.failure = end;
    if (--dial.open > 0) return;
    this.#dialling.delete(seed.dial);
    if (dial.reached || this.#stopped) return;
    const { failure } = dial;
    if (failure === null) return this.#ports.onDialFailed(seed.dial, 'self', 'this is the node itself');
    const why = failure.kind === 'closed' ? 'timeout' : failure.kind;
    this.#ports.onDialFailed(seed.dial, why, failure.code ? `${failure.code}: ${failure.text}` : failure.text);
  }

  #reportClosing(peer: NodeId): void {
    const why = this.#closing.get(peer);
    if (why === undefined) return;
    this.#closing.delete(peer);
    if (!this.#stopped) this.#ports.onDown(peer, why);
  }

  #leaveMeeting(link: Link): void {
    if (!this.#meeting.delete(link) || link.role === 'dialer') return;
    const left = (this.#halfOpen.get(link.remote) ?? 1) - 1;
    if (left === 0) this.#halfOpen.delete(link.remote);
    else this.#halfOpen.set(link.remote, left);
  }

  #offend(peer: NodeId, reason: string): void {
    const now = performance.now();
    const known = this.#offences.get(peer);
    const offence =
      known !== undefined && now - known.since < OFFENCE_WINDOW_MS ? known : { count: 0, since: now, until: 0 };
    offence.count++;
    if (offence.count >= OFFENCES_MAX) offence.until = now + QUARANTINE_MS;
    this.#offences.delete(peer);
    this.#offences.set(peer, offence);
    if (this.#offences.size > LIMITS.membersMax) this.#offences.delete(this.#offences.keys().next().value!);
    const text = `${peer} broke the protocol: ${reason}`;
    if (offence.until > now) this.#log('alarm', `quarantined for ${QUARANTINE_MS / 60_000} min: ${text}`);
    else this.#log('links', text);
  }

  #checkQuiet(): void {
    for (const link of this.#up.values()) {
      if (++link.quietChecks > QUIET_CHECKS_MAX) link.terminate();
      else link.ping();
    }
    const now = performance.now();
    for (const [peer, backoff] of this.#backoff) {
      if (backoff.until + OFFENCE_WINDOW_MS < now) this.#backoff.delete(peer);
    }
  }
}

/** Whether the node that was meant is surely not there: nobody listens, or somebody else answers. */
function isGone(end: LinkEnd): boolean {
  return end.kind === 'refused' || (end.kind === 'rejected' && !['busy', 'quarantined', 'timeout'].includes(end.code));
}

/**
 * Masks keep a page in a browser from choosing the bytes that a proxy sees. Between nodes no browser speaks, and a mask of
 * zeros, which ws skips at both ends, saves 3.8 of 6.3 µs CPU a kB: ws masks byte by byte in JavaScript.
 */
function noMask(mask: Buffer): void {
  mask.fill(0);
}

function pinnedLookup(ip: string): LookupFunction {
  const family = ip.includes(':') ? 6 : 4;
  return (_host, options, done) => {
    if (options.all) done(null, [{ address: ip, family }]);
    else done(null, ip, family);
  };
}
