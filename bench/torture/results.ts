/** The last saved run of each scenario, in bench/results: one JSON file, one page that quotes it, plots beside it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeMachine, type Machine } from '../harness/machine.js';
import type { Outcome } from './scenario.js';

const DIRECTORY = 'bench/results';

interface SavedRun {
  readonly at: string;
  readonly command: string;
  readonly failures: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  readonly lines: readonly string[];
}

interface Saved {
  readonly machine: Machine;
  readonly scenarios: Record<string, SavedRun>;
}

export function saveOutcome(scenario: string, command: string, { failures, figures, lines, plots }: Outcome): void {
  mkdirSync(DIRECTORY, { recursive: true });
  const file = join(DIRECTORY, 'torture.json');
  const saved: Saved = { machine: describeMachine(), scenarios: load(file) };
  saved.scenarios[scenario] = { at: new Date().toISOString(), command, failures, figures, lines };
  writeFileSync(file, `${JSON.stringify(saved, null, 2)}\n`);
  writeFileSync(join(DIRECTORY, 'torture.md'), page(saved));
  for (const [name, svg] of Object.entries(plots ?? {})) writeFileSync(join(DIRECTORY, `torture-${name}.svg`), svg);
}

function load(file: string): Record<string, SavedRun> {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as Saved).scenarios;
  } catch {
    return {};
  }
}

function page({ machine, scenarios }: Saved): string {
  const sections = Object.entries(scenarios).map(([name, { at, command, failures, lines }]) => {
    const verdict = failures.length === 0 ? 'All promises held.' : `Broken: ${failures.slice(0, 5).join('; ')}`;
    return [`## ${name}`, '', `\`${command}\`, ${at.slice(0, 10)}. ${verdict}`, '', '```', ...lines, '```'].join('\n');
  });
  const where = `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; nodes and clients share them.`;
  return `# Real processes under faults\n\n${where}\n\n${sections.join('\n\n')}\n`;
}
