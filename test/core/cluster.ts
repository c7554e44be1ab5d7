/**
 * Several node cores in one process under virtual time: links are queues that deliver in order after a delay, frames
 * pass through the real codec, chance comes from a seed. Small on purpose; the simulator in lib/sim has the faults.
 */
import type { NodePorts, NodeState } from '../../lib/core/api.js';
import { CHANNELS_DEFAULTS, type ChannelsOptions } from '../../lib/core/channel/options.js';
import type { AppendResult, Entry } from '../../lib/core/channel/types.js';
import { TIMINGS } from '../../lib/core/membership/options.js';
import { Core } from '../../lib/core/node.js';
import { ALL_GRANTS } from '../../lib/core/session/grants.js';
import type { Session } from '../../lib/core/session/session.js';
import type { SessionSink } from '../../lib/core/session/types.js';
import { idOfKey, idOfNumber, keyOfNumber, stamp, verifyStamp } from '../../lib/sim/membership/member-program.js';
import { SeededRandom } from '../../lib/sim/world-random.js';
import type { ServerMessage } from '../../lib/wire/client.js';
import { positionAfter } from '../../lib/wire/entry.js';

export interface TestNode {
  readonly index: number;
  readonly url: string;
  readonly core: Core;
  alive: boolean;
  states: NodeState[];
  flush: boolean;
}

export class RecordingSink implements SessionSink {
  readonly sent: ServerMessage[] = [];
  readonly entries: { id: string; channel: string; data: unknown; position: string }[] = [];
  closed: { code: number; reason: string } | undefined;
  full = false;

  entry(entry: Entry): void {
    const data: unknown = typeof entry.data === 'string' ? JSON.parse(entry.data) : entry.data;
    this.entries.push({ id: entry.id, channel: entry.channel, data, position: positionAfter(entry) });
  }

  send(message: ServerMessage): void {
    this.sent.push(message);
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason };
  }

  of<T extends ServerMessage['type']>(type: T): Extract<ServerMessage, { type: T }>[] {
    return this.sent.filter((m): m is Extract<ServerMessage, { type: T }> => m.type === type);
  }
}

interface Event {
  readonly at: number;
  readonly order: number;
  run(): void;
}

export class TestCluster {
  now = 1_000;
  readonly nodes: TestNode[] = [];
  readonly delayMs = 1;
  readonly #random: SeededRandom;
  readonly #links = new Set<string>();
  readonly #cut = new Set<string>();
  /** Frames to peers without a link vanish, and nobody is told: as while a driver waits before it dials again. */
  dropsSilently = false;
  /** Told of each frame that leaves a node, and, with null, of the moment in its flush at which its clients are served. */
  onLeaving: ((from: TestNode, frame: Uint8Array | null) => void) | undefined;
  /** Asked before each write to a node's journal; without it nodes keep none. */
  onWriting: ((index: number) => void) | undefined;
  #events: Event[] = [];
  #order = 0;

  constructor(seed = 1) {
    this.#random = new SeededRandom(seed);
  }

  start(
    options: { seeds?: number[]; channels?: Partial<ChannelsOptions>; slots?: number; sessionsPerSecond?: number } = {},
  ): TestNode {
    const index = this.nodes.length;
    const key = keyOfNumber(index);
    const url = `http://node${index}:7400`;
    const channels = { ...CHANNELS_DEFAULTS, ...options.channels };
    const core = new Core(
      {
        membership: {
          cluster: 'test',
          id: idOfNumber(index),
          key,
          boot: Math.ceil(this.now),
          url,
          weight: 1,
          zone: '',
          version: '0',
          seeds: (options.seeds ?? []).map((i) => this.nodes[i]!.url),
          timing: TIMINGS.local,
        },
        table: { slots: options.slots ?? 64, copies: channels.copies, tolerance: 0 },
        channels,
        relay: false,
        sessionsPerSecond: options.sessionsPerSecond ?? 2_000,
        drainTimeoutMs: 10_000,
        renderHistory: () => [],
      },
      this.#ports(index),
    );
    const node: TestNode = { index, url, core, alive: true, states: [], flush: false };
    this.nodes.push(node);
    core.start(this.now);
    return node;
  }

  /** A cluster of `count` that has come to rest. */
  startAll(count: number, options: Parameters<TestCluster['start']>[0] = {}): void {
    for (let i = 0; i < count; i++) this.start({ ...options, seeds: i === 0 ? [] : [0] });
    this.runUntil(() => this.agreed(count), 20_000);
  }

  /** All live nodes serve, with one table of `count` members. */
  agreed(count: number): boolean {
    const live = this.nodes.filter((n) => n.alive);
    const tables = new Set(live.map((n) => n.core.placement.table.iteration));
    const members = live.every((n) => n.core.placement.table.members.filter((m) => m.live).length === count);
    return tables.size === 1 && members && live.every((n) => n.core.state === 'serving');
  }

  kill(node: TestNode): void {
    node.alive = false;
    for (const other of this.nodes) if (other !== node) this.breakLink(node, other);
  }

  cut(a: TestNode, b: TestNode): void {
    this.#cut.add(pair(a.index, b.index));
    this.breakLink(a, b);
  }

  heal(): void {
    this.#cut.clear();
  }

  breakLink(a: TestNode, b: TestNode): void {
    if (!this.#links.delete(pair(a.index, b.index))) return;
    this.#after(this.delayMs, () => {
      if (a.alive) a.core.onLinkDown(b.core.id, 'closed', this.now);
      if (b.alive) b.core.onLinkDown(a.core.id, 'closed', this.now);
    });
  }

  connect(
    node: TestNode,
    user: string,
    options: { relay?: boolean; after?: string } = {},
  ): { sink: RecordingSink; session: Session } {
    const sink = new RecordingSink();
    const after = options.after === undefined ? {} : { after: options.after };
    const request = { user, grants: ALL_GRANTS, relay: options.relay ?? false, movable: true, ...after };
    return { sink, session: node.core.openSession(sink, request, this.now) as Session };
  }

  publish(node: TestNode, channel: string, data: unknown, id?: string): { result: AppendResult | undefined } {
    const out: { result: AppendResult | undefined } = { result: undefined };
    const request = {
      channel,
      ownId: id ?? node.core.newId(),
      publisher: '',
      seq: 0,
      data: JSON.stringify(data),
      firstTriedAt: this.now,
      done: (result: AppendResult) => {
        out.result = result;
      },
    };
    node.core.publish(request, this.now);
    return out;
  }

  run(ms: number): void {
    this.runUntil(() => false, ms, false);
  }

  runUntil(done: () => boolean, limitMs: number, must = true): void {
    const end = this.now + limitMs;
    while (this.now < end) {
      this.#flush();
      if (done()) return;
      const wakeAt = Math.min(
        ...this.nodes.filter((n) => n.alive).map((n) => n.core.nextWakeAt()),
        this.#events[0]?.at ?? end,
        end,
      );
      this.now = Math.max(this.now, wakeAt);
      while ((this.#events[0]?.at ?? Number.POSITIVE_INFINITY) <= this.now) this.#events.shift()!.run();
      for (const node of this.nodes) if (node.alive && node.core.nextWakeAt() <= this.now) node.core.tick(this.now);
      if (wakeAt <= this.now) this.now += 0.05;
    }
    if (must && !done()) throw new Error(`not reached within ${limitMs} ms`);
  }

  #flush(): void {
    for (let round = 0; round < 10; round++) {
      for (const node of this.nodes) {
        if (!node.alive || !node.flush) continue;
        node.flush = false;
        node.core.flush(this.now);
      }
    }
  }

  #after(ms: number, run: () => void): void {
    const event = { at: this.now + ms, order: this.#order++, run };
    const i = this.#events.findIndex((e) => e.at > event.at);
    if (i < 0) this.#events.push(event);
    else this.#events.splice(i, 0, event);
  }

  #ports(index: number): NodePorts {
    const self = () => this.nodes[index]!;
    const open = (url: string): void => {
      const other = this.nodes.find((n) => n.url === url);
      this.#after(this.delayMs, () => {
        const reachable = other?.alive === true && !this.#cut.has(pair(index, other.index));
        if (!self().alive) return;
        if (!reachable) {
          self().core.onDialFailed(url, 'refused', this.now);
          if (other !== undefined && !this.dropsSilently) self().core.onLinkDown(other.core.id, 'refused', this.now);
          return;
        }
        if (other === self() || this.#links.has(pair(index, other.index))) return;
        this.#links.add(pair(index, other.index));
        self().core.onLinkUp(other.core.id, other.core.boot, this.now);
        other.core.onLinkUp(self().core.id, self().core.boot, this.now);
      });
    };
    return {
      random: this.#random,
      ...(this.onWriting === undefined
        ? {}
        : { journal: { append: () => this.onWriting?.(index), begin: () => {}, complete: () => {} } }),
      sendFrame: (peer, url, bytes) => {
        if (this.nodes[index] !== undefined) this.onLeaving?.(self(), bytes);
        const other = this.nodes.find((n) => n.core.id === peer);
        const link = other && pair(index, other.index);
        if (other === undefined || link === undefined || !this.#links.has(link)) {
          if (!this.dropsSilently) open(url);
          return;
        }
        const copy = bytes.slice();
        this.#after(this.delayMs, () => {
          if (other.alive && this.#links.has(link)) other.core.onFrame(self().core.id, copy, this.now);
        });
      },
      closeLink: (peer, _why, reason) => {
        const other = this.nodes.find((n) => n.core.id === peer);
        if (reason !== 'no longer needed') throw new Error(`node ${index} refuses ${peer}: ${reason}`);
        if (other !== undefined) this.breakLink(self(), other);
      },
      dial: open,
      flushSoon: () => {
        // the core asks while it is being constructed, too
        if (this.nodes[index] !== undefined) this.nodes[index].flush = true;
        else queueMicrotask(() => undefined);
      },
      deliver: () => this.onLeaving?.(self(), null),
      sign: (bytes) => stamp(keyOfNumber(index), bytes),
      verify: verifyStamp,
      idOf: idOfKey,
      wallNow: () => 1_700_000_000_000 + Math.round(this.now),
      stateChanged: (state) => void this.nodes[index]?.states.push(state),
      drained: () => undefined,
      superseded: () => undefined,
      log: () => undefined,
    };
  }
}

function pair(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
