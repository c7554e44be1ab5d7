/**
 * A few nodes' channel sides in memory, under virtual time: links that lose a suffix when they break, kills, restarts,
 * pauses and partitions, publishers that retry and readers that move. Deterministic by its seed. What it records is
 * judged by `verdict`; the real cores of node and client are simulated elsewhere, this only tries the four rules.
 */
import { Channels, type ChannelsPorts } from '../../lib/core/channel/channels.js';
import type { Mutation } from '../../lib/core/channel/mutations.js';
import { CHANNELS_DEFAULTS, type ChannelsOptions } from '../../lib/core/channel/options.js';
import { Contradiction, InvariantBroken } from '../../lib/core/channel/store.js';
import type { AppendResult, Entry, Gap } from '../../lib/core/channel/types.js';
import type { Random } from '../../lib/core/random.js';
import { buildTable } from '../../lib/core/table/table.js';
import type { Table } from '../../lib/core/table/types.js';
import { positionAfter } from '../../lib/wire/entry.js';
import type { NodeId } from '../../lib/wire/ids.js';
import { mergePositions, type Position, parsePosition } from '../../lib/wire/position.js';
import { decodeReplication, encodeReplication, type ReplicationMessage } from '../../lib/wire/replication.js';

export class Seeded implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2654435761) >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  name(bytes: number): string {
    return Buffer.from(Array.from({ length: bytes }, () => this.below(256))).toString('base64url');
  }
}

export interface RingOptions {
  readonly nodes: number;
  readonly seed: number;
  readonly channels?: Partial<ChannelsOptions>;
  readonly mutations?: readonly Mutation[];
  readonly slots?: number;
}

interface Timed {
  readonly at: number;
  readonly order: number;
  run(): void;
}

/** One run of a node's process. */
export class Process {
  readonly ring: Ring;
  readonly id: NodeId;
  readonly boot: number;
  readonly channels: Channels;
  /** Peers that it believes to live. */
  readonly live = new Set<NodeId>();
  dead = false;
  pausedUntil = 0;
  #backlog: (() => void)[] = [];
  readonly readers = new Set<TestReader>();
  #flushing = false;
  leaving = false;

  constructor(ring: Ring, id: NodeId, boot: number) {
    this.ring = ring;
    this.id = id;
    this.boot = boot;
    const ports: ChannelsPorts = {
      send: (to, message) => ring.network(this, to, message),
      random: ring.random,
      wallNow: () => 1_700_000_000_000 + Math.round(ring.now),
      ordered: (channel, entries) => {
        for (const reader of this.readers) if (reader.channel === channel) reader.fromNode(this, { entries });
      },
      gapped: (channel, gap) => {
        for (const reader of this.readers) if (reader.channel === channel) reader.fromNode(this, { gap });
      },
      moved: (channel, position) => {
        for (const reader of this.readers) if (reader.channel === channel) reader.fromNode(this, { position });
      },
      ownershipChanged: (_gained, lost) => {
        for (const reader of [...this.readers]) {
          if (lost.includes(this.table.slotOf(reader.channel))) reader.detach();
        }
      },
      log: () => {},
    };
    this.channels = new Channels(
      { ...CHANNELS_DEFAULTS, ...ring.options.channels },
      { id, boot },
      ports,
      new Set(ring.options.mutations ?? []),
    );
  }

  get table(): Table {
    return this.ring.table(this.live);
  }

  /** Runs now, or when the process goes on. */
  step(run: () => void): void {
    if (this.dead) return;
    if (this.pausedUntil > this.ring.now) {
      this.#backlog.push(run);
      return;
    }
    run();
    this.flushSoon();
  }

  wake(): void {
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const run of backlog) this.step(run);
  }

  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.ring.after(0, () => {
      this.#flushing = false;
      if (this.dead || this.pausedUntil > this.ring.now) return;
      for (let i = 0; i < 4 && this.channels.needsFlush; i++) this.channels.flush(this.ring.now);
    });
  }

  setLive(): void {
    const live = [...this.live].map((id) => ({ id, boot: id === this.id ? this.boot : this.ring.bootSeen(this, id) }));
    this.channels.setTable(this.table, live, this.ring.now);
  }
}

interface Delivery {
  readonly entries?: readonly Entry[];
  readonly gap?: Gap;
  readonly position?: Position;
}

/** A client that stays subscribed: position, chain check and dedupe as the client library has them. */
export class TestReader {
  readonly ring: Ring;
  readonly channel: string;
  readonly got: Entry[] = [];
  readonly seen = new Set<string>();
  gaps = 0;
  broken = 0;
  position: Position = new Map();
  node: Process | null = null;
  #marks = new Map<string, number>();
  #jump = new Set<string>();
  #anyJump = false;
  #serial = 0;

  constructor(ring: Ring, channel: string) {
    this.ring = ring;
    this.channel = channel;
  }

  detach(): void {
    this.node?.readers.delete(this);
    this.node = null;
    this.#serial++;
  }

  /** Reads on at any node that serves the channel by its own table. */
  attach(): void {
    const { ring } = this;
    const nodes = ring
      .alive()
      .filter((p) => p.pausedUntil <= ring.now && p.channels.serves(p.table.slotOf(this.channel)));
    const node = nodes[ring.random.below(Math.max(1, nodes.length))];
    if (node === undefined) return;
    this.detach();
    for (;;) {
      const result = node.channels.read(this.channel, this.position, 64, ring.now);
      node.flushSoon();
      if (result.gap !== null) this.#take({ gap: result.gap });
      if (!this.#takeAll(result.entries, false)) return;
      this.position = mergePositions(this.position, result.position);
      if (result.catchingUp) return;
      if (result.complete) break;
    }
    this.node = node;
    node.readers.add(this);
  }

  fromNode(from: Process, delivery: Delivery): void {
    const serial = this.#serial;
    const at = Math.max(this.ring.now + 1 + this.ring.random.below(3), this.#lastAt);
    this.#lastAt = at;
    this.ring.after(at - this.ring.now, () => {
      if (this.node === from && this.#serial === serial) this.#take(delivery);
    });
  }

  #lastAt = 0;

  #take({ entries, gap, position }: Delivery): void {
    if (gap !== undefined) {
      this.gaps++;
      this.position = mergePositions(this.position, gap.position);
      this.#anyJump = true;
      this.#jump.clear();
    }
    if (position !== undefined) this.position = mergePositions(this.position, position);
    if (entries !== undefined) this.#takeAll(entries, true);
  }

  /** What a read answers leaves out aliases; a live stream tells of them, so there nothing may be missing. */
  #takeAll(entries: readonly Entry[], live: boolean): boolean {
    for (const entry of entries) {
      if (live && entry.prev > (this.position.get(entry.lid) ?? 0)) {
        this.broken++;
        this.detach();
        return false;
      }
      const before = this.position;
      this.position = mergePositions(this.position, parsePosition(positionAfter(entry)));
      if (entry.s <= (before.get(entry.lid) ?? 0)) continue;
      if (entry.publisher === '') {
        if (!this.seen.has(entry.id)) this.got.push(entry);
        this.seen.add(entry.id);
        continue;
      }
      const mark = this.#marks.get(entry.publisher);
      if (mark !== undefined && entry.seq <= mark) continue;
      const mayJump = this.#anyJump && !this.#jump.has(entry.publisher);
      if (entry.seq !== (mark ?? 0) + 1 && !mayJump) {
        this.broken++;
        this.position = before;
        this.detach();
        return false;
      }
      this.#jump.add(entry.publisher);
      this.#marks.set(entry.publisher, entry.seq);
      this.got.push(entry);
    }
    return true;
  }
}

/** A publisher session: numbered messages, a window, retries with the same number through any node. */
export class TestPublisher {
  readonly ring: Ring;
  readonly channel: string;
  readonly name: string;
  readonly acked: { seq: number; copies: number; at: number }[] = [];
  readonly refusals = new Map<string, number>();
  stopped = false;
  #next = 1;
  readonly #open = new Map<number, { first: number; tries: number; busyUntil: number; data: string }>();

  constructor(ring: Ring, channel: string) {
    this.ring = ring;
    this.channel = channel;
    this.name = `p${ring.random.name(8)}`;
  }

  get idle(): boolean {
    return this.#open.size === 0;
  }

  step(window: number): void {
    const { ring } = this;
    if (!this.stopped && this.#open.size < window && ring.random.next() < 0.5) {
      const data = JSON.stringify({ n: this.#next, by: this.name, pad: 'x'.repeat(ring.random.below(40)) });
      this.#open.set(this.#next++, { first: ring.now, tries: 0, busyUntil: 0, data });
    }
    for (const [seq, message] of this.#open) {
      if (message.busyUntil > ring.now) continue;
      message.tries++;
      message.busyUntil = ring.now + 400 + ring.random.below(800);
      this.#send(seq, message);
    }
  }

  #send(seq: number, message: { first: number; busyUntil: number; data: string }): void {
    const { ring } = this;
    const nodes = ring.alive();
    const entry = nodes[ring.random.below(Math.max(1, nodes.length))];
    if (entry === undefined) return;
    const answer = (result: AppendResult) => {
      if (!this.#open.has(seq)) return;
      if (result.ok) {
        this.#open.delete(seq);
        this.acked.push({ seq, copies: result.copies, at: ring.now });
        ring.onAck?.(this, seq, result.copies);
      } else {
        this.refusals.set(result.code, (this.refusals.get(result.code) ?? 0) + 1);
        message.busyUntil = ring.now + 20 + ring.random.below(80);
      }
    };
    ring.after(1 + ring.random.below(3), () =>
      entry.step(() => {
        const owner = entry.table.ownerOf(entry.table.slotOf(this.channel));
        const target = owner === entry.id ? entry : ring.process(owner!);
        if (target === undefined || (target !== entry && !ring.connected(entry, target))) return;
        ring.after(target === entry ? 0 : 1 + ring.random.below(3), () =>
          target.step(() => {
            target.channels.append(
              {
                channel: this.channel,
                ownId: '',
                publisher: this.name,
                seq,
                data: message.data,
                firstTriedAt: message.first,
                done: (result) => {
                  ring.after(1 + ring.random.below(4), () => {
                    const reached = target === entry || ring.connected(entry, target);
                    // an answer that was on its way when its node died arrived all the same, now and then
                    if (reached || ring.random.next() < 0.5) answer(result);
                  });
                },
              },
              ring.now,
            );
            ring.onAppend?.(target);
          }),
        );
      }),
    );
  }
}

export class Ring {
  readonly options: RingOptions;
  readonly random: Seeded;
  now = 1_000;
  readonly ids: NodeId[];
  readonly processes = new Map<NodeId, Process>();
  readonly broken: string[] = [];
  /** Every (lineage, s) ever seen at any process: its content. */
  readonly names = new Map<string, string>();
  onAck: ((publisher: TestPublisher, seq: number, copies: number) => void) | null = null;
  onAppend: ((owner: Process) => void) | null = null;
  #queue: Timed[] = [];
  #order = 0;
  #boot = 1;
  readonly #links = new Map<string, { up: boolean; epoch: number; at: number }>();
  readonly #cut = new Set<string>();
  readonly #tables = new Map<string, Table>();
  readonly #boots = new Map<string, number>();

  constructor(options: RingOptions) {
    this.options = options;
    this.random = new Seeded(options.seed);
    this.ids = Array.from({ length: options.nodes }, (_, i) => `node${i}aaaaaaaaaaaaaaa` as NodeId);
    for (const id of this.ids) this.start(id);
    this.run(500);
  }

  table(live: ReadonlySet<NodeId>): Table {
    const key = this.ids.map((id) => (live.has(id) ? '1' : '0')).join('');
    let table = this.#tables.get(key);
    if (table === undefined) {
      const copies = this.options.channels?.copies ?? CHANNELS_DEFAULTS.copies;
      table = buildTable(
        { slots: this.options.slots ?? 16, copies, tolerance: 0 },
        this.ids.map((id) => ({ id, weight: 1, zone: '', live: live.has(id) })),
      );
      this.#tables.set(key, table);
    }
    return table;
  }

  process(id: NodeId): Process | undefined {
    return this.processes.get(id);
  }

  alive(): Process[] {
    return [...this.processes.values()];
  }

  start(id: NodeId): Process {
    const process = new Process(this, id, ++this.#boot);
    this.processes.set(id, process);
    process.live.add(id);
    this.#guard(() => process.setLive());
    for (const other of this.alive()) if (other !== process) this.#connect(process, other);
    this.#tick(process);
    return process;
  }

  kill(id: NodeId): void {
    const process = this.processes.get(id);
    if (process === undefined) return;
    process.dead = true;
    this.processes.delete(id);
    for (const reader of process.readers) reader.detach();
    for (const other of this.alive()) this.#break(process.id, other.id, 1 + this.random.below(5));
  }

  pause(id: NodeId, ms: number): void {
    const process = this.processes.get(id);
    if (process === undefined) return;
    process.pausedUntil = this.now + ms;
    // its peers stop hearing of it
    for (const other of this.alive()) {
      if (other !== process && ms > 600) {
        this.after(600, () => {
          if (process.pausedUntil > this.now) this.#forget(other, id);
        });
      }
    }
    this.after(ms, () => {
      process.wake();
      for (const other of this.alive()) if (this.#isUp(id, other.id)) this.#see(other, process);
    });
  }

  cut(a: NodeId, b: NodeId): void {
    this.#cut.add(key(a, b));
    this.#break(a, b, 50 + this.random.below(400));
  }

  heal(): void {
    this.#cut.clear();
    for (const a of this.alive()) for (const b of this.alive()) if (a.id < b.id) this.#connect(a, b);
  }

  connected(a: Process, b: Process): boolean {
    return !a.dead && !b.dead && !this.#cut.has(key(a.id, b.id));
  }

  bootSeen(by: Process, id: NodeId): number {
    return this.#boots.get(`${by.id}${by.boot}>${id}`) ?? 0;
  }

  network(from: Process, to: NodeId, message: ReplicationMessage): void {
    const link = this.#links.get(key(from.id, to));
    if (link === undefined || !link.up) return;
    const { epoch } = link;
    const element = encodeReplication(message);
    const at = Math.max(link.at, this.now + 1 + this.random.below(3));
    link.at = at;
    this.after(at - this.now, () => {
      const target = this.processes.get(to);
      const now = this.#links.get(key(from.id, to));
      if (target === undefined || now?.epoch !== epoch || !now.up || this.#cut.has(key(from.id, to))) return;
      target.step(() => {
        if (this.#links.get(key(from.id, to))?.epoch !== epoch) return;
        this.#guard(() => target.channels.onMessage(from.id, decodeReplication(element), this.now));
      });
    });
  }

  after(ms: number, run: () => void): void {
    const timed = { at: this.now + ms, order: ++this.#order, run };
    const queue = this.#queue;
    queue.push(timed);
    let i = queue.length - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!before(timed, queue[up]!)) break;
      queue[i] = queue[up]!;
      i = up;
    }
    queue[i] = timed;
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (let first = this.#queue[0]; first !== undefined && first.at <= end; first = this.#queue[0]) {
      this.#pop();
      this.now = first.at;
      this.#guard(() => first.run());
    }
    this.now = end;
  }

  #pop(): void {
    const queue = this.#queue;
    const last = queue.pop()!;
    if (queue.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && before(queue[child + 1]!, queue[child]!)) child++;
      if (!before(queue[child]!, last)) break;
      queue[i] = queue[child]!;
      i = child;
    }
    queue[i] = last;
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof InvariantBroken || error instanceof Contradiction)) throw error;
      this.broken.push(error.message);
    }
  }

  #tick(process: Process): void {
    this.after(10 + this.random.below(10), () => {
      if (process.dead) return;
      if (process.pausedUntil <= this.now) {
        this.#guard(() => process.channels.tick(this.now));
        process.flushSoon();
      }
      this.#tick(process);
    });
  }

  #connect(a: Process, b: Process): void {
    const link = this.#links.get(key(a.id, b.id)) ?? { up: false, epoch: 0, at: 0 };
    this.#links.set(key(a.id, b.id), link);
    if (link.up || this.#cut.has(key(a.id, b.id))) return;
    const epoch = ++link.epoch;
    this.after(2 + this.random.below(40), () => {
      if (a.dead || b.dead || link.epoch !== epoch || this.#cut.has(key(a.id, b.id))) return;
      link.up = true;
      for (const [x, y] of [
        [a, b],
        [b, a],
      ] as const) {
        x.step(() => {
          if (link.epoch !== epoch) return;
          x.channels.onPeerUp(y.id, y.boot, this.now);
        });
        this.#see(x, y);
      }
    });
  }

  #break(a: NodeId, b: NodeId, ms: number): void {
    const link = this.#links.get(key(a, b));
    if (link === undefined) return;
    this.after(ms, () => {
      if (!link.up && !this.#cut.has(key(a, b))) return;
      link.up = false;
      link.epoch++;
      for (const [x, y] of [
        [a, b],
        [b, a],
      ] as const) {
        const process = this.processes.get(x);
        process?.step(() => process.channels.onPeerDown(y, this.now));
        if (process !== undefined) this.after(50 + this.random.below(300), () => this.#gone(process, y));
      }
      // a restarted process links again
      const [p, q] = [this.processes.get(a), this.processes.get(b)];
      if (p !== undefined && q !== undefined) this.#connect(p, q);
    });
  }

  #isUp(a: NodeId, b: NodeId): boolean {
    return this.#links.get(key(a, b))?.up ?? false;
  }

  #gone(process: Process, id: NodeId): void {
    if (!this.#isUp(process.id, id)) this.#forget(process, id);
  }

  #forget(process: Process, id: NodeId): void {
    process.step(() => {
      if (process.live.delete(id)) process.setLive();
    });
  }

  #see(process: Process, other: Process): void {
    this.after(20 + this.random.below(200), () =>
      process.step(() => {
        if (!this.#isUp(process.id, other.id) || other.dead) return;
        const seen = `${process.id}${process.boot}>${other.id}`;
        if (process.live.has(other.id) && this.#boots.get(seen) === other.boot) return;
        this.#boots.set(seen, other.boot);
        process.live.add(other.id);
        process.setLive();
      }),
    );
  }
}

function before(a: Timed, b: Timed): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function key(a: NodeId, b: NodeId): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}
