/**
 * How many bytes a frame with one membership message takes: counted without encoding, since a world sends millions of
 * them; a test holds the figures against the real codec.
 */
import type { Claim, MemberRecord, MembershipMessage } from '../../wire/membership.js';

/** Array header, protocol number and two digests of 16 hex digits as 8 bytes each. */
export const FRAME_HEADER_BYTES = 22;

export function sizeOfMessage(m: MembershipMessage): number {
  switch (m.type) {
    case 'ping':
    case 'ack':
    case 'indirect-ack':
    case 'nack':
      return 2 + numberSize(m.seq);
    case 'ping-request':
      return 2 + numberSize(m.seq) + 21;
    case 'news': {
      let size = 2 + listSize(m.records.length) + listSize(m.claims.length);
      for (const record of m.records) size += recordSize(record);
      for (const claim of m.claims) size += claimSize(claim);
      return size;
    }
    case 'sync': {
      let size = 2 + numberSize(m.count) + listSize(m.parts.length) + listSize(m.lists.length);
      for (const part of m.parts) size += 1 + numberSize(part.bits) + numberSize(part.prefix) + 66;
      for (const list of m.lists) {
        const n = list.entries.length;
        size += 1 + numberSize(list.bits) + numberSize(list.prefix) + textSize(n * 20) + bytesSize(n * 4);
      }
      return size;
    }
    case 'want':
      return 2 + listSize(m.ids.length) + m.ids.length * 21;
  }
}

const recordSizes = new WeakMap<MemberRecord, number>();

function recordSize(r: MemberRecord): number {
  let size = recordSizes.get(r);
  if (size === undefined) {
    size = 1 + 21 + 34 + numberSize(r.boot) + numberSize(r.incarnation) + 1 + textSize(r.url.length);
    size += numberSize(r.weight) + textSize(r.zone.length) + textSize(r.version.length) + 66;
    recordSizes.set(r, size);
  }
  return size;
}

function claimSize(c: Claim): number {
  return 2 + 21 + numberSize(c.boot) + numberSize(c.incarnation) + c.accusers.length * 21;
}

function numberSize(n: number): number {
  if (n < 128) return 1;
  if (n < 256) return 2;
  if (n < 65_536) return 3;
  return n < 0x1_0000_0000 ? 5 : 9;
}

function listSize(n: number): number {
  return n < 16 ? 1 : 3;
}

function textSize(n: number): number {
  if (n < 32) return 1 + n;
  return (n < 256 ? 2 : n < 65_536 ? 3 : 5) + n;
}

function bytesSize(n: number): number {
  return (n < 256 ? 2 : n < 65_536 ? 3 : 5) + n;
}
