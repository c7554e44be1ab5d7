/**
 * The real node core, without clients, as a program of the simulated world. Frames are the real bytes; only signatures are
 * stand-ins that cost nothing. The class is handed in, so that wrong variants of it can be put in its place.
 */
import type { NodePorts, NodeState } from '../../core/api.js';
import type { ChannelsOptions } from '../../core/channel/options.js';
import type { MembershipTiming } from '../../core/membership/options.js';
import type { Core, CoreOptions } from '../../core/node.js';
import type { TableParameters } from '../../core/table/types.js';
import type { NodeId } from '../../wire/ids.js';
import { idOfKey, idOfNumber, keyOfNumber, stamp, verifyStamp } from '../membership/member-program.js';
import type { DownReason, ProcessPorts, Program } from '../world.js';

export type CoreClass = new (options: CoreOptions, ports: NodePorts) => Core;

/** What the checkers hear of, in the very moment. */
export interface Listener {
  /** A member changed in this node's view; its own state changes among them. */
  member(program: NodeProgram, text: string): void;
  /** It acts by another table from now on. */
  table(program: NodeProgram): void;
  state(program: NodeProgram, state: NodeState): void;
  misbehaved(program: NodeProgram, why: string): void;
  ended(program: NodeProgram): void;
}

export interface NodeProgramOptions {
  readonly type: CoreClass;
  readonly table: TableParameters;
  readonly channels: ChannelsOptions;
  readonly timing: MembershipTiming;
  readonly seeds: readonly string[];
  readonly drainTimeoutMs: number;
  readonly listener: Listener;
}

export class NodeProgram implements Program {
  readonly id: NodeId;
  readonly boot: number;
  readonly host: number;
  readonly core: Core;
  /** On its own clock. */
  startedAt = 0;
  readonly #ports: ProcessPorts;
  readonly #listener: Listener;
  #flushWanted = false;
  #exit = false;

  constructor(options: NodeProgramOptions, ports: ProcessPorts) {
    this.#ports = ports;
    this.#listener = options.listener;
    this.host = ports.host;
    this.id = idOfNumber(ports.host);
    const key = keyOfNumber(ports.host);
    const last = (ports.memory.get('boot') as number | undefined) ?? 0;
    this.boot = Math.max(last + 1, Math.floor(ports.wallNow()));
    ports.memory.set('boot', this.boot);
    this.core = new options.type(
      {
        membership: {
          cluster: 'sim',
          id: this.id,
          key,
          boot: this.boot,
          url: ports.url,
          weight: 1 + (ports.host % 3),
          zone: ports.host % 2 === 0 ? 'a' : 'b',
          version: '1.0.0',
          seeds: options.seeds.filter((url) => url !== ports.url),
          timing: options.timing,
        },
        table: options.table,
        channels: options.channels,
        relay: false,
        sessionsPerSecond: 200,
        drainTimeoutMs: options.drainTimeoutMs,
        renderHistory: () => [],
      },
      this.#nodePorts(key),
    );
  }

  start(now: number): void {
    this.startedAt = now;
    this.core.start(now);
    this.#after(now);
  }

  tick(now: number): void {
    this.core.tick(now);
    this.#after(now);
  }

  nextWakeAt(): number {
    return this.core.nextWakeAt();
  }

  onLinkUp(peer: string, boot: number, now: number, dialed?: string): void {
    this.core.onLinkUp(peer as NodeId, boot, now, dialed);
    this.#after(now);
  }

  onLinkDown(peer: string, why: DownReason, now: number): void {
    this.core.onLinkDown(peer as NodeId, why, now);
    this.#after(now);
  }

  onDialFailed(url: string, why: 'refused' | 'timeout' | 'self', now: number): void {
    this.core.onDialFailed(url, why, now);
    this.#after(now);
  }

  onMessage(from: string, message: unknown, now: number): void {
    this.core.onFrame(from as NodeId, message as Uint8Array, now);
    this.#after(now);
  }

  onCommand(command: string, now: number): void {
    if (command === 'drain') this.core.drain(now);
    this.#after(now);
  }

  onKilled(): void {
    this.#listener.ended(this);
  }

  /** The turn is over: one frame to each peer. */
  #after(now: number): void {
    for (let round = 0; round < 8 && this.#flushWanted; round++) {
      this.#flushWanted = false;
      this.core.flush(now);
    }
    if (this.#exit) this.#ports.exit();
  }

  #nodePorts(key: Uint8Array): NodePorts {
    const ports = this.#ports;
    const listener = this.#listener;
    return {
      random: ports.random,
      sendFrame: (peer, url, bytes) => ports.send(peer, url, new Uint8Array(bytes)),
      closeLink: (peer, why, reason) => {
        if (why === 'misbehaved') listener.misbehaved(this, reason);
        ports.close(peer);
      },
      dial: (url) => ports.dial(url),
      flushSoon: () => {
        this.#flushWanted = true;
      },
      deliver: () => undefined,
      sign: (bytes) => stamp(key, bytes),
      verify: verifyStamp,
      idOf: idOfKey,
      wallNow: () => Math.floor(ports.wallNow()),
      stateChanged: (state) => {
        listener.state(this, state);
        if (state === 'left') this.#exit = true;
      },
      drained: () => undefined,
      superseded: () => {
        this.#exit = true;
      },
      log: (topic, text) => {
        if (topic === 'member') listener.member(this, text);
        else if (topic === 'table') listener.table(this);
      },
    };
  }
}
