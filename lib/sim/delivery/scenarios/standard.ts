/**
 * The parts that scripted scenarios are made of: the standard load, who owns a channel, and questions to a run's history.
 * Host numbers are fixed, and the table follows from them, so a script can name "the owner" before the run.
 */
import { CHANNELS_DEFAULTS, type ChannelsOptions } from '../../../core/channel/options.js';
import { buildTable } from '../../../core/table/table.js';
import type { TableMember } from '../../../core/table/types.js';
import type { HistoryEvent } from '../../checkers/history.js';
import { idOfNumber } from '../../membership/member-program.js';
import type { Fault, Trigger } from '../../world-faults.js';
import type { ClientPlan } from '../client-program.js';
import type { DeliveryOutcome } from '../run.js';
import type { DeliveryScenario } from '../scenario.js';

export interface Scripted {
  /** One sentence: what happens. */
  readonly name: string;
  readonly scenario: DeliveryScenario;
  /** What must hold besides the checkers; undefined: it does. */
  readonly holds?: (outcome: DeliveryOutcome, history: readonly HistoryEvent[]) => string | undefined;
  /** That what it is about really came about; undefined: it did. Says nothing of a planted bug, which changes the run. */
  readonly occurs?: (outcome: DeliveryOutcome, history: readonly HistoryEvent[]) => string | undefined;
  /** A negative control: more fails than is promised to be survived, and the checkers must see it. */
  readonly mustFail?: readonly string[];
}

export interface Setup {
  readonly nodes?: number;
  readonly copies?: number;
  readonly acks?: number;
  readonly messages?: number;
  readonly channels?: Partial<ChannelsOptions>;
  readonly clients?: readonly ClientPlan[];
  readonly faults?: readonly Fault[];
  readonly triggers?: readonly Trigger[];
  readonly chaosMs?: number;
}

const SLOTS = 16;
export const ROOM = 'room:1';
export const START = 1_500;

/** Hosts of clients, counted from the first. */
export const READERS = [3, 4, 5];

export const CLIENTS: readonly ClientPlan[] = [
  { user: 'writer0', reads: [], writes: [ROOM], everyMs: 80, window: 4 },
  { user: 'writer1', reads: [], writes: [ROOM, 'room:2'], everyMs: 120, window: 4 },
  { user: 'writer2', reads: [], writes: ['room:2', 'room:3'], everyMs: 150, window: 2 },
  { user: 'reader0', reads: [ROOM, 'room:2', 'room:3'], writes: [], everyMs: 1_000, window: 1 },
  { user: 'reader1', reads: [ROOM], writes: [], everyMs: 1_000, window: 1 },
  { user: '', reads: [ROOM, 'room:2'], writes: [], everyMs: 1_000, window: 1 },
];

export function setup(name: string, with_: Setup): DeliveryScenario {
  const { nodes = 5, copies = 3, acks = 2, messages = 100_000, chaosMs = 8_000 } = with_;
  return {
    seed: 1,
    temper: name,
    nodes,
    slots: SLOTS,
    channels: {
      ...CHANNELS_DEFAULTS,
      copies,
      acks,
      whenShort: 'refuse',
      history: { messages, bytes: 1 << 24, ageMs: 3_600_000 },
      ...with_.channels,
    },
    clients: with_.clients ?? CLIENTS,
    faults: with_.faults ?? [],
    triggers: with_.triggers ?? [],
    chaosMs,
    calmMs: 25_000,
    smallHistory: messages < 1_000,
  };
}

export const writer = (user: string, everyMs: number, window: number, channel = ROOM): ClientPlan => {
  return { user, reads: [], writes: [channel], everyMs, window };
};
export const reader = (user: string, channel = ROOM): ClientPlan => {
  return { user, reads: [channel], writes: [], everyMs: 1_000, window: 1 };
};

/** Tells a client to go away until then, as soon as none of its publishes waits for an answer. */
export function awaySoon(from: number, withinMs: number, host: number, until: number): Fault[] {
  return Array.from({ length: withinMs / 10 }, (_, i): Fault => {
    const at = from + i * 10;
    return { at, kind: 'command', host, command: `away ${until - at}` };
  });
}

/** The connections between these end now, and not by what follows. */
export function breaks(at: number, of: readonly number[], from: readonly number[]): Fault[] {
  return of.flatMap((a) => from.map((b): Fault => ({ at, kind: 'break', a, b })));
}

/** All nodes in the order in which they own the channel: owner, copies, the rest. */
export function lineOf(channel: string, nodes = 5, copies = 3): number[] {
  const ids = Array.from({ length: nodes }, (_, host) => idOfNumber(host));
  const members: TableMember[] = ids.map((id) => ({ id, weight: 1, zone: '', live: true }));
  members.sort((a, b) => (a.id < b.id ? -1 : 1));
  const table = buildTable({ slots: SLOTS, copies, tolerance: 0 }, members);
  return table.orderOf(table.slotOf(channel)).map((id) => ids.indexOf(id));
}

export function acksOf(
  history: readonly HistoryEvent[],
  client: number,
  nodes: number,
  from: number,
  to: number,
): number {
  const p = `client-${nodes + client}.`;
  return history.filter((e) => e.kind === 'pub-ok' && e.p.startsWith(p) && e.t >= from && e.t <= to).length;
}

export function acksBetween(history: readonly HistoryEvent[], from: number, to: number): number {
  return history.filter((e) => e.kind === 'pub-ok' && e.t >= from && e.t <= to).length;
}

/** The longest time without any acknowledgement in a span. */
export function longestSilence(history: readonly HistoryEvent[], from: number, to: number): number {
  let last = from;
  let longest = 0;
  for (const e of history) {
    if (e.kind !== 'pub-ok' || e.t < from || e.t > to) continue;
    longest = Math.max(longest, e.t - last);
    last = e.t;
  }
  return Math.max(longest, to - last);
}

/** Tables adopted by all nodes together from a time on. */
export function tablesAfter(history: readonly HistoryEvent[], from: number): number {
  return history.filter((e) => e.kind === 'node' && e.event === 'table' && e.t >= from).length;
}

export function gapsOf(history: readonly HistoryEvent[], client: number, nodes: number, channel: string): number {
  const name = `client-${nodes + client}`;
  return history.filter((e) => e.kind === 'gap' && e.client === name && e.ch === channel).length;
}

/** What was acknowledged in a span, and how much of it no reader has at a later time. */
export function notReceived(history: readonly HistoryEvent[], from: number, to: number, by: number) {
  const acked = history.filter((e) => e.kind === 'pub-ok' && e.t >= from && e.t < to);
  const missing = acked.filter((ok) => !history.some((e) => e.t < by && isCallbackOf(e, ok)));
  return { acked: acked.length, missing: missing.length };
}

function isCallbackOf(e: HistoryEvent, ok: HistoryEvent): boolean {
  return e.kind === 'callback' && ok.kind === 'pub-ok' && e.ch === ok.ch && e.p === ok.p && e.n === ok.n;
}
