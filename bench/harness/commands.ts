/** What the coordinator tells the generator's processes and hears from them, over the IPC channel of `fork`. */
import type { WireName } from '../peers/wires/registry.js';
import type { ChannelKind, Endpoint } from '../peers/wires/wire.js';
import type { CheckCounts, ReaderState } from './checker.js';

export interface ReadersSetup {
  readonly wire: WireName;
  readonly endpoints: readonly Endpoint[];
  readonly kind: ChannelKind;
  readonly readers: number;
  /** Reader r reads channel r mod channels. */
  readonly channels: number;
  /** A lost connection is dialled again after a random time up to this. */
  readonly redialMs: number;
  /** Where the publisher hears how much has arrived. */
  readonly progressPath: string;
}

export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export type ReadersCommand =
  | { readonly do: 'setup'; readonly setup: ReadersSetup }
  | { readonly do: 'connect'; readonly from: number; readonly to: number; readonly atOnce: number }
  | { readonly do: 'mark' }
  /** Keep the time from sending to arrival of every message from now on; `last`: to the last reader of each message. */
  | { readonly do: 'sample'; readonly what: 'each' | 'last' | 'none' }
  | { readonly do: 'latencies' }
  | { readonly do: 'drop'; readonly readers: readonly number[] }
  /** Connects the dropped readers again; answered when each has everything below `upTo` of its channel, or at the deadline. */
  | {
      readonly do: 'return';
      readonly readers: readonly number[];
      readonly upTo: Int32Array;
      readonly deadlineMs: number;
    }
  /** Notes when each reader first receives something that was sent after this moment. */
  | { readonly do: 'watch' }
  | { readonly do: 'watched' }
  /** Answered when `delivered` is reached, or after `patienceMs` without progress. */
  | { readonly do: 'await'; readonly delivered: number; readonly patienceMs: number }
  | { readonly do: 'finish' };

export interface MarkAnswer {
  readonly delivered: number;
  readonly atMicros: number;
}

export interface WatchAnswer {
  /** By reader, ms from the watch to the first message sent after it; -1 where none came. */
  readonly firstMs: readonly number[];
  readonly redials: number;
  /** Ms from the watch until every reader whose connection broke was attached again, or -1. */
  readonly reattachedMs: number;
}

export interface FinishAnswer {
  readonly counts: CheckCounts;
  readonly states: readonly ReaderState[];
  readonly faults: readonly string[];
}

export interface PublisherSetup {
  readonly wire: WireName;
  readonly endpoints: readonly Endpoint[];
  readonly kind: ChannelKind;
  readonly channels: number;
  readonly payloadBytes: number;
  /** Texts to send instead of padding, by channel, in order. */
  readonly texts?: readonly (readonly string[])[];
  readonly readersPerChannel: number;
  readonly wantsAcks: boolean;
  readonly progressPath: string;
}

export type PublisherCommand =
  | { readonly do: 'setup'; readonly setup: PublisherSetup }
  /** As fast as `window` allows: published and not yet delivered, counted in deliveries. Until `stop`. */
  | { readonly do: 'flood'; readonly window: number; readonly order: 'random' | 'texts' }
  /** `rate` messages a second, to random channels or to one after the other, until `stop`. */
  | { readonly do: 'pace'; readonly rate: number; readonly order: 'random' | 'turn' }
  /** `count` messages to each of these channels, in turn, as fast as the connection takes them. */
  | { readonly do: 'burst'; readonly channels: readonly number[]; readonly count: number }
  | { readonly do: 'stop' }
  | { readonly do: 'state' }
  /** Answered when nothing waits for an acknowledgement, or at the deadline. */
  | { readonly do: 'settle'; readonly deadlineMs: number };

export interface PublisherState {
  readonly sent: Int32Array;
  readonly total: number;
  readonly acked: number;
  /** By channel, sequence numbers that were acknowledged; only where acknowledgements are wanted. */
  readonly ackedByChannel: readonly Uint8Array[];
  readonly refused: number;
  readonly refusals: readonly string[];
  /** How late the pacing timer was, p99; what the generator itself adds to the tail. */
  readonly timerLateP99Ms: number;
  readonly faults: readonly string[];
}
