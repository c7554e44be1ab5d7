/**
 * `npm run bench:moves`: what users notice while nodes join, leave, crash and restart, measured with real processes.
 * Tables and plots go to bench/results; exits with 1 where a promise was broken.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, type Machine } from '../harness/machine.js';
import { printed } from '../harness/stats.js';
import { crash } from './crash.js';
import { growth } from './growth.js';
import type { Figure, Part, PartOptions } from './part.js';
import { rolling } from './rolling.js';

const PARTS: Readonly<Record<string, (options: PartOptions) => Promise<Part>>> = { growth, crash, rolling };

interface Saved {
  machine: Machine;
  parts: Record<string, Omit<Part, 'plots'> & { readonly at: string }>;
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    users: { type: 'string', default: '300' },
    rate: { type: 'string', default: '500' },
    clients: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'bench/results' },
  },
});

const startedAt = performance.now();
const options: PartOptions = {
  users: Number(values.users),
  perSecond: Number(values.rate),
  clients: Number(values.clients),
  seed: Number(values.seed),
  say: (line) => console.log(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(5)} s  ${line}`),
};

const file = join(values.out, 'moves.json');

function load(): Saved {
  try {
    return { ...(JSON.parse(readFileSync(file, 'utf8')) as Saved), machine: describeMachine() };
  } catch {
    return { machine: describeMachine(), parts: {} };
  }
}

function row({ name, value, unit, goal = '', met }: Figure): string {
  const verdict = met === undefined ? '' : met ? 'yes' : '**no**';
  return `| ${name} | ${printed(value)} ${unit} | ${goal} | ${verdict} |`;
}

function markdown({ machine, parts }: Saved): string {
  const sections = Object.values(parts).map(({ title, at, figures, failures, name }) => {
    const table = ['| | measured | goal | met |', '|---|---|---|---|', ...figures.map(row)];
    const broken = failures.length === 0 ? [] : ['', `Broken: ${failures.slice(0, 10).join('; ')}`];
    return [
      `## ${title}`,
      '',
      `\`npm run bench:moves -- --only ${name}\`, ${at.slice(0, 10)}`,
      '',
      ...table,
      ...broken,
    ].join('\n');
  });
  const where = `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; nodes, clients and publisher share them.`;
  return `# Users on the move\n\n${where}\n\n${sections.join('\n\n')}\n`;
}

async function main(): Promise<number> {
  const names = values.only.length > 0 ? values.only : Object.keys(PARTS);
  const saved = load();
  let broken = 0;
  mkdirSync(values.out, { recursive: true });
  for (const name of names) {
    const run = PARTS[name];
    if (run === undefined) throw new TypeError(`--only ${name}: there are ${Object.keys(PARTS).join(', ')}`);
    options.say(name);
    const { plots, ...part } = await run(options);
    saved.parts[name] = { ...part, at: new Date().toISOString() };
    for (const [plot, svg] of Object.entries(plots)) writeFileSync(join(values.out, `moves-${plot}.svg`), svg);
    writeFileSync(file, `${JSON.stringify(saved, null, 2)}\n`);
    writeFileSync(join(values.out, 'moves.md'), markdown(saved));
    console.log(`\n${part.title}\n${part.figures.map(row).join('\n')}`);
    for (const failure of part.failures.slice(0, 20)) console.log(`broken: ${failure}`);
    broken += part.failures.length + part.figures.filter(({ met }) => met === false).length;
  }
  return broken === 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof TypeError ? error.message : error);
    process.exit(error instanceof TypeError ? 2 : 1);
  },
);
