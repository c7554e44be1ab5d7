/**
 * Wrong variants of the protocol, each one edit of its compiled text, so that the protocol itself needs no seams for them.
 * A simulator that lets one of them pass is blind somewhere: every variant must be caught within its number of seeds, and
 * an edit that no longer fits the text is a failure too.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { MembershipClass } from './member-program.js';
import { runScenario } from './run.js';
import { makeScenario, type Temper } from './scenario.js';

export interface Mutant {
  readonly name: string;
  /** File of lib/core/membership, without extension. */
  readonly file: string;
  /** Must occur exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Seeds within which it must be caught. */
  readonly within: number;
  /** The kind of trouble that shows it; else seeds of all kinds. */
  readonly temper?: Temper;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'no stall guard',
    file: 'membership',
    find: 'if (lateMs > this.#timing.lateMs && this.#features.stallGuard)',
    replace: 'if (false)',
    within: 50,
    temper: 'stalls',
  },
  {
    name: 'verdicts fall due during a stall',
    file: 'accusations',
    find: 'for (const entry of this.#view.suspects)\n            entry.suspicion?.pardon(ms);\n        this.dueAt += ms;',
    replace: '',
    within: 50,
    temper: 'stalls',
  },
  {
    name: 'equal incarnation accepted over a verdict',
    file: 'view',
    find: 'if (entry.failed && compareVersions(entry.failed, entry.record) >= 0)\n        return',
    replace: 'if (entry.failed && compareVersions(entry.failed, entry.record) > 0)\n        return',
    within: 50,
  },
  {
    name: 'older records verified and admitted from anyone',
    file: 'membership',
    find: 'if (known && compareVersions(record, known) <= 0)\n            return;',
    replace: 'if (before) { before.record = record; }',
    within: 50,
  },
  {
    name: 'boot does not order before incarnation',
    file: 'record',
    find: 'return a.boot - b.boot || a.incarnation - b.incarnation;',
    replace: 'return a.incarnation - b.incarnation || a.boot - b.boot;',
    within: 100,
  },
  {
    name: 'forgets by its own timer, silently',
    file: 'forgetting',
    find: 'this.#view.forget(entry, version, now);\n        this.#gossip.tellClaim(entry.id, now);',
    replace: 'this.#view.forget(entry, version, now);\n        this.#view.tombstones.delete(entry.id);',
    within: 50,
    temper: 'deaths',
  },
  {
    name: 'no tombstones',
    file: 'view',
    find: 'this.tombstones.set(id, tombstone);',
    replace: ';',
    within: 100,
    temper: 'deaths',
  },
  {
    name: 'suspicion without minimum',
    file: 'suspicion',
    find: 'return Math.max(rule.minMs, rule.maxMs - (rule.maxMs - rule.minMs) * share);',
    replace: 'return Math.min(200, rule.maxMs);',
    within: 100,
    temper: 'stalls',
  },
  {
    name: 'confirmations do not shorten a suspicion',
    file: 'suspicion',
    find: 'return Math.max(rule.minMs, rule.maxMs - (rule.maxMs - rule.minMs) * share);',
    replace: 'return rule.maxMs;',
    within: 100,
  },
  {
    name: 'accusations are not answered',
    file: 'own-record',
    find: "this.renew({}, now, 'answer to an accusation');",
    replace: ';',
    within: 50,
  },
  {
    name: 'answers with the same incarnation',
    file: 'own-record',
    find: 'incarnation: incarnation + 1, ...change',
    replace: 'incarnation: state === (change.state ?? state) ? incarnation : incarnation + 1, ...change',
    within: 50,
  },
  {
    name: 'a verdict of others is taken over at once',
    file: 'accusations',
    find: 'if (suspicion.condemned && waitedMs >= this.#timing.answerMs)',
    replace: 'if (suspicion.condemned)',
    within: 100,
    temper: 'heals',
  },
  {
    name: 'a closed link is no hint',
    file: 'membership',
    find: "else if (why === 'closed' && entry?.live && this.#features.linkHints)",
    replace: 'else if (false)',
    within: 200,
  },
  {
    name: 'one refused connection is a verdict, and so is a closed link',
    file: 'membership',
    find: 'this.#prober.doubt(entry, now, true);',
    replace: "this.#accusations.condemn(entry, entry.record, this.#self.id, now, 'closed');",
    within: 100,
    temper: 'wires',
  },
  {
    name: 'nobody dials the dead',
    file: 'reconnect',
    find: 'else\n            this.#tryLost(now);',
    replace: 'else ;',
    within: 200,
    temper: 'heals',
  },
  {
    name: 'no comparison of views',
    file: 'sync',
    find: 'if (peer === undefined)\n            return;',
    replace: 'return;',
    within: 100,
  },
  {
    name: 'comparisons leave out verdicts',
    file: 'view',
    find: 'return failed ? combine(combine(hash, failed.boot), failed.incarnation + 1) : hash;',
    replace: 'return hash;',
    within: 100,
  },
  {
    name: 'a record is signed for another state than it says',
    file: 'own-record',
    find: 'return { ...record, signature: this.#keys.sign(signedBytes(cluster, record)) };',
    replace: "return { ...record, signature: this.#keys.sign(signedBytes(cluster, { ...record, state: 'alive' })) };",
    within: 50,
  },
  {
    name: 'the table is rebuilt at every change',
    file: 'table-due',
    find: 'Math.min(now + this.#quietMs, this.#firstAt + this.#maxMs)',
    replace: 'now',
    within: 100,
  },
  {
    name: 'the table does not follow a death',
    file: 'view',
    find: 'this.#events.tableChanged(true);',
    replace: ';',
    within: 50,
  },
  {
    name: 'a later boot of itself is ignored',
    file: 'membership',
    find: 'this.#ports.superseded(boot);',
    replace: 'this.#silent = false;',
    within: 100,
    temper: 'twins',
  },
  {
    name: 'news is told for ever',
    file: 'gossip',
    find: 'again.push([id, rounds - 1]);',
    replace: 'again.push([id, rounds]);',
    within: 50,
  },
  {
    name: 'frames without bound',
    file: 'gossip',
    find: 'if (taken.length >= max)',
    replace: 'if (false)',
    within: 50,
    temper: 'crowd',
  },
];

export async function runMutants(print: (line: string) => void, only?: string): Promise<boolean> {
  const chosen = MUTANTS.filter((mutant) => only === undefined || mutant.name === only);
  if (chosen.length === 0)
    throw new Error(`no such variant: ${only}; there are: ${MUTANTS.map((m) => m.name).join(', ')}`);
  let survivors = 0;
  for (const mutant of chosen) {
    const caught = await hunt(mutant);
    if (caught === undefined) survivors += 1;
    print(
      caught === undefined
        ? `SURVIVED  ${mutant.name}: not caught within ${mutant.within} seeds`
        : `caught    ${mutant.name}: seed ${caught.seed} of ${mutant.within}, ${caught.rule}`,
    );
  }
  print(survivors === 0 ? `all ${chosen.length} wrong variants caught` : `${survivors} of ${chosen.length} survived`);
  return survivors === 0;
}

async function hunt(mutant: Mutant): Promise<{ seed: number; rule: string } | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'halod-mutant-'));
  try {
    const type = await load(mutant, folder);
    for (let seed = 1; seed <= mutant.within; seed++) {
      const scenario = makeScenario(seed, mutant.temper);
      try {
        const rule = runScenario(scenario, type).violations[0]?.rule;
        if (rule) return { seed, rule };
      } catch (error) {
        return { seed, rule: `it threw: ${error instanceof Error ? error.message : String(error)}` };
      }
    }
    return undefined;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The protocol with one edit, as a module of its own beside copies of what it imports. */
async function load(mutant: Mutant, folder: string): Promise<MembershipClass> {
  const lib = fileURLToPath(new URL('../..', import.meta.url));
  for (const part of ['core', 'wire']) await cp(join(lib, part), join(folder, 'lib', part), { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await symlink(fileURLToPath(new URL('../../../../node_modules', import.meta.url)), join(folder, 'node_modules'));
  const path = join(folder, 'lib/core/membership', `${mutant.file}.js`);
  const text = await readFile(path, 'utf8');
  const parts = text.split(mutant.find);
  if (parts.length !== 2) throw new Error(`"${mutant.name}" fits ${parts.length - 1} places of ${mutant.file}`);
  await writeFile(path, parts.join(mutant.replace));
  const module = (await import(pathToFileURL(join(folder, 'lib/core/membership/membership.js')).href)) as {
    Membership: MembershipClass;
  };
  return module.Membership;
}
