/**
 * Walks MessagePack from a client before a decoder sees it, and refuses whatever would make one allocate or recurse
 * without bound: depth, number of elements, extension types, lengths past the end, bytes left over. Not recursive.
 */
import { HalodError } from './errors.js';
import { LIMITS } from './limits.js';

/** @throws HalodError `bad-request` or `too-large` */
export function scanMsgpack(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Values still to come at each open level; the first is the frame itself. */
  const left: number[] = [1];
  let elements = 0;
  let at = 0;
  while (left.length > 0) {
    const level = left.length - 1;
    if (left[level] === 0) {
      left.pop();
      continue;
    }
    left[level]!--;
    if (at >= bytes.length) throw malformed('it ends too early');
    if (++elements > LIMITS.msgpackElementsMax) {
      throw new HalodError('too-large', `a frame has more than ${LIMITS.msgpackElementsMax} values`);
    }
    const head = bytes[at]!;
    const kind = kindOf(head);
    if (at + 1 + kind.lengthBytes > bytes.length) throw malformed('it ends too early');
    const length = kind.lengthBytes === 0 ? kind.fixed : readLength(view, at + 1, kind.lengthBytes);
    at += 1 + kind.lengthBytes;
    if (kind.values === 0) {
      at += length;
      if (at > bytes.length) throw malformed('a length reaches past its end');
    } else if (length > 0) {
      const values = length * kind.values;
      // each value takes at least one byte
      if (values > bytes.length - at) throw malformed('a length reaches past its end');
      left.push(values);
      if (left.length - 1 > LIMITS.msgpackDepthMax) {
        throw new HalodError('bad-request', `a frame is nested deeper than ${LIMITS.msgpackDepthMax} levels`);
      }
    }
  }
  if (at !== bytes.length) throw malformed('bytes are left over');
}

interface Kind {
  /** Bytes of the length that follows the head. */
  readonly lengthBytes: 0 | 1 | 2 | 4;
  /** Length where none follows. */
  readonly fixed: number;
  /** 0: the length counts bytes. 1 and 2: it counts elements, or pairs. */
  readonly values: 0 | 1 | 2;
}

/** One object per head byte, made once: the walk allocates nothing for a value. */
const KINDS: readonly (Kind | null)[] = Array.from({ length: 256 }, (_, head) => describe(head));

function kindOf(head: number): Kind {
  const kind = KINDS[head]!;
  if (kind === null) throw malformed('it holds an extension type');
  return kind;
}

function describe(head: number): Kind | null {
  const bytes = (lengthBytes: Kind['lengthBytes'], fixed = 0): Kind => ({ lengthBytes, fixed, values: 0 });
  const list = (lengthBytes: Kind['lengthBytes'], fixed = 0): Kind => ({ lengthBytes, fixed, values: 1 });
  const map = (lengthBytes: Kind['lengthBytes'], fixed = 0): Kind => ({ lengthBytes, fixed, values: 2 });
  if (head < 0x80 || head >= 0xe0) return bytes(0);
  if (head < 0x90) return map(0, head & 0x0f);
  if (head < 0xa0) return list(0, head & 0x0f);
  if (head < 0xc0) return bytes(0, head & 0x1f);
  switch (head) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return bytes(0);
    case 0xc4:
    case 0xd9:
      return bytes(1);
    case 0xc5:
    case 0xda:
      return bytes(2);
    case 0xc6:
    case 0xdb:
      return bytes(4);
    case 0xca:
    case 0xce:
    case 0xd2:
      return bytes(0, 4);
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return bytes(0, 8);
    case 0xcc:
    case 0xd0:
      return bytes(0, 1);
    case 0xcd:
    case 0xd1:
      return bytes(0, 2);
    case 0xdc:
      return list(2);
    case 0xdd:
      return list(4);
    case 0xde:
      return map(2);
    case 0xdf:
      return map(4);
    default:
      // 0xc1 is never used; the rest are extensions, which messages have no use for
      return null;
  }
}

function readLength(view: DataView, at: number, bytes: 1 | 2 | 4): number {
  return bytes === 1 ? view.getUint8(at) : bytes === 2 ? view.getUint16(at) : view.getUint32(at);
}

function malformed(why: string): HalodError {
  return new HalodError('bad-request', `this is no valid MessagePack: ${why}`);
}
