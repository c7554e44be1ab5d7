/**
 * What this node says of itself. Only here is its record made and signed, each time with a higher incarnation: when it
 * changes its state, and when others accuse it. A later boot of the same key is another process that replaces this one.
 */
import type { Boot, NodeId } from '../../wire/ids.js';
import type { Claim, MemberRecord, MembershipMessage, SignedState } from '../../wire/membership.js';
import type { Gossip } from './gossip.js';
import type { MembershipOptions } from './options.js';
import { compareVersions, signedBytes } from './record.js';
import type { MembershipPorts } from './types.js';
import type { Entry, View } from './view.js';

/** In which cluster: memberships of one process that hand each other their records look at a signature once. */
const foundGenuine = new WeakMap<MemberRecord, string>();

export interface OwnRecordPorts {
  send(to: NodeId, message: MembershipMessage): void;
  /** Another process runs this key with a later boot. */
  superseded(boot: number): void;
  /** Others could not reach this node: a reason to trust itself less. */
  suspected(): void;
}

export class OwnRecord {
  readonly entry: Entry;
  readonly #options: MembershipOptions;
  readonly #keys: Pick<MembershipPorts, 'sign' | 'verify' | 'idOf'>;
  readonly #view: View;
  readonly #gossip: Gossip;
  readonly #ports: OwnRecordPorts;

  constructor(
    options: MembershipOptions,
    keys: Pick<MembershipPorts, 'sign' | 'verify' | 'idOf'>,
    view: View,
    gossip: Gossip,
    ports: OwnRecordPorts,
  ) {
    this.#options = options;
    this.#keys = keys;
    this.#view = view;
    this.#gossip = gossip;
    this.#ports = ports;
    view.admit(this.#signed({ state: options.state, incarnation: 0, weight: options.weight }), 0, 'started');
    this.entry = view.get(options.id) as Entry;
  }

  get record(): MemberRecord {
    return this.entry.record;
  }

  renew(change: { state?: SignedState; weight?: number }, now: number, because: string): void {
    const { state, weight, incarnation } = this.record;
    const record = this.#signed({ state, weight, incarnation: incarnation + 1, ...change });
    this.#view.admit(record, now, because);
    this.#gossip.tellRecord(record.id, now);
  }

  /** Someone says that this node is gone: it answers with a higher incarnation. */
  onAccused(from: NodeId, claim: Claim, now: number): void {
    const own = this.record;
    // A version that this node never had is nothing to answer; a later boot shows itself by its signed record.
    if (compareVersions(claim, own) > 0) return;
    if (compareVersions(claim, own) < 0) {
      // Old news: the sender lacks this node's present record.
      if (claim.kind !== 'suspect' && claim.kind !== 'refused')
        this.#ports.send(from, { type: 'news', records: [own], claims: [] });
      return;
    }
    if (own.state === 'left') return;
    this.renew({}, now, 'answer to an accusation');
    if (claim.kind === 'suspect') this.#ports.suspected();
    this.#ports.send(from, { type: 'news', records: [this.record], claims: [] });
  }

  /** Its own record comes back from elsewhere. */
  onRecord(record: MemberRecord): void {
    // This boot's own records are all made here: a newer one comes from a twin with the same clock.
    if (compareVersions(record, this.record) > 0 && this.genuine(record)) this.#ports.superseded(record.boot);
  }

  /** A link to another process with this very key: the higher boot stays, the lower one is shown its record. */
  onTwin(boot: Boot): void {
    const own = this.record;
    if (boot > own.boot) this.#ports.superseded(boot);
    else this.#ports.send(own.id, { type: 'news', records: [own], claims: [] });
  }

  /** Signed by the key that its id stands for. */
  genuine(record: MemberRecord): boolean {
    const { cluster } = this.#options;
    if (foundGenuine.get(record) === cluster) return true;
    const genuine =
      this.#keys.idOf(record.key) === record.id &&
      this.#keys.verify(record.key, signedBytes(cluster, record), record.signature);
    if (genuine) foundGenuine.set(record, cluster);
    return genuine;
  }

  #signed(change: { state: SignedState; incarnation: number; weight: number }): MemberRecord {
    const { id, key, boot, url, zone, version, cluster } = this.#options;
    const record = { id, key, boot, url, zone, version, ...change };
    return { ...record, signature: this.#keys.sign(signedBytes(cluster, record)) };
  }
}
