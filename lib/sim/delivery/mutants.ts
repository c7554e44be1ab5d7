/**
 * The self-test of the delivery simulator: wrong variants of node and client, each caught within a stated number of
 * seeds, or the command fails. A variant that is harmless by design says so, and must stay harmless.
 */
import { ALL_DEFENCES, type ClientDefences } from '../../client/core/ports.js';
import type { Mutation } from '../../core/channel/mutations.js';
import { runDelivery } from './run.js';
import { type DeliveryTemper, makeDeliveryScenario } from './scenario.js';

interface Mutant {
  readonly name: string;
  readonly node?: Mutation;
  readonly client?: keyof ClientDefences;
  /** Kinds of schedule that show it, tried in turn. */
  readonly tempers: readonly DeliveryTemper[];
  /** Seeds of each within which it must be caught. */
  readonly budget: number;
  /** Why no run can show it. */
  readonly harmless?: string;
}

const ALL: readonly DeliveryTemper[] = ['noisy', 'quiet', 'triggered', 'short-history', 'planned'];

const node = (name: Mutation, tempers: readonly DeliveryTemper[] = ALL, budget = 200): Mutant => ({
  name,
  node: name,
  tempers,
  budget,
});

export const MUTANTS: readonly Mutant[] = [
  node('ackBeforeReplicate', ['quiet', 'triggered', 'noisy']),
  node('countStaleBoot', ['quiet', 'noisy']),
  node('dropWhenNotHolder'),
  node('reuseLineage'),
  node('noOwnerDedupe'),
  node('noAliasAdvance'),
  node('deliverBeforeCommit'),
  node('confirmAcrossHole'),
  node('noPushLateMerge'),
  node('noChainCheck'),
  node('ackRepeatEarly'),
  node('noForward'),
  node('silentShrink'),
  node('copyOwnOnly'),
  node('noRebuild'),
  node('ackOnFence'),
  node('readFromHead'),
  node('noOrderGate'),
  node('trimWithoutGap', ['short-history']),
  node('gapAfterMessage', ['short-history']),
  node('floorsWithoutCuts', ['short-history']),
  node('expireByWallClock'),
  node('leaveOnStaleConfirmations', ['planned', 'quiet']),
  { name: 'client without positions', client: 'position', tempers: ALL, budget: 200 },
  { name: 'client without the chain check', client: 'chain', tempers: ALL, budget: 200 },
  { name: 'client without the check for aliases', client: 'alias', tempers: ALL, budget: 200 },
  {
    ...node('skipAcquire', ALL, 20),
    harmless: 'asking what others hold before serving saves time; holders push it in any case',
  },
];

export function runDeliveryMutants(print: (line: string) => void, only?: string): boolean {
  let survivors = 0;
  for (const mutant of MUTANTS) {
    if (only !== undefined && mutant.name !== only) continue;
    const caught = hunt(mutant);
    const good = (caught === undefined) === (mutant.harmless !== undefined);
    if (!good) survivors++;
    const verdict =
      caught === undefined ? `not caught in ${mutant.budget} seeds of ${mutant.tempers.join(', ')}` : caught;
    const note = mutant.harmless === undefined ? '' : ` (harmless: ${mutant.harmless})`;
    print(`${good ? '✔' : '✘'} ${mutant.name}: ${verdict}${note}`);
  }
  print(survivors === 0 ? 'every mutant as expected' : `${survivors} mutants not as expected`);
  return survivors === 0;
}

function hunt(mutant: Mutant): string | undefined {
  const mutations = new Set(mutant.node === undefined ? [] : [mutant.node]);
  const defences = mutant.client === undefined ? ALL_DEFENCES : { ...ALL_DEFENCES, [mutant.client]: false };
  for (let seed = 1; seed <= mutant.budget; seed++) {
    for (const temper of mutant.tempers) {
      const { violations } = runDelivery(makeDeliveryScenario(seed, temper), { mutations, defences });
      if (violations.length > 0) return `caught by ${temper} seed ${seed}: ${violations[0]!.rule}`;
    }
  }
  return undefined;
}
