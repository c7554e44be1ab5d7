/** Tables of a result, as Markdown: what stands in a terminal and in a file alike. */
import { PEERS } from '../peers/registry.js';
import { WORKLOADS } from '../workloads/registry.js';
import type { Column } from '../workloads/workload.js';
import type { Cell, Results } from './results.js';
import { printedSpread, spreadOf } from './stats.js';

export function figuresOf(cell: Cell, key: string): number[] {
  return cell.runs
    .map((run) => run.figures[key])
    .filter((value): value is number => value !== undefined && Number.isFinite(value));
}

/** Cells of a workload's variant in the order of the peers. */
export function cellsOf(results: Results, workload: string, variant: string): Cell[] {
  const cells = results.cells.filter((cell) => cell.workload === workload && cell.variant === variant);
  const rank = (cell: Cell) => PEERS.findIndex((peer) => peer.name === cell.peer);
  return cells.sort((a, b) => rank(a) - rank(b));
}

/** Lost, repeated, reordered, foreign and unreadable over all runs; 'all 0' is the only good answer. */
function checksOf(cell: Cell): string {
  const sum = { lost: 0, repeated: 0, reordered: 0, foreign: 0, unreadable: 0 };
  for (const { checks } of cell.runs) {
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += checks[key];
  }
  const bad = Object.entries(sum).filter(([, count]) => count > 0);
  return bad.length === 0 ? 'all 0' : bad.map(([name, count]) => `${count} ${name}`).join(', ');
}

function rowOf(results: Results, cell: Cell, columns: readonly Column[]): string {
  const failed = cell.failures.length > 0 ? `, ${cell.failures.length} failed` : '';
  const faulty = cell.runs.filter((run) => run.faults.length > 0).length;
  const noted = faulty > 0 ? `, ${faulty} with faults` : '';
  const cells = columns.map((column) => printedSpread(spreadOf(figuresOf(cell, column.key))));
  const title = results.peers[cell.peer]?.title ?? cell.peer;
  return `| ${[title, `${cell.runs.length}${failed}${noted}`, ...cells, cell.workload === 'idle' ? '' : checksOf(cell)].join(' | ')} |`;
}

export function tables(results: Results): string {
  const parts: string[] = [];
  for (const workload of WORKLOADS) {
    const variants = workload.variants.filter((variant) => cellsOf(results, workload.name, variant.name).length > 0);
    if (variants.length === 0) continue;
    parts.push(`### ${workload.title}`);
    for (const variant of variants) {
      const head = ['', 'runs', ...workload.columns.map((column) => column.title), 'lost, repeated, reordered'];
      const rows = cellsOf(results, workload.name, variant.name).map((cell) => rowOf(results, cell, workload.columns));
      parts.push(
        `**${variant.name}**\n\n| ${head.join(' | ')} |\n|${head.map(() => '---|').join('')}\n${rows.join('\n')}`,
      );
    }
  }
  return parts.join('\n\n');
}

function versionsOf(results: Results): string {
  const rows = Object.values(results.peers).map(({ title, guarantee, configuration, versions }) => {
    const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    return `| ${title} | ${guarantee} | ${configuration} | ${list.join(', ')} |`;
  });
  return `| | guarantee | configuration | versions |\n|---|---|---|---|\n${rows.join('\n')}`;
}

/** The command of the first part, and that there were others: those known, or seen by what the first did not ask for. */
function commandsOf({ command, added = [], cells }: Results): string {
  const asked = /--workload[ =](\S+)/.exec(command)?.[1]?.split(',') ?? ['all'];
  const isWhole = asked.includes('all') || cells.every(({ workload }) => asked.includes(workload));
  if (isWhole && added.length === 0) return `\`${command}\``;
  const last =
    cells
      .map(({ startedAt }) => startedAt)
      .sort()
      .at(-1) ?? '';
  const others = added.map((each) => `- \`${each}\``).join('\n');
  return [
    `\`${command}\``,
    `This is the command of the first part only; others were added with \`--add\`, the last of them at ${last.slice(0, 16).replace('T', ' ')} UTC${others === '' ? '.' : ':'}`,
    ...(others === '' ? [] : [others]),
  ].join('\n\n');
}

export function report(results: Results): string {
  const { machine } = results;
  const skipped = Object.entries(results.skipped).map(([name, why]) => `- ${name}: ${why}`);
  return [
    `# Benchmark of ${results.startedAt.slice(0, 16).replace('T', ' ')} UTC`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; Linux ${machine.kernel}, ${machine.system}; Node ${machine.node}. Servers and generator share the cores; everything on 127.0.0.1.`,
    commandsOf(results),
    'Figures are median (min..max) of the runs, which were interleaved: every peer once, then every peer again.',
    tables(results),
    '### Configuration',
    versionsOf(results),
    ...(skipped.length > 0 ? ['### Not measured', skipped.join('\n')] : []),
  ].join('\n\n');
}
