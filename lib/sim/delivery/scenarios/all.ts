/** `npm run sim -- delivery --scenarios`: each scripted scenario with the checkers and with what it must hold besides. */
import type { HistoryEvent } from '../../checkers/history.js';
import { type DeliveryTweaks, runDelivery } from '../run.js';
import { CRASHES } from './crashes.js';
import { HANDOVERS } from './handovers.js';
import { MERGES } from './merges.js';
import { PARTITIONS } from './partitions.js';
import type { Scripted } from './standard.js';

/**
 * Not here, where every host has one key and one program: two processes with one identity are told apart by membership
 * and links (test/node/cluster.test.ts); nodes that speak another version are refused in the handshake, before they
 * hold or say anything (test/node/handshake.test.ts), and to clients' unknown fields and types test/wire/codec-client
 * answers. What needs a disk, real sockets or bandwidth is left to the torture.
 */
export const SCENARIOS: readonly Scripted[] = [...CRASHES, ...PARTITIONS, ...HANDOVERS, ...MERGES];

/** What is wrong with it; nothing: it holds. */
export function judge(scripted: Scripted, tweaks: DeliveryTweaks = {}): string[] {
  const history: HistoryEvent[] = [];
  const outcome = runDelivery(scripted.scenario, { ...tweaks, history });
  const broken = outcome.violations.map(({ rule, what }) => `${rule}: ${what}`);
  if (scripted.mustFail !== undefined) {
    const seen = outcome.violations.some(({ rule }) => scripted.mustFail!.includes(rule));
    return seen ? [] : ['a loss that had to show did not show'];
  }
  const more = scripted.holds?.(outcome, history);
  if (more !== undefined) broken.push(more);
  const isPlanted = tweaks.mutations !== undefined || tweaks.defences !== undefined;
  const absent = isPlanted ? undefined : scripted.occurs?.(outcome, history);
  if (absent !== undefined) broken.push(absent);
  return broken;
}

export function runScenarios(print: (line: string) => void): boolean {
  let failed = 0;
  for (const scripted of SCENARIOS) {
    const broken = judge(scripted);
    if (broken.length > 0) failed++;
    print(`${broken.length === 0 ? '✔' : '✘'} ${scripted.name}`);
    for (const what of broken.slice(0, 5)) print(`    ${what.slice(0, 300)}`);
  }
  print(failed === 0 ? `${SCENARIOS.length} scenarios hold` : `${failed} of ${SCENARIOS.length} scenarios do not hold`);
  return failed === 0;
}
