/**
 * Wrong variants of the node, each one edit of its compiled text. Each must be seen by the rule that is there for it, alone,
 * within its number of histories: a rule that lets its bug pass is blind, and an edit that no longer fits is a failure too.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { CoreClass } from './node-program.js';
import { type HistoryRule, runHistory } from './run.js';
import { type History, type HistoryTemper, makeHistory, STUCK_JOINER } from './scenario.js';

export interface HistoryMutant {
  readonly name: string;
  /** File of lib/core, without extension. */
  readonly file: string;
  /** Must occur exactly once. */
  readonly find: string;
  readonly replace: string;
  /** The rule that must see it. */
  readonly rule: HistoryRule;
  /** Histories of this temper, or one that is made for it. */
  readonly temper: HistoryTemper | History;
  /** Histories within which it must. */
  readonly within: number;
}

export const HISTORY_MUTANTS: readonly HistoryMutant[] = [
  {
    name: 'the dead keep their slots',
    file: 'placement',
    find: "live: state !== 'failed'",
    replace: 'live: true',
    rule: 'every slot has an owner',
    temper: 'single',
    within: 10,
  },
  {
    name: 'the table waits a second after a death',
    file: 'membership/table-due',
    find: 'const at = atOnce ? now :',
    replace: 'const at = atOnce ? now + 1_000 :',
    rule: 'every slot has an owner',
    temper: 'single',
    within: 10,
  },
  {
    name: 'a closed link says nothing',
    file: 'node',
    find: 'this.membership.onLinkDown(peer, why, now);',
    replace: "this.membership.onLinkDown(peer, 'idle', now);",
    rule: 'every slot has an owner',
    temper: 'single',
    within: 10,
  },
  {
    name: 'the table waits four seconds after a leave',
    file: 'membership/table-due',
    find: 'Math.min(now + this.#quietMs, this.#firstAt + this.#maxMs)',
    replace: 'now + 4_000',
    rule: 'every slot has an owner',
    temper: 'churn',
    within: 40,
  },
  {
    name: 'joining counts as owning',
    file: 'placement',
    find: "record.state === 'joining' && !joins(member)",
    replace: 'false',
    rule: 'a newcomer owns nothing',
    temper: 'single',
    within: 5,
  },
  {
    name: 'a joiner under suspicion owns',
    file: 'placement',
    find: "record.state === 'joining' && !joins(member)",
    replace: "state === 'joining' && !joins(member)",
    rule: 'a newcomer owns nothing',
    temper: STUCK_JOINER,
    within: 1,
  },
  {
    name: 'a newcomer that is told to leave drains',
    file: 'life',
    find: 'if (isNewcomer)',
    replace: 'if (false)',
    rule: 'a newcomer owns nothing',
    temper: 'churn',
    within: 40,
  },
  {
    name: 'a newcomer doubts what the others found',
    file: 'membership/accusations',
    find: "return this.#self.record.state === 'joining';",
    replace: 'return false;',
    rule: 'a newcomer knows the dead',
    temper: 'single',
    within: 40,
  },
  {
    name: 'alive without what it will hold',
    file: 'life',
    find: 'if (this.#channels.prepared || now >= this.#prepareBy)',
    replace: 'if (true)',
    rule: 'alive only when prepared',
    temper: 'single',
    within: 5,
  },
  {
    name: 'a leaver gives its slots up at once',
    file: 'placement',
    find: 'this.#table = this.#build(this.#provisioned(() => false, () => false));',
    replace: "this.#table = this.#build(this.#provisioned(() => false, (m) => m.state === 'draining'));",
    rule: 'a leaver owns until it has left',
    temper: 'churn',
    within: 40,
  },
  {
    name: 'the table depends on the order of arrival',
    file: 'table/layout',
    find: 'layout(parameters, members, key) {',
    replace: 'layout(parameters, members, key) {\n        key = String(members.length);',
    rule: 'one table in the end',
    temper: 'churn',
    within: 40,
  },
  {
    name: 'an owner does not open the slots of the dead',
    file: 'channel/takeover',
    find: 'store.roles[number] = ROLE.serving;',
    replace: 'if (store.changedAt < 5_000) store.roles[number] = ROLE.serving;',
    rule: 'one table in the end',
    temper: 'single',
    within: 10,
  },
];

export async function runHistoryMutants(print: (line: string) => void, only?: string): Promise<boolean> {
  const chosen = HISTORY_MUTANTS.filter(({ name }) => only === undefined || name === only);
  if (chosen.length === 0)
    throw new Error(`no such variant: ${only}; there are: ${HISTORY_MUTANTS.map((m) => m.name).join(', ')}`);
  let survivors = 0;
  for (const mutant of chosen) {
    const caught = await hunt(mutant);
    if (caught === undefined) survivors++;
    print(
      caught === undefined
        ? `SURVIVED  ${mutant.name}: not seen within ${mutant.within} histories (${nameOf(mutant)})`
        : `seen      ${mutant.name}: history ${caught.seed} of ${mutant.within} (${nameOf(mutant)}), ${caught.what}`,
    );
  }
  print(survivors === 0 ? `all ${chosen.length} wrong variants seen` : `${survivors} of ${chosen.length} survived`);
  return survivors === 0;
}

function historyOf({ temper }: HistoryMutant, seed: number): History {
  return typeof temper === 'string' ? makeHistory(seed, temper) : temper;
}

function nameOf({ temper }: HistoryMutant): string {
  return typeof temper === 'string' ? temper : 'made for it';
}

async function hunt(mutant: HistoryMutant): Promise<{ seed: number; what: string } | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'halod-mutant-'));
  try {
    const type = await load(mutant, folder);
    for (let seed = 1; seed <= mutant.within; seed++) {
      const { violations } = runHistory(historyOf(mutant, seed), type, { only: mutant.rule });
      if (violations.length > 0) return { seed, what: `${violations[0]!.rule}: ${violations[0]!.what.slice(0, 140)}` };
    }
    return undefined;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The node core with one edit, as a module of its own beside copies of what it imports. */
async function load(mutant: HistoryMutant, folder: string): Promise<CoreClass> {
  const lib = fileURLToPath(new URL('../..', import.meta.url));
  for (const part of ['core', 'wire']) await cp(join(lib, part), join(folder, 'lib', part), { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await symlink(fileURLToPath(new URL('../../../../node_modules', import.meta.url)), join(folder, 'node_modules'));
  const path = join(folder, 'lib/core', `${mutant.file}.js`);
  const text = await readFile(path, 'utf8');
  const parts = text.split(mutant.find);
  if (parts.length !== 2) throw new Error(`"${mutant.name}" fits ${parts.length - 1} places of ${mutant.file}`);
  await writeFile(path, parts.join(mutant.replace));
  const module = (await import(pathToFileURL(join(folder, 'lib/core/node.js')).href)) as { Core: CoreClass };
  return module.Core;
}
