/**
 * The self-test of the delivery simulator: wrong variants of node and client, each caught within a stated number of runs,
 * or the command fails. A variant that is harmless by design says so, and must stay harmless. Scripted scenarios come
 * first where one of them is the schedule that a bug needs; then seeds of the tempers that show it.
 */
import { ALL_DEFENCES, type ClientDefences } from '../../client/core/ports.js';
import type { Mutation } from '../../core/channel/mutations.js';
import { runDelivery } from './run.js';
import { type DeliveryTemper, makeDeliveryScenario } from './scenario.js';
import { judge, SCENARIOS } from './scenarios/all.js';

export interface Mutant {
  readonly name: string;
  readonly node?: readonly Mutation[];
  /** Defences of the client that are off. */
  readonly client?: readonly (keyof ClientDefences)[];
  /** Scripted scenarios, by their short names. */
  readonly scripts?: readonly string[];
  /** Kinds of schedule that show it, tried in turn. */
  readonly tempers: readonly DeliveryTemper[];
  /** Seeds of each within which it must be caught. */
  readonly budget: number;
  /** Caught within seconds: part of every test run. */
  readonly quick?: boolean;
  /** Why no run can show it. */
  readonly harmless?: string;
}

function node(name: Mutation, tempers: readonly DeliveryTemper[], budget: number, more: Partial<Mutant> = {}): Mutant {
  return { name, node: [name], tempers, budget, ...more };
}

const QUICK = { quick: true } as const;

export const MUTANTS: readonly Mutant[] = [
  node('ackBeforeReplicate', ['cut-off', 'triggered'], 60, QUICK),
  node('answerUnheld', ['triggered', 'cut-off', 'quiet'], 60, { scripts: ['killed-on-ack'], ...QUICK }),
  node('countStaleBoot', ['planned', 'cut-off'], 40, QUICK),
  node('dropWhenNotHolder', ['quiet', 'planned'], 40, QUICK),
  node('reuseLineage', ['planned', 'quiet'], 40, QUICK),
  node('noOwnerDedupe', ['noisy', 'cut-off', 'short-history'], 60, { scripts: ['two-names'], ...QUICK }),
  node('noAliasAdvance', ['noisy', 'cut-off'], 60, { scripts: ['one-two'], ...QUICK }),
  node('deliverBeforeCommit', ['cut-off'], 60),
  node('noPushLateMerge', ['noisy', 'leaky', 'split'], 150, { scripts: ['last-two'], ...QUICK }),
  node('noChainCheck', ['noisy'], 150),
  node('ackRepeatEarly', ['cut-off'], 20, { scripts: ['one-two'], ...QUICK }),
  node('silentShrink', ['cut-off'], 20, { scripts: ['alone'], ...QUICK }),
  node('copyOwnOnly', ['quiet'], 40, { scripts: ['stale-copy'], ...QUICK }),
  node('noRebuild', ['quiet'], 20, { scripts: ['owner-killed'], ...QUICK }),
  node('readFromHead', ['noisy'], 20, QUICK),
  node('trimWithoutGap', ['short-history'], 40, QUICK),
  node('gapAfterMessage', ['short-history'], 40, QUICK),
  node('floorsWithoutCuts', ['short-history'], 200),
  node('expireByWallClock', ['planned'], 40, QUICK),
  node('noOrderGate', ['noisy', 'planned', 'split'], 150),
  node('noForcedGate', [], 0, { scripts: ['deadlock'], ...QUICK }),
  node('noForward', [], 0, { scripts: ['forward'], ...QUICK }),
  node('ackOnFence', [], 0, { scripts: ['fenced'], ...QUICK }),
  node('leaveOnStaleConfirmations', [], 0, { scripts: ['stale-leave'], ...QUICK }),
  node('journalLate', ['outage'], 120),
  node('journalWithoutCuts', ['outage'], 60, QUICK),
  { name: 'client without the chain check', client: ['chain'], tempers: ['leaky'], budget: 40, quick: true },
  {
    name: 'client without the check for aliases',
    client: ['alias'],
    scripts: ['two-names'],
    tempers: ['split', 'noisy'],
    budget: 150,
    quick: true,
  },
  {
    name: 'skipAcquire with noForward',
    node: ['skipAcquire', 'noForward'],
    scripts: ['hedged'],
    tempers: [],
    budget: 0,
    quick: true,
  },
  {
    ...node('skipAcquire', ['noisy', 'split'], 20, { scripts: ['hedged'] }),
    harmless:
      'holders push what they hold to whoever their table calls owner; asking them first only spares refusals. Where they do not push, it is caught: the line above',
  },
  {
    ...node('confirmAcrossHole', ['noisy'], 20, { scripts: ['old-bytes', 'twice'] }),
    harmless:
      'no hole arrives: a link loses its end or nothing, and on a new link a sender goes on after what this very process confirmed (Mark.refresh), which never falls',
  },
  {
    name: 'client without positions and aliases',
    client: ['position', 'alias'],
    tempers: ['planned', 'quiet'],
    budget: 20,
    quick: true,
  },
  {
    name: 'client without positions',
    client: ['position'],
    tempers: ['noisy', 'planned'],
    budget: 20,
    harmless:
      'two connections in a move bring the same entries, which publishers’ chains and the ids of the last messages tell as well; where they do not, it is caught: the line above',
  },
];

export function runDeliveryMutants(print: (line: string) => void, only?: string): boolean {
  let bad = 0;
  let caught = 0;
  for (const mutant of MUTANTS) {
    if (only !== undefined && mutant.name !== only) continue;
    const { by, runs } = hunt(mutant);
    const isGood = (by === undefined) === (mutant.harmless !== undefined);
    if (!isGood) bad++;
    if (by !== undefined) caught++;
    const verdict = by === undefined ? `not caught in ${runs} runs` : `run ${runs}: ${by}`;
    const note = mutant.harmless === undefined ? '' : ` (harmless: ${mutant.harmless})`;
    print(`${isGood ? '✔' : '✘'} ${mutant.name}: ${verdict}${note}`);
  }
  print(`${caught} caught; ${bad === 0 ? 'every mutant as expected' : `${bad} mutants not as expected`}`);
  return bad === 0;
}

/** What caught it and in which run; runs without a catch otherwise. */
export function hunt(mutant: Mutant): { by: string | undefined; runs: number } {
  const mutations = new Set(mutant.node ?? []);
  const off = (mutant.client ?? []).map((defence) => [defence, false] as const);
  const defences: ClientDefences = { ...ALL_DEFENCES, ...Object.fromEntries(off) };
  let runs = 0;
  for (const scripted of SCENARIOS) {
    if (mutant.scripts?.includes(scripted.scenario.temper) !== true) continue;
    runs++;
    const [first] = judge(scripted, { mutations, defences });
    if (first !== undefined) return { by: `scenario "${scripted.name}": ${first.slice(0, 100)}`, runs };
  }
  for (let seed = 1; seed <= mutant.budget; seed++) {
    for (const temper of mutant.tempers) {
      runs++;
      const { violations } = runDelivery(makeDeliveryScenario(seed, temper), { mutations, defences });
      if (violations.length > 0) return { by: `${temper} seed ${seed}: ${violations[0]!.rule}`, runs };
    }
  }
  return { by: undefined, runs };
}
