/**
 * A member's record: what is signed, and which of two is newer. (boot, incarnation) orders records; boot first, so that a
 * restarted node beats every rumour about its former self. Only the subject can make a record, so one (boot,
 * incarnation) names one content.
 */
import type { MemberRecord } from '../../wire/membership.js';

const DOMAIN = 'halod member 1';
const encoder = new TextEncoder();

export interface Version {
  readonly boot: number;
  readonly incarnation: number;
}

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`. */
export function compareVersions(a: Version, b: Version): number {
  return a.boot - b.boot || a.incarnation - b.incarnation;
}

/** The bytes under the signature: each field as `length:text,`, so that no two records share them. */
export function signedBytes(cluster: string, record: Omit<MemberRecord, 'signature'>): Uint8Array {
  const fields = [
    DOMAIN,
    cluster,
    record.id,
    hex(record.key),
    String(record.boot),
    String(record.incarnation),
    record.state,
    record.url,
    String(record.weight),
    record.zone,
    record.version,
  ];
  return encoder.encode(fields.map((field) => `${field.length}:${field},`).join(''));
}

function hex(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += byte.toString(16).padStart(2, '0');
  return out;
}
