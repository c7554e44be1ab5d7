/**
 * Where a reader is in a channel: for each lineage, the highest entry it has. Written as one opaque string that is
 * safe in URLs, headers and SSE ids:  `1~<lineage>.<s in base 36>[~<lineage>.<s>]…`, and for a stream of several
 * channels  `1!<hash of the channel list>!<vector>!<vector>…`  in the order of the sorted channels.
 * A position can only change what its own holder is sent, so it is parsed strictly and needs no signature.
 */
import { HalodError } from './errors.js';
import type { LineageId } from './ids.js';
import { LIMITS } from './limits.js';

/** Highest entry known per lineage; an absent lineage counts as 0. Never mutated once shared. */
export type Position = ReadonlyMap<LineageId, number>;

export const EMPTY_POSITION: Position = new Map();

const GRAMMAR = /^1[~!][A-Za-z0-9_.~!-]*$/;
const ITEM = /^([A-Za-z0-9_-]{8})\.([0-9a-z]{1,10})$/;

export function formatPosition(position: Position): string {
  return `1~${formatVector(position)}`;
}

/** @throws HalodError `bad-position` */
export function parsePosition(text: string): Position {
  checkGrammar(text);
  if (text[1] !== '~') throw new HalodError('bad-position', 'this position belongs to a stream of several channels');
  return parseVector(text.slice(2));
}

/**
 * The entry of which this is the position after it: it stands first.
 * @throws HalodError `bad-position`
 */
export function firstOf(text: string): { readonly lid: LineageId; readonly s: number } {
  const end = text.indexOf('~', 2);
  const match = text.startsWith('1~') ? ITEM.exec(text.slice(2, end < 0 ? undefined : end)) : null;
  if (match === null) throw new HalodError('bad-position', 'this is no position after a message');
  return { lid: match[1] as LineageId, s: Number.parseInt(match[2]!, 36) };
}

/** The position of a stream of several channels; one channel alone is written as its plain position. */
export function formatStreamPosition(channels: readonly string[], positionOf: (channel: string) => Position): string {
  const sorted = [...channels].sort();
  if (sorted.length === 1) return formatPosition(positionOf(sorted[0]!));
  const vectors = sorted.map((channel) => formatVector(positionOf(channel)));
  return `1!${hashList(sorted)}!${vectors.join('!')}`;
}

/** The same from vectors as they stand in positions of single channels, in the order of the sorted channels. */
export function formatStreamVectors(sorted: readonly string[], vectors: readonly string[]): string {
  return sorted.length === 1 ? `1~${vectors[0]!}` : `1!${hashList(sorted)}!${vectors.join('!')}`;
}

/**
 * Positions by channel; undefined where the text was written for another list of channels.
 * @throws HalodError `bad-position`
 */
export function parseStreamPosition(text: string, channels: readonly string[]): Map<string, Position> | undefined {
  checkGrammar(text);
  const sorted = [...channels].sort();
  if (text[1] === '~') return sorted.length === 1 ? new Map([[sorted[0]!, parsePosition(text)]]) : undefined;
  const [, hash, ...vectors] = text.split('!');
  if (hash !== hashList(sorted) || vectors.length !== sorted.length) return undefined;
  return new Map(sorted.map((channel, i) => [channel, parseVector(vectors[i]!)]));
}

/** The least position that covers both. */
export function mergePositions(a: Position, b: Position): Position {
  if (a.size === 0) return b;
  const merged = new Map(a);
  for (const [lid, s] of b) if ((merged.get(lid) ?? 0) < s) merged.set(lid, s);
  return merged;
}

/** Whether `a` has all that `b` has. */
export function coversPosition(a: Position, b: Position): boolean {
  for (const [lid, s] of b) if ((a.get(lid) ?? 0) < s) return false;
  return true;
}

/** The greatest position that both cover. */
export function meetPositions(a: Position, b: Position): Position {
  const met = new Map<LineageId, number>();
  for (const [lid, s] of a) {
    const common = Math.min(s, b.get(lid) ?? 0);
    if (common > 0) met.set(lid, common);
  }
  return met;
}

function checkGrammar(text: string): void {
  if (text.length > LIMITS.positionBytesMax || !GRAMMAR.test(text)) throw new HalodError('bad-position');
}

function formatVector(position: Position): string {
  let text = '';
  for (const [lid, s] of position) text += `${text === '' ? '' : '~'}${lid}.${s.toString(36)}`;
  return text;
}

function parseVector(text: string): Position {
  if (text === '') return EMPTY_POSITION;
  const items = text.split('~');
  if (items.length > LIMITS.positionLineagesMax) throw new HalodError('bad-position', 'too many lineages');
  const position = new Map<LineageId, number>();
  for (const item of items) {
    const match = ITEM.exec(item);
    const s = match ? Number.parseInt(match[2]!, 36) : Number.NaN;
    if (!match || !Number.isSafeInteger(s) || position.has(match[1] as LineageId)) throw new HalodError('bad-position');
    position.set(match[1] as LineageId, s);
  }
  return position;
}

/** FNV-1a, 24 bits as 4 base64url-safe hex-like characters: only tells one list of channels from another. */
function hashList(sorted: readonly string[]): string {
  let hash = 0x811c9dc5;
  for (const char of sorted.join('\n')) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193) >>> 0;
  return hash.toString(36).padStart(7, '0').slice(-5);
}
