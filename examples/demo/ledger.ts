/**
 * Counts what the demo claims: every message of a room reaches every user of the room once. A message is owed to those
 * who were in the room when it was published; it is missing once it has been acknowledged for a while and somebody still
 * waits for it. Knows nothing of nodes and networks.
 */
import type { PulseTotals } from './page/pulse.js';

/** Longer than any failover should take, shorter than anybody would wait. */
export const MISSING_AFTER_MS = 5_000;

/** Deliveries that latency and rate are computed over. */
const SAMPLES = 500;
/** A user's memory of what it has seen, per room: far beyond what could still be repeated. */
const SEEN_MAX = 4_000;

interface Sent {
  readonly at: number;
  readonly waiting: Set<string>;
  acknowledgedAt: number;
}

export class Ledger {
  readonly #sent = new Map<string, Sent>();
  readonly #members = new Map<string, Set<string>>();
  readonly #seen = new Map<string, Set<string>>();
  readonly #latencies: number[] = [];
  readonly #deliveredAt: number[] = [];
  #published = 0;
  #delivered = 0;
  #repeated = 0;
  #moved = 0;

  join(user: string, room: string): void {
    this.#membersOf(room).add(user);
    this.#seen.set(user, new Set());
  }

  /** Nothing more is owed to a user who leaves. */
  leave(user: string): void {
    for (const members of this.#members.values()) members.delete(user);
    for (const [key, sent] of this.#sent) if (sent.waiting.delete(user)) this.#settle(key, sent);
    this.#seen.delete(user);
  }

  publishing(room: string, n: number, now: number): void {
    this.#sent.set(`${room} ${n}`, {
      at: now,
      waiting: new Set(this.#membersOf(room)),
      acknowledgedAt: Number.POSITIVE_INFINITY,
    });
  }

  acknowledged(room: string, n: number, now: number): void {
    this.#published++;
    const key = `${room} ${n}`;
    const sent = this.#sent.get(key);
    if (!sent) return;
    sent.acknowledgedAt = now;
    this.#settle(key, sent);
  }

  /** The publisher gave up: the message may or may not arrive, so it is owed to nobody. */
  abandoned(room: string, n: number): void {
    this.#sent.delete(`${room} ${n}`);
  }

  delivered(user: string, room: string, n: number, now: number): void {
    const seen = this.#seen.get(user);
    if (!seen) return;
    const key = `${room} ${n}`;
    if (seen.has(key)) {
      this.#repeated++;
      return;
    }
    seen.add(key);
    if (seen.size > SEEN_MAX) seen.delete(seen.values().next().value!);
    this.#delivered++;
    keep(this.#deliveredAt, now);
    const sent = this.#sent.get(key);
    if (!sent) return;
    keep(this.#latencies, now - sent.at);
    sent.waiting.delete(user);
    this.#settle(key, sent);
  }

  moved(): void {
    this.#moved++;
  }

  missing(now: number): number {
    let missing = 0;
    for (const sent of this.#sent.values())
      if (now - sent.acknowledgedAt > MISSING_AFTER_MS) missing += sent.waiting.size;
    return missing;
  }

  totals(now: number): PulseTotals {
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? -1;
    const recent = this.#deliveredAt.filter((time) => now - time < 3_000).length;
    return {
      published: this.#published,
      delivered: this.#delivered,
      missing: this.missing(now),
      repeated: this.#repeated,
      moved: this.#moved,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      perSecond: recent / 3,
    };
  }

  #membersOf(room: string): Set<string> {
    let members = this.#members.get(room);
    if (!members) {
      members = new Set();
      this.#members.set(room, members);
    }
    return members;
  }

  #settle(key: string, sent: Sent): void {
    if (sent.waiting.size === 0 && sent.acknowledgedAt < Number.POSITIVE_INFINITY) this.#sent.delete(key);
  }
}

function keep(samples: number[], value: number): void {
  samples.push(value);
  if (samples.length > SAMPLES) samples.shift();
}
