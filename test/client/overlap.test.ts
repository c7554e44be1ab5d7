/** Whatever two overlapping connections deliver, and however their deliveries interleave: each message once, in order. */
import test from 'ava';
import fc from 'fast-check';
import type { ServerMessage } from '../../lib/wire/client.js';
import { message, Script } from './script.js';

interface Entry {
  readonly lid: string;
  readonly s: number;
  readonly id: string;
  readonly chain: readonly [string, number] | undefined;
}

interface Log {
  /** In the order in which a node delivers them. */
  readonly entries: readonly Entry[];
}

const LIDS = ['lineage1', 'lineage2', 'lineage3'];
const PUBLISHERS = ['', 'publishA', 'publishB'];

/** A channel's order: publishers take turns, lineages follow each other or interleave, numbers in a lineage have holes. */
const logs: fc.Arbitrary<Log> = fc
  .array(fc.record({ lid: fc.nat(2), publisher: fc.nat(2), skip: fc.nat(2) }), { minLength: 1, maxLength: 30 })
  .map((steps) => {
    const tops = [0, 0, 0];
    const seqs = [0, 0, 0];
    const entries = steps.map(({ lid, publisher, skip }, i): Entry => {
      tops[lid] = tops[lid]! + 1 + skip;
      const name = PUBLISHERS[publisher]!;
      const seq = ++seqs[publisher]!;
      const chain = name === '' ? undefined : ([name, seq] as const);
      return { lid: LIDS[lid]!, s: tops[lid]!, id: chain ? `${name}.${seq}` : `id-${i}`, chain };
    });
    return { entries };
  });

/** What a node sends to a reader at `from`: the entries after it, each with the position that the node knows. */
function suffix(log: Log, from: ReadonlyMap<string, number>): ServerMessage[] {
  const at = new Map(from);
  const sent: ServerMessage[] = [];
  for (const { lid, s, id, chain } of log.entries) {
    if ((at.get(lid) ?? 0) >= s) continue;
    at.set(lid, s);
    const others = [...at].filter(([other]) => other !== lid).map(([other, n]) => `~${other}.${n.toString(36)}`);
    sent.push(message('room', id, `${lid}.${s.toString(36)}${others.join('')}`, chain));
  }
  return sent;
}

function vectorOf(position: string): Map<string, number> {
  const items = position.slice(2).split('~').filter(Boolean);
  return new Map(items.map((item) => [item.slice(0, 8), Number.parseInt(item.slice(9), 36)]));
}

test('any interleaving of two connections that overlap yields each message once and in order', (t) => {
  const property = fc.property(logs, fc.nat(30), fc.array(fc.boolean(), { maxLength: 80 }), (log, seen, turns) => {
    const s = new Script().start();
    s.core.subscribe('room', 'start');
    const old = s.welcome();
    s.stand(old);
    const first = suffix(log, new Map());
    const before = Math.min(seen, first.length);
    s.hear(old, ...first.slice(0, before));
    s.hear(old, { type: 'move', url: 'http://b', afterMs: 0, deadlineMs: 60_000 });
    s.core.subscribe('never-answered');
    s.pass(1);
    const young = s.welcome();
    const resume = s.take(young, 'subscribe').find(({ channel }) => channel === 'room')!.after!;
    s.hear(young, { type: 'subscribed', channel: 'room', position: '1~', recovered: true });
    const streams = [first.slice(before), suffix(log, resume === 'start' ? new Map() : vectorOf(resume))];
    for (const turn of turns) {
      const next = streams[Number(turn)]!.shift();
      if (next !== undefined) s.hear(turn ? young : old, next);
    }
    // the old one is cut off wherever it is; the new one goes on
    s.lose(old);
    for (const rest of streams[1]!) s.hear(young, rest);
    const wanted = log.entries.map(({ id }) => id);
    if (wanted.join() !== s.seen.join()) throw new Error(`wanted ${wanted.join()}\n   saw ${s.seen.join()}`);
    const end = vectorOf(s.core.positionOf('room')!);
    for (const { lid, s: n } of log.entries) if ((end.get(lid) ?? 0) < n) throw new Error('the position fell behind');
  });
  t.notThrows(() => fc.assert(property, { numRuns: 500 }));
});

test('two nodes that order two lineages differently still bring each message once, and each publisher in order', (t) => {
  const property = fc.property(logs, fc.array(fc.boolean(), { maxLength: 80 }), (log, turns) => {
    // another order that keeps each lineage and each publisher in order
    const other: Entry[] = [];
    const left = [...log.entries];
    for (let i = 0; left.length > 0; i++) {
      const turn = turns[i % Math.max(1, turns.length)] ?? false;
      const at = turn ? left.findIndex((e, j) => left.slice(0, j).every((x) => x.lid !== e.lid && differs(x, e))) : 0;
      const last = turn
        ? left.findLastIndex((e, j) => left.slice(0, j).every((x) => x.lid !== e.lid && differs(x, e)))
        : at;
      other.push(...left.splice(Math.max(0, last), 1));
    }
    const s = new Script().start();
    s.core.subscribe('room', 'start');
    const old = s.welcome();
    s.stand(old);
    s.hear(old, { type: 'move', url: 'http://b', afterMs: 0, deadlineMs: 60_000 });
    s.core.subscribe('never-answered');
    s.pass(1);
    const young = s.welcome();
    s.hear(young, { type: 'subscribed', channel: 'room', position: '1~', recovered: true });
    const streams = [suffix(log, new Map()), suffix({ entries: other }, new Map())];
    for (const turn of turns) {
      const next = streams[Number(turn)]!.shift();
      if (next !== undefined) s.hear(turn ? young : old, next);
    }
    s.lose(old);
    for (const rest of streams[1]!) s.hear(young, rest);
    const wanted = log.entries.map(({ id }) => id).sort();
    if (wanted.join() !== [...s.seen].sort().join())
      throw new Error(`wanted ${wanted.join()}\n   saw ${s.seen.join()}`);
    for (const name of PUBLISHERS.slice(1)) {
      const seqs = s.messages.filter((m) => m.publisher === name).map((m) => m.seq!);
      if (seqs.some((n, i) => n !== i + 1)) throw new Error(`${name} came as ${seqs.join()}`);
    }
  });
  t.notThrows(() => fc.assert(property, { numRuns: 500 }));
});

function differs(a: Entry, b: Entry): boolean {
  return a.chain === undefined || b.chain === undefined || a.chain[0] !== b.chain[0];
}
