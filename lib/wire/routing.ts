/**
 * Messages between nodes that route publishes and feed readers, family numbers 40–79 (append only, never reused; 40–42
 * were single publishes and answers).
 * On the wire each is a positional array [number, …fields] inside a frame. Every decoder checks each field: a peer is
 * trusted to be honest, not to be free of bugs.
 */
import type { Data, GapReason } from './client.js';
import type { Entry } from './entry.js';
import type { LineageId } from './ids.js';
import { LIMITS } from './limits.js';

export type RoutingMessage =
  /** Publishes on their way to the owner, see publishes.ts. */
  | { type: 'forwards'; bytes: Uint8Array }
  /** And the answers to them. */
  | { type: 'answers'; bytes: Uint8Array }
  /** This node has readers of the channel: stream to it from `after` on. `serial` names this attempt. */
  | { type: 'interest'; channel: string; serial: number; after: string }
  | { type: 'interest-drop'; channel: string; serial: number }
  /** Leases of running interests, renewed all at once; the owner answers `feed-end` for those it does not know. */
  | { type: 'interest-renew'; items: readonly { channel: string; serial: number }[] }
  | { type: 'feed-start'; channel: string; serial: number; position: string; recovered: boolean }
  /** `at`: entries sent before these under this serial; a relay that has seen fewer has missed some. */
  | { type: 'feed-entries'; channel: string; serial: number; at: number; entries: readonly Entry[] }
  | { type: 'feed-gap'; channel: string; serial: number; reason: GapReason; position: string }
  | { type: 'feed-position'; channel: string; serial: number; position: string }
  /** The sender does not own the channel (any more): ask whoever does. */
  | { type: 'feed-end'; channel: string; serial: number }
  | { type: 'read'; req: number; channel: string; after: string; limit: number }
  /** `owner` false: the receiver asked the wrong node and asks again elsewhere. */
  | {
      type: 'read-answer';
      req: number;
      channel: string;
      owner: boolean;
      gap: { reason: GapReason; position: string } | null;
      entries: readonly Entry[];
      position: string;
      complete: boolean;
      catchingUp: boolean;
    }
  | { type: 'presence-ask'; req: number; channel: string }
  | { type: 'presence-answer'; req: number; users: readonly string[] }
  /** `waiting` sessions of the sender would be better served by the receiver, who sets the pace. */
  | { type: 'move-ask'; waiting: number }
  /** `count` sessions may come, spread evenly over the next `spreadMs`. */
  | { type: 'move-grant'; count: number; spreadMs: number }
  /** What a node says of itself for `status` and the console, every few seconds. */
  | { type: 'load'; connections: number };

export type Element = readonly unknown[];

const REASONS: readonly GapReason[] = ['size', 'age', 'overflow', 'unknown', 'lost', 'reset'];

export function encodeRouting(m: RoutingMessage): Element {
  switch (m.type) {
    case 'interest':
      return [43, m.channel, m.serial, m.after];
    case 'interest-drop':
      return [44, m.channel, m.serial];
    case 'interest-renew':
      return [45, m.items.map((i) => [i.channel, i.serial])];
    case 'feed-start':
      return [46, m.channel, m.serial, m.position, m.recovered];
    case 'feed-entries':
      return [47, m.channel, m.serial, m.at, m.entries.map(packEntry)];
    case 'feed-gap':
      return [48, m.channel, m.serial, m.reason, m.position];
    case 'feed-position':
      return [49, m.channel, m.serial, m.position];
    case 'feed-end':
      return [50, m.channel, m.serial];
    case 'read':
      return [51, m.req, m.channel, m.after, m.limit];
    case 'read-answer':
      return [
        52,
        m.req,
        m.channel,
        m.owner,
        m.gap && [m.gap.reason, m.gap.position],
        m.entries.map(packEntry),
        m.position,
        m.complete,
        m.catchingUp,
      ];
    case 'presence-ask':
      return [53, m.req, m.channel];
    case 'presence-answer':
      return [54, m.req, m.users];
    case 'forwards':
      return [55, m.bytes];
    case 'answers':
      return [56, m.bytes];
    case 'move-ask':
      return [60, m.waiting];
    case 'move-grant':
      return [61, m.count, m.spreadMs];
    case 'load':
      return [62, m.connections];
  }
}

/** @throws Error where the element is malformed: the link is then closed. */
export function decodeRouting(e: Element): RoutingMessage {
  switch (e[0]) {
    case 43:
      return {
        type: 'interest',
        channel: text(e[1], LIMITS.channelBytesMax),
        serial: uint(e[2]),
        after: position(e[3]),
      };
    case 44:
      return { type: 'interest-drop', channel: text(e[1], LIMITS.channelBytesMax), serial: uint(e[2]) };
    case 45:
      return {
        type: 'interest-renew',
        items: list(e[1]).map((i) => ({ channel: text(list(i)[0], LIMITS.channelBytesMax), serial: uint(list(i)[1]) })),
      };
    case 46:
      return {
        type: 'feed-start',
        channel: text(e[1], LIMITS.channelBytesMax),
        serial: uint(e[2]),
        position: position(e[3]),
        recovered: bool(e[4]),
      };
    case 47: {
      const channel = text(e[1], LIMITS.channelBytesMax);
      return {
        type: 'feed-entries',
        channel,
        serial: uint(e[2]),
        at: uint(e[3]),
        entries: list(e[4]).map((x) => unpackEntry(list(x), channel)),
      };
    }
    case 48:
      return {
        type: 'feed-gap',
        channel: text(e[1], LIMITS.channelBytesMax),
        serial: uint(e[2]),
        reason: oneOf(REASONS, e[3]),
        position: position(e[4]),
      };
    case 49:
      return {
        type: 'feed-position',
        channel: text(e[1], LIMITS.channelBytesMax),
        serial: uint(e[2]),
        position: position(e[3]),
      };
    case 50:
      return { type: 'feed-end', channel: text(e[1], LIMITS.channelBytesMax), serial: uint(e[2]) };
    case 51:
      return {
        type: 'read',
        req: uint(e[1]),
        channel: text(e[2], LIMITS.channelBytesMax),
        after: position(e[3]),
        limit: uint(e[4]),
      };
    case 52: {
      const channel = text(e[2], LIMITS.channelBytesMax);
      return {
        type: 'read-answer',
        req: uint(e[1]),
        channel,
        owner: bool(e[3]),
        gap: e[4] === null ? null : { reason: oneOf(REASONS, list(e[4])[0]), position: position(list(e[4])[1]) },
        entries: list(e[5]).map((x) => unpackEntry(list(x), channel)),
        position: position(e[6]),
        complete: bool(e[7]),
        catchingUp: bool(e[8]),
      };
    }
    case 53:
      return { type: 'presence-ask', req: uint(e[1]), channel: text(e[2], LIMITS.channelBytesMax) };
    case 54:
      return { type: 'presence-answer', req: uint(e[1]), users: list(e[2]).map((u) => text(u, LIMITS.userBytesMax)) };
    case 55:
      return { type: 'forwards', bytes: bytes(e[1]) };
    case 56:
      return { type: 'answers', bytes: bytes(e[1]) };
    case 60:
      return { type: 'move-ask', waiting: uint(e[1]) };
    case 61:
      return { type: 'move-grant', count: uint(e[1]), spreadMs: uint(e[2]) };
    case 62:
      return { type: 'load', connections: uint(e[1]) };
    default:
      throw new Error(`no routing message has the number ${String(e[0])}`);
  }
}

/** The channel stands once in the message that carries the entries. */
function packEntry(e: Entry): unknown[] {
  return [e.lid, e.s, e.prev, e.id, e.publisher, e.seq, e.time, e.data, e.others ?? ''];
}

function unpackEntry(x: readonly unknown[], channel: string): Entry {
  return {
    lid: lineage(x[0]),
    s: uint(x[1]),
    prev: uint(x[2]),
    channel,
    id: text(x[3], LIMITS.messageIdBytesMax),
    publisher: text(x[4], 64),
    seq: uint(x[5]),
    time: uint(x[6]),
    data: data(x[7]),
    others: text(x[8], LIMITS.positionBytesMax),
  };
}

function fail(what: string): never {
  throw new Error(`malformed routing message: ${what}`);
}

function uint(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) fail('not an unsigned integer');
  return value;
}

function bool(value: unknown): boolean {
  if (typeof value !== 'boolean') fail('not a boolean');
  return value;
}

/** `max` counts UTF-16 units, never more than the bytes that the sender has checked. */
function text(value: unknown, max: number): string {
  if (typeof value !== 'string' || value.length > max) fail('not a text within its limit');
  return value;
}

function position(value: unknown): string {
  return text(value, LIMITS.positionBytesMax);
}

function lineage(value: unknown): LineageId {
  if (typeof value !== 'string' || value.length !== 8) fail('not a lineage');
  return value as LineageId;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) fail('not a list');
  return value;
}

function bytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) fail('not bytes');
  return value;
}

function data(value: unknown): Data {
  if (typeof value === 'string') return value;
  // a copy: what stays in history must not keep a whole frame alive
  if (value instanceof Uint8Array) return Uint8Array.prototype.slice.call(value);
  return fail('data is neither text nor bytes');
}

function oneOf<T extends string>(values: readonly T[], value: unknown): T {
  if (!values.includes(value as T)) fail(`${String(value)} is not known`);
  return value as T;
}
