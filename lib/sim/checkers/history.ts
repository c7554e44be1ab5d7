/**
 * What a run leaves behind: one event a line (JSON), one file a process, append-only. Simulators and real processes
 * write the same events, so one set of checkers judges both. A publisher here is what an application sees as one: `n`
 * counts its messages to one channel from 1 without holes, and where the order across a break is not promised, a new
 * publisher starts.
 */
import type { GapReason } from '../../wire/client.js';

interface OfMessage {
  readonly ch: string;
  readonly p: string;
  readonly n: number;
}

interface OfReader {
  readonly client: string;
  readonly ch: string;
}

export type HistoryBody =
  /** `hash`: of the payload, unique in the run. `unordered`: no order is promised among this publisher's messages. */
  | ({ readonly kind: 'pub-invoke'; readonly hash: string; readonly unordered?: true } & OfMessage)
  /** `at`: `<lineage>.<s>` of the entry, the first part of its position. `due`: the copies it must have at least. */
  | ({ readonly kind: 'pub-ok'; readonly copies: number; readonly at?: string; readonly due?: number } & OfMessage)
  /** May or may not be stored. */
  | ({ readonly kind: 'pub-unknown'; readonly why?: string } & OfMessage)
  /** Refused for good: must never be delivered. */
  | ({ readonly kind: 'pub-fail'; readonly code: string } & OfMessage)
  /** `bare`: a transport without the library's memory of publishers, so that it cannot tell two entries of one message. */
  | ({ readonly kind: 'sub'; readonly after: 'now' | 'start' | 'position'; readonly bare?: true } & OfReader)
  | ({ readonly kind: 'subscribed'; readonly recovered: boolean; readonly position?: string } & OfReader)
  /** A message reached the connection. Counted only. */
  | ({ readonly kind: 'recv'; readonly at?: string } & OfReader & OfMessage)
  /** A message reached the application. */
  | ({ readonly kind: 'callback'; readonly hash: string; readonly at?: string } & OfReader & OfMessage)
  /** `position`: where the reader is after the gap. */
  | ({ readonly kind: 'gap'; readonly reason: GapReason; readonly position?: string } & OfReader)
  | ({ readonly kind: 'adv'; readonly position: string } & OfReader)
  /** The reader leaves by its own will: nothing is owed to it any more. */
  | ({ readonly kind: 'leave' } & OfReader)
  | { readonly kind: 'state'; readonly client: string; readonly state: string; readonly reason?: string }
  /** A node has stored the message at this place; of several nodes that did, one event is enough. */
  | ({ readonly kind: 'stored'; readonly at: string } & OfMessage)
  /** This activation of a node has stored the lineage without holes up to `s`. */
  | { readonly kind: 'hold'; readonly node: string; readonly boot: number; readonly lid: string; readonly s: number }
  /** This activation of a node has ended, and what it held in memory with it. */
  | { readonly kind: 'gone'; readonly node: string; readonly boot: number }
  /** A node's retention removed the channel's entries of this lineage up to `s`. */
  | { readonly kind: 'evict'; readonly ch: string; readonly lid: string; readonly s: number }
  | { readonly kind: 'node'; readonly node: string; readonly event: string; readonly detail?: string }
  | { readonly kind: 'fault'; readonly fault: string; readonly nodes: readonly string[] }
  /** No more faults from here on. */
  | { readonly kind: 'calm' };

/** `t`: milliseconds on one monotonic clock that all processes of the run share. */
export type HistoryEvent = { readonly t: number } & HistoryBody;

export function formatEvent(event: HistoryEvent): string {
  return `${JSON.stringify(event)}\n`;
}

/** @throws SyntaxError where the line is no event: a history with a broken line proves nothing. */
export function parseEvent(line: string): HistoryEvent {
  const event = JSON.parse(line) as HistoryEvent;
  if (typeof event !== 'object' || event === null || typeof event.t !== 'number' || typeof event.kind !== 'string')
    throw new SyntaxError(`no event of a history: ${line.slice(0, 200)}`);
  return event;
}

/** FNV-1a with 32 bits: tells one payload of a run from another and from a damaged one. */
export function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash.toString(36);
}

/** `<lineage>.<s>` of the entry that a position ends with; undefined for the position of a stream of several channels. */
export function entryOf(position: string): string | undefined {
  if (!position.startsWith('1~')) return undefined;
  const end = position.indexOf('~', 2);
  return position.slice(2, end < 0 ? undefined : end) || undefined;
}
