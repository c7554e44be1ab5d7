/** One membership alone with a test: real signatures by node:crypto, and everything that it sends or asks for kept. */
import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { Membership } from '../../lib/core/membership/membership.js';
import { type MembershipOptions, TIMINGS } from '../../lib/core/membership/options.js';
import { signedBytes } from '../../lib/core/membership/record.js';
import { SeededRandom } from '../../lib/sim/world-random.js';
import type { NodeId } from '../../lib/wire/ids.js';
import type { Claim, MemberRecord, MembershipMessage } from '../../lib/wire/membership.js';

export class Identity {
  readonly key: Uint8Array;
  readonly id: NodeId;
  readonly #secret: KeyObject;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    this.#secret = privateKey;
    this.key = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
    this.id = idOf(this.key);
  }

  sign(bytes: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, bytes, this.#secret));
  }

  record(change: Partial<MemberRecord> = {}, cluster = 'test'): MemberRecord {
    const { signature: _, ...fields } = {
      id: this.id,
      key: this.key,
      boot: 1_000,
      incarnation: 0,
      state: 'alive' as const,
      url: 'http://peer',
      weight: 1,
      zone: '',
      version: '1',
      signature: undefined,
      ...change,
    };
    return { ...fields, signature: this.sign(signedBytes(cluster, fields)) };
  }
}

export function idOf(key: Uint8Array): NodeId {
  const digits = 'abcdefghijklmnopqrstuvwxyz234567';
  let bits = 0n;
  for (const byte of createHash('sha256').update(key).digest().subarray(0, 13)) bits = (bits << 8n) | BigInt(byte);
  let id = '';
  for (let i = 0; i < 20; i++) id += digits[Number((bits >> BigInt(99 - i * 5)) & 31n)];
  return id as NodeId;
}

const PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

function genuine(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, bytes, { key: Buffer.concat([PREFIX, key]), format: 'der', type: 'spki' }, signature);
}

export class Lone {
  readonly identity = new Identity();
  readonly membership: Membership;
  readonly sent: { to: NodeId; message: MembershipMessage }[] = [];
  readonly refused: NodeId[] = [];
  readonly closed: NodeId[] = [];
  readonly dialled: string[] = [];
  readonly transitions: string[] = [];
  supersededBy: number | undefined;
  now = 0;

  constructor(options: Partial<MembershipOptions> = {}) {
    this.membership = new Membership(
      {
        cluster: 'test',
        id: this.identity.id,
        key: this.identity.key,
        boot: 1_000,
        url: 'http://self',
        weight: 1,
        zone: '',
        version: '1',
        seeds: [],
        state: 'alive',
        timing: TIMINGS.lan,
        ...options,
      },
      {
        send: (to, _, message) => this.sent.push({ to, message }),
        dial: (url) => this.dialled.push(url),
        close: (peer) => this.closed.push(peer),
        refuse: (peer) => this.refused.push(peer),
        sign: (bytes) => this.identity.sign(bytes),
        verify: genuine,
        idOf,
        random: new SeededRandom(1),
        changed: () => undefined,
        superseded: (boot) => {
          this.supersededBy = boot;
        },
        transition: (id, from, to) => this.transitions.push(`${id === this.identity.id ? 'self' : id} ${from} ${to}`),
      },
    );
    this.membership.start(0);
  }

  hear(from: Identity, records: readonly MemberRecord[], claims: readonly Claim[] = []): void {
    this.membership.onMessage(from.id, { type: 'news', records, claims }, this.now);
  }

  /** Ticks when it asks for it, as a driver does. */
  pass(ms: number): void {
    const until = this.now + ms;
    while (this.membership.nextWakeAt() <= until) {
      this.now = Math.max(this.now, this.membership.nextWakeAt());
      this.membership.tick(this.now);
      this.membership.tableDue(this.now);
    }
    this.now = until;
  }

  stateOf(peer: Identity): string | undefined {
    return this.membership.get(peer.id)?.state;
  }

  sentTo(peer: Identity): MembershipMessage[] {
    return this.sent.filter(({ to }) => to === peer.id).map(({ message }) => message);
  }
}

export function claim(kind: Claim['kind'], about: MemberRecord, ...accusers: Identity[]): Claim {
  return { kind, id: about.id, boot: about.boot, incarnation: about.incarnation, accusers: accusers.map((a) => a.id) };
}
