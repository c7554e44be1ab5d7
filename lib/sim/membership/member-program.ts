/**
 * A membership as a program of the simulated world, with just enough of a node round it: records are signed (by a stand-in
 * that costs nothing), each frame carries the digest, a joining node turns alive once it has joined, one that was
 * superseded right after its start begins again above the other's boot, an older one stops.
 */

import { Packr } from 'msgpackr';
import { hashText } from '../../core/membership/hash.js';
import type { Membership } from '../../core/membership/membership.js';
import type { MembershipFeatures, MembershipOptions, MembershipTiming } from '../../core/membership/options.js';
import type { MemberState, MembershipPorts } from '../../core/membership/types.js';
import type { NodeId } from '../../wire/ids.js';
import {
  decodeMembership,
  encodeMembership,
  type MemberRecord,
  type MembershipMessage,
} from '../../wire/membership.js';
import type { ProcessPorts, Program } from '../world.js';
import { FRAME_HEADER_BYTES, sizeOfMessage } from './codec-size.js';
import { DenseIndex } from './dense-index.js';

/** The class under test; the self-test passes variants of it. */
export type MembershipClass = new (options: MembershipOptions, ports: MembershipPorts) => Membership;

export interface Frame {
  readonly digest: string;
  readonly message: MembershipMessage;
}

export interface Watcher {
  transition(
    host: number,
    id: NodeId,
    from: MemberState | undefined,
    to: MemberState,
    record: MemberRecord,
    because: string,
  ): void;
  /** Every frame that is sent, before the network decides on its fate. */
  sent(host: number, frame: Frame): void;
  /** A table was rebuilt. */
  rebuilt(host: number): void;
  superseded(host: number, exits: boolean): void;
}

export interface MemberOptions {
  readonly type: MembershipClass;
  readonly timing: MembershipTiming;
  readonly features?: MembershipFeatures;
  /** URLs each node is given. */
  readonly seeds: (host: number) => readonly string[];
  /** Hosts with the same name share a key. */
  readonly nameOf?: (host: number) => number;
  readonly weightOf?: (host: number) => number;
  /** Starts as a full member, for clusters whose views are given to them. */
  readonly alive?: boolean;
}

const DIGITS = 'abcdefghijklmnopqrstuvwxyz234567';
/** A node younger than this that meets a higher boot of itself was given too low a one. */
const YOUNG_MS = 30_000;
/** Two processes with one key would outbid each other for ever. */
const ATTEMPTS_MAX = 2;
const LEAVE_MS = 600;

const ids: NodeId[] = [];

export function idOfNumber(n: number): NodeId {
  ids[n] ??= Array.from({ length: 20 }, (_, i) => DIGITS[hashText(`${n} ${i}`, i) & 31]).join('') as NodeId;
  return ids[n] as NodeId;
}

export function keyOfNumber(n: number): Uint8Array {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, n);
  return key;
}

export function idOfKey(key: Uint8Array): NodeId {
  const [a = 0, b = 0, c = 0, d = 0] = key;
  return idOfNumber(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
}

/** Not a signature, but as hard to satisfy by accident: 64 bytes that depend on key and content. */
export function stamp(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  let h = new DataView(key.buffer, key.byteOffset).getUint32(0) ^ 0x5bd1e995;
  for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
  const out = new Uint8Array(64);
  new DataView(out.buffer).setInt32(0, h);
  return out;
}

export function verifyStamp(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  return stamp(key, bytes).every((byte, i) => byte === signature[i]);
}

const packr = new Packr({ useRecords: false });

export const frameCodec = {
  encode: (frame: unknown): Uint8Array => {
    const { digest, message } = frame as Frame;
    return packr.pack([digest, encodeMembership(message)]);
  },
  decode: (bytes: Uint8Array): Frame => {
    const [digest, element] = packr.unpack(bytes) as [string, unknown[]];
    return { digest, message: decodeMembership(element) };
  },
};

export function frameSize(frame: unknown): number {
  return FRAME_HEADER_BYTES + sizeOfMessage((frame as Frame).message);
}

export function frameType(frame: unknown): string {
  return (frame as Frame).message.type;
}

export class MemberProgram implements Program {
  readonly id: NodeId;
  readonly boot: number;
  readonly membership: Membership;
  readonly #ports: ProcessPorts;
  readonly #watcher: Watcher;
  #startedWallMs = 0;
  #leaveAt = Number.POSITIVE_INFINITY;
  #joinAt = Number.POSITIVE_INFINITY;
  rebuilds = 0;

  constructor(options: MemberOptions, ports: ProcessPorts, watcher: Watcher) {
    this.#ports = ports;
    this.#watcher = watcher;
    const name = options.nameOf?.(ports.host) ?? ports.host;
    const key = keyOfNumber(name);
    this.id = idOfNumber(name);
    const last = (ports.memory.get('boot') as number | undefined) ?? 0;
    this.boot = Math.max(last + 1, Math.floor(ports.wallNow()));
    ports.memory.set('boot', this.boot);
    const seeds = options.seeds(ports.host);
    this.membership = new options.type(
      {
        cluster: 'sim',
        id: this.id,
        key,
        boot: this.boot,
        url: ports.url,
        weight: options.weightOf?.(ports.host) ?? 1,
        zone: '',
        version: '1.0.0',
        seeds,
        state:
          options.alive || seeds.length === 0 || (seeds.length === 1 && seeds[0] === ports.url) ? 'alive' : 'joining',
        timing: options.timing,
        ...(options.features ? { features: options.features } : {}),
      },
      {
        send: (to, url, message) => {
          const frame: Frame = { digest: this.membership.digest(), message };
          watcher.sent(ports.host, frame);
          ports.send(to, url, frame);
        },
        dial: (url) => ports.dial(url),
        close: (peer) => ports.close(peer),
        refuse: (peer) => ports.close(peer),
        sign: (bytes) => stamp(key, bytes),
        verify: verifyStamp,
        idOf: idOfKey,
        random: ports.random,
        index: new DenseIndex(),
        changed: () => undefined,
        superseded: (boot) => this.#superseded(boot),
        transition: (id, from, to, record, because) => watcher.transition(ports.host, id, from, to, record, because),
      },
    );
  }

  get joining(): boolean {
    return this.#joinAt !== Number.POSITIVE_INFINITY;
  }

  start(now: number): void {
    this.#startedWallMs = this.#ports.wallNow();
    if (this.membership.self.state === 'joining') this.#joinAt = now + 50;
    this.membership.start(now);
  }

  tick(now: number): void {
    this.membership.tick(now);
    if (now >= this.#joinAt) {
      this.#joinAt = now + 50;
      if (this.membership.joined(now)) {
        this.#joinAt = Number.POSITIVE_INFINITY;
        this.membership.setState('alive', now);
      }
    }
    if (now >= this.#leaveAt) {
      if (this.membership.self.state === 'draining') {
        this.membership.setState('left', now);
        this.#leaveAt = now + LEAVE_MS;
      } else {
        this.#leaveAt = Number.POSITIVE_INFINITY;
        this.#ports.exit();
      }
    }
    this.#rebuild(now);
  }

  nextWakeAt(): number {
    return Math.min(this.membership.nextWakeAt(), this.#leaveAt, this.#joinAt);
  }

  onLinkUp(peer: string, boot: number, now: number, dialed?: string): void {
    this.membership.onLinkUp(peer as NodeId, boot, now, dialed);
    this.#rebuild(now);
  }

  onLinkDown(peer: string, why: 'closed' | 'refused' | 'timeout' | 'idle', now: number): void {
    this.membership.onLinkDown(peer as NodeId, why, now);
    this.#rebuild(now);
  }

  onDialFailed(url: string, why: 'refused' | 'timeout' | 'self', now: number): void {
    this.membership.onDialFailed(url, why, now);
  }

  onMessage(from: string, message: unknown, now: number): void {
    const frame = message as Frame;
    this.membership.onMessage(from as NodeId, frame.message, now);
    this.membership.onDigest(from as NodeId, frame.digest, now);
    this.#rebuild(now);
  }

  /** `leave`: drain, then leave, then exit. */
  onCommand(command: string, now: number): void {
    if (command !== 'leave' || this.membership.self.state === 'left') return;
    this.#joinAt = Number.POSITIVE_INFINITY;
    this.membership.setState('draining', now);
    this.#leaveAt = now + LEAVE_MS;
  }

  #rebuild(now: number): void {
    if (!this.membership.tableDue(now)) return;
    this.rebuilds += 1;
    this.#watcher.rebuilt(this.#ports.host);
  }

  #superseded(boot: number): void {
    const { memory, random } = this.#ports;
    const young = this.#ports.wallNow() - this.#startedWallMs < YOUNG_MS;
    const attempts = (memory.get('attempts') as number | undefined) ?? 0;
    const again = young && attempts < ATTEMPTS_MAX;
    this.#watcher.superseded(this.#ports.host, !again);
    if (!again) return this.#ports.exit();
    memory.set('attempts', attempts + 1);
    // Twins that start over at the same moment must not meet at the same boot again.
    memory.set('boot', boot + random.below(1_000));
    this.#ports.restart();
  }
}
