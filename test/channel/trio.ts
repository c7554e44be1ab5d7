/** A few channel sides whose messages move only when the test says so. */
import { Channels } from '../../lib/core/channel/channels.js';
import type { Mutation } from '../../lib/core/channel/mutations.js';
import { CHANNELS_DEFAULTS, type ChannelsOptions } from '../../lib/core/channel/options.js';
import type { JournalPort, Restored } from '../../lib/core/channel/ports.js';
import type { AppendResult, Entry, Gap } from '../../lib/core/channel/types.js';
import { buildTable } from '../../lib/core/table/table.js';
import type { Table } from '../../lib/core/table/types.js';
import type { NodeId } from '../../lib/wire/ids.js';
import type { Position } from '../../lib/wire/position.js';
import { decodeReplication, encodeReplication, type ReplicationMessage } from '../../lib/wire/replication.js';
import { Seeded } from './ring.js';

interface Sent {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly message: ReplicationMessage;
}

export interface TrioOptions {
  readonly nodes?: number;
  readonly channels?: Partial<ChannelsOptions>;
  readonly mutations?: readonly Mutation[];
  /** Each node keeps a journal, and reads it when it starts again. */
  readonly journals?: boolean;
}

export class Trio {
  now = 1_000;
  readonly ids: NodeId[];
  readonly nodes = new Map<NodeId, Channels>();
  readonly boots = new Map<NodeId, number>();
  readonly delivered = new Map<NodeId, Entry[]>();
  readonly gaps = new Map<NodeId, Gap[]>();
  readonly moves = new Map<NodeId, Position[]>();
  /** Each edition with its records. */
  readonly journals = new Map<NodeId, Uint8Array[][]>();
  readonly restored = new Map<NodeId, Restored>();
  /** What the date is ahead of the nodes' own clock. */
  wallMs = 1_700_000_000_000;
  /** What the next write to a journal fails with. */
  failure: Error | null = null;
  queue: Sent[] = [];
  readonly #options: TrioOptions;
  readonly #random = new Seeded(7);
  #boot = 0;

  constructor(options: TrioOptions = {}) {
    this.#options = options;
    this.ids = ['alpha', 'bravo', 'carol', 'delta', 'early'].slice(0, options.nodes ?? 3) as NodeId[];
    for (const id of this.ids) this.start(id);
    for (const id of this.ids) this.view(id, this.ids);
    for (const a of this.ids)
      for (const b of this.ids) if (a !== b) this.at(a).onPeerUp(b, this.boots.get(b)!, this.now);
    this.pass(2_000);
  }

  start(id: NodeId): Channels {
    this.boots.set(id, ++this.#boot);
    this.delivered.set(id, []);
    this.gaps.set(id, []);
    this.moves.set(id, []);
    const channels = new Channels(
      { ...CHANNELS_DEFAULTS, ...this.#options.channels },
      { id, boot: this.#boot },
      {
        send: (to, message) => this.queue.push({ from: id, to, message }),
        random: this.#random,
        ...(this.#options.journals ? { journal: this.#journal(id) } : {}),
        wallNow: () => this.wallMs + this.now,
        ordered: (_channel, entries) => this.delivered.get(id)!.push(...entries),
        gapped: (_channel, gap) => this.gaps.get(id)!.push(gap),
        moved: (_channel, position) => this.moves.get(id)!.push(position),
        ownershipChanged: () => {},
        log: () => {},
      },
      new Set(this.#options.mutations ?? []),
    );
    this.nodes.set(id, channels);
    const records = this.journals.get(id)?.flat();
    if (records !== undefined) this.restored.set(id, channels.restore(records, this.now));
    return channels;
  }

  #journal(id: NodeId): JournalPort {
    const editions = this.journals.get(id) ?? [];
    this.journals.set(id, editions);
    return {
      append: (record) => {
        if (this.failure !== null) throw this.failure;
        editions.at(-1)!.push(record);
      },
      begin: () => void editions.push([]),
      complete: () => void editions.splice(0, editions.length - 1),
    };
  }

  /** All end at once, and start again with what they wrote down; they find each other at once. */
  outage(): void {
    for (const id of this.ids) this.kill(id);
    for (const id of this.ids) this.start(id);
    for (const id of this.ids) this.view(id, this.ids);
    for (const a of this.ids)
      for (const b of this.ids) if (a !== b) this.at(a).onPeerUp(b, this.boots.get(b)!, this.now);
  }

  at(id: NodeId): Channels {
    return this.nodes.get(id)!;
  }

  table(live: readonly NodeId[], members: readonly NodeId[] = this.ids): Table {
    const copies = this.#options.channels?.copies ?? CHANNELS_DEFAULTS.copies;
    return buildTable(
      { slots: 16, copies, tolerance: 0 },
      members.map((id) => ({ id, weight: 1, zone: '', live: live.includes(id) })),
    );
  }

  /** What a node believes of who lives. */
  view(id: NodeId, live: readonly NodeId[], members: readonly NodeId[] = this.ids): void {
    const peers = live.map((peer) => ({ id: peer, boot: this.boots.get(peer)! }));
    this.at(id).setTable(this.table(live, members), peers, this.now);
  }

  /** The nodes in line for a channel: owner first. */
  line(channel: string): NodeId[] {
    const table = this.table(this.ids);
    return table.orderOf(table.slotOf(channel));
  }

  append(node: NodeId, channel: string, seq: number, publisher = 'pub', id = `${publisher}.${seq}`): AppendResult[] {
    const results: AppendResult[] = [];
    const numbered = publisher === '' ? 0 : seq;
    const data = JSON.stringify({ seq });
    const done = (result: AppendResult) => void results.push(result);
    this.at(node).append(
      { channel, ownId: id, publisher, seq: numbered, data, firstTriedAt: this.now, done },
      this.now,
    );
    return results;
  }

  flush(): void {
    for (const channels of this.nodes.values()) {
      for (let i = 0; i < 4 && channels.needsFlush; i++) channels.flush(this.now);
    }
  }

  /** Flushes and delivers until nothing moves; messages for which `hold` says so stay in the queue. */
  settle(hold: (sent: Sent) => boolean = () => false): void {
    for (let round = 0; round < 50; round++) {
      this.flush();
      const moving = this.queue.filter((sent) => !hold(sent));
      if (moving.length === 0) return;
      this.queue = this.queue.filter(hold);
      for (const { from, to, message } of moving) {
        this.nodes.get(to)?.onMessage(from, decodeReplication(encodeReplication(message)), this.now);
      }
    }
  }

  pass(ms: number, hold?: (sent: Sent) => boolean): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 50;
      for (const channels of this.nodes.values()) channels.tick(this.now);
      this.settle(hold);
    }
  }

  kill(id: NodeId): void {
    this.nodes.delete(id);
    this.queue = this.queue.filter(({ from, to }) => from !== id && to !== id);
    for (const channels of this.nodes.values()) channels.onPeerDown(id, this.now);
  }

  /** The links between the two halves break; both sides notice. */
  split(left: readonly NodeId[]): void {
    const apart = (a: NodeId, b: NodeId) => left.includes(a) !== left.includes(b);
    this.queue = this.queue.filter(({ from, to }) => !apart(from, to));
    for (const a of this.ids) {
      for (const b of this.ids) if (apart(a, b)) this.at(a).onPeerDown(b, this.now);
      this.view(
        a,
        this.ids.filter((b) => !apart(a, b)),
      );
    }
  }

  heal(): void {
    for (const a of this.ids) {
      for (const b of this.ids) {
        if (a === b) continue;
        this.at(a).onPeerDown(b, this.now);
        this.at(a).onPeerUp(b, this.boots.get(b)!, this.now);
      }
      this.view(a, this.ids);
    }
  }
}
