/** Histories of a fault-free cluster, drawn from a seed, and ways to spoil them: what the checkers are tested with. */
import { type CheckOptions, HistoryChecker } from '../../lib/sim/checkers/checker.js';
import {
  formatEvent,
  type HistoryBody,
  type HistoryEvent,
  hashOf,
  parseEvent,
} from '../../lib/sim/checkers/history.js';
import type { Verdict } from '../../lib/sim/checkers/verdict.js';

export type Of<K extends HistoryBody['kind']> = Extract<HistoryEvent, { kind: K }>;

export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Shape {
  readonly channels: number;
  readonly readers: number;
  readonly publishers: number;
  readonly messages: number;
}

const SHAPE: Shape = { channels: 3, readers: 4, publishers: 3, messages: 300 };

/**
 * Each channel has one lineage a node (two nodes take turns); every reader reads every channel, in the order stored; some
 * publishes end unknown, half of those are stored all the same; two nodes hold everything before it is acknowledged.
 */
export function cleanHistory(seed: number, shape: Shape = SHAPE): HistoryEvent[] {
  const next = random(seed);
  const events: HistoryEvent[] = [];
  let t = 0;
  const add = (body: HistoryBody) => events.push({ t: ++t, ...body } as HistoryEvent);
  const numbers = new Map<string, number>();
  const ends = new Map<string, number>();
  for (let c = 0; c < shape.channels; c++) {
    for (let r = 0; r < shape.readers; r++) {
      add({ kind: 'sub', client: `r${r}`, ch: `c${c}`, after: 'now' });
      add({ kind: 'subscribed', client: `r${r}`, ch: `c${c}`, recovered: true });
    }
  }
  for (let i = 0; i < shape.messages; i++) {
    const ch = `c${Math.floor(next() * shape.channels)}`;
    const p = `p${Math.floor(next() * shape.publishers)}`;
    const n = (numbers.get(`${p} ${ch}`) ?? 0) + 1;
    numbers.set(`${p} ${ch}`, n);
    const hash = hashOf(`${p} ${n} ${ch}`);
    add({ kind: 'pub-invoke', p, n, ch, hash });
    const isUnknown = next() < 0.05;
    if (isUnknown && next() < 0.5) {
      add({ kind: 'pub-unknown', p, n, ch });
      continue;
    }
    const lid = `lineage${i % 40 < 20 ? 0 : 1}`;
    const s = (ends.get(lid) ?? 0) + 1;
    ends.set(lid, s);
    const at = `${lid}.${s.toString(36)}`;
    add({ kind: 'hold', node: 'a', boot: 1, lid, s });
    add({ kind: 'hold', node: 'b', boot: 1, lid, s });
    add(isUnknown ? { kind: 'pub-unknown', p, n, ch } : { kind: 'pub-ok', p, n, ch, copies: 2, at, due: 2 });
    for (let r = 0; r < shape.readers; r++) add({ kind: 'callback', client: `r${r}`, ch, p, n, hash, at });
  }
  add({ kind: 'calm' });
  return events;
}

export function indexesOf<K extends HistoryBody['kind']>(
  events: readonly HistoryEvent[],
  kind: K,
  fits: (event: Of<K>) => boolean = () => true,
): number[] {
  return events.flatMap((event, index) => (event.kind === kind && fits(event as Of<K>) ? [index] : []));
}

export function pick<T>(items: readonly T[], next: () => number): T {
  return items[Math.floor(next() * items.length)]!;
}

export function judge(events: readonly HistoryEvent[], options: CheckOptions = { copiesDue: 2 }): Verdict {
  const checker = new HistoryChecker(options);
  for (const event of events) checker.on(parseEvent(formatEvent(event)));
  return checker.finish();
}

export const kinds = (verdict: Verdict) => [...verdict.byKind.keys()].sort();

/** Ten messages, of which the reader got the last three after a gap over the first seven. */
export function afterGap(gapIndex: number): HistoryEvent[] {
  const events: HistoryEvent[] = [
    { t: 1, kind: 'sub', client: 'r', ch: 'c', after: 'now' },
    { t: 1, kind: 'subscribed', client: 'r', ch: 'c', recovered: true },
  ];
  for (let n = 1; n <= 10; n++) {
    events.push({ t: 10 + n, kind: 'pub-invoke', p: 'p', n, ch: 'c', hash: `h${n}` });
    events.push({ t: 10 + n, kind: 'pub-ok', p: 'p', n, ch: 'c', copies: 2, at: `lineage0.${n.toString(36)}` });
  }
  const got: HistoryEvent[] = [1, 8, 9, 10].map((n) => ({
    t: 50 + n,
    kind: 'callback',
    client: 'r',
    ch: 'c',
    p: 'p',
    n,
    hash: `h${n}`,
    at: `lineage0.${n.toString(36)}`,
  }));
  got.splice(gapIndex, 0, { t: 50, kind: 'gap', client: 'r', ch: 'c', reason: 'size', position: '1~lineage0.7' });
  return [...events, ...got];
}
