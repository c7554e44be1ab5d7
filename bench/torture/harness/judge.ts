/** Reads the history files of a run and has them judged; says in a few lines what was found. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type CheckOptions, HistoryChecker } from '../../../lib/sim/checkers/checker.js';
import { type HistoryEvent, parseEvent } from '../../../lib/sim/checkers/history.js';
import { type Verdict, VIOLATIONS, type ViolationKind } from '../../../lib/sim/checkers/verdict.js';

/** `also`: sees every event too, for figures of one scenario. */
export async function judgeFiles(
  files: readonly string[],
  options: CheckOptions,
  also: (event: HistoryEvent) => void = () => {},
): Promise<Verdict> {
  const checker = new HistoryChecker(options);
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const event = parseEvent(line);
      checker.on(event);
      also(event);
    }
  }
  return checker.finish();
}

const number = (value: number) => value.toLocaleString('en-US');

export function verdictLines(verdict: Verdict): string[] {
  const { counts } = verdict;
  const of = (kind: ViolationKind) => number(verdict.count(kind));
  const justified = counts.gaps - counts.spuriousGaps - verdict.count('unjustified-gap');
  const lines = [
    `published     ${number(counts.published)}: ${number(counts.acknowledged)} acknowledged, ${number(counts.unknown)} unknown, ${number(counts.refused)} refused`,
    `delivered     ${number(counts.delivered)} to ${number(counts.readers)} readers of a channel`,
    `lost          ${of('lost')} of the acknowledged; ${of('disagreed')} more seen by some and not by all; ${of('skipped')} passed over`,
    `repeated      ${of('repeated')}${counts.bareRepeats > 0 ? `; ${number(counts.bareRepeats)} on bare transports` : ''}`,
    `out of order  ${of('out-of-order')}`,
    `gaps          ${number(counts.gaps)}: ${number(justified)} justified, ${of('unjustified-gap')} unjustified, ${number(counts.spuriousGaps)} over nothing`,
    `copies        ${Number.isFinite(counts.copiesMin) ? `at least ${counts.copiesMin}; ${of('short-copies')} acknowledged with too few` : 'nothing acknowledged'}`,
  ];
  const others = [...verdict.byKind].filter(([kind]) => !TOLD.has(kind));
  for (const [kind, count] of others) lines.push(`${kind}: ${number(count)} (${VIOLATIONS[kind]})`);
  for (const violation of verdict.violations.slice(0, 30)) lines.push(`  ${violation.kind}: ${violation.detail}`);
  return lines;
}

const TOLD: ReadonlySet<ViolationKind> = new Set([
  'lost',
  'disagreed',
  'skipped',
  'repeated',
  'out-of-order',
  'unjustified-gap',
  'short-copies',
]);
