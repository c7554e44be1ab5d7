/** The report in Markdown: the aims first, then every table. */
import { ALGORITHMS, HALOD } from './algorithms.js';
import { NODES, SLOTS, type TableResults } from './results.js';
import { verdictsOf } from './verdicts.js';

const TITLES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(ALGORITHMS.map(({ name, title }) => [name, title])),
  'halod-live': 'halod without frozen failover',
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const align = head.map((_, index) => (index === 0 ? '---' : '--:'));
  return [head, align, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function number(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

/** One line per algorithm and number of slots, one column per number of nodes. */
function byNodes<Row extends { algorithm: string; slots: number; nodes: number }>(
  rows: readonly Row[],
  cell: (row: Row) => string,
): string {
  const lines = new Map<string, Map<number, string>>();
  for (const row of rows) {
    const name = `${row.algorithm === HALOD.name ? '**halod**' : TITLES[row.algorithm]}, ${grouped(row.slots)} slots`;
    const line = lines.get(name) ?? new Map<number, string>();
    lines.set(name, line.set(row.nodes, cell(row)));
  }
  const body = [...lines].map(([name, line]) => [name, ...NODES.map((nodes) => line.get(nodes) ?? '–')]);
  return table(['nodes', ...NODES.map(String)], body);
}

function verdictTable(results: TableResults): string {
  return table(
    ['', 'aim', 'measured', ''],
    verdictsOf(results).map(({ what, aim, measured, met }) => [
      what,
      aim,
      `**${measured}**`,
      met ? 'met' : '**missed**',
    ]),
  );
}

function timingTable(results: TableResults): string {
  const milliseconds = (d: { medianMs: number; p90Ms: number }): string =>
    `${number(d.medianMs, 2)} / ${number(d.p90Ms, 2)}`;
  return table(
    ['slots × nodes', 'join', 'leave', 'crash', 'return', 'from nothing', 'table, kB'],
    results.timing.map((row) => [
      `${grouped(row.slots)} × ${grouped(row.nodes)}`,
      milliseconds(row.join),
      milliseconds(row.leave),
      milliseconds(row.crash),
      milliseconds(row.return),
      number(row.coldMs, 1),
      number(row.tableBytes / 1_000, 0),
    ]),
  );
}

function churnTable(results: TableResults): string {
  return table(
    ['', 'slots', 'nodes at the start', 'moved ÷ minimum', 'fullest node ÷ mean', 'at worst'],
    results.churn.map((row) => [
      row.algorithm === 'halod' ? '**halod**' : TITLES[row.algorithm]!,
      grouped(row.slots),
      String(row.nodes),
      `${number(row.timesMinimum, 3)} ×`,
      number(row.fullest, 3),
      number(row.fullestWorst, 3),
    ]),
  );
}

function churnAtTen(results: TableResults): string {
  const rows = results.churn.filter((row) => row.algorithm === HALOD.name && row.nodes === 10);
  return rows.map((row) => `with ${grouped(row.slots)} slots it is ${number(row.timesMinimum, 3)}`).join(', ');
}

function crashTable(results: TableResults): string {
  return table(
    [
      'slots × nodes',
      'crashes',
      'moved ÷ slots of the dead',
      'to the first copy',
      'returns that differ',
      'fullest ÷ mean meanwhile',
      'at worst',
    ],
    results.crashes.map((row) => [
      `${grouped(row.slots)} × ${row.nodes}`,
      String(row.crashes),
      `${number(row.movedMin, 3)}–${number(row.movedMax, 3)}`,
      `${number(row.heirShare * 100, 2)} %`,
      String(row.returnsDiffering),
      number(row.fullest, 3),
      number(row.fullestWorst, 3),
    ]),
  );
}

export function report(results: TableResults): string {
  const { machine } = results;
  const bound = NODES.map((nodes) => number((0.2 * (nodes - 1)) / (nodes + 1), 2)).join(' / ');
  return `# The slot table, measured

\`npm run bench:table\`${results.quick ? ' with --quick (few runs: rough figures)' : ''}, ${results.at.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}.
Times are medians of processor time; everything else is exact and repeatable, drawn from fixed seeds.

## The aims

${verdictTable(results)}

## What a join moves, as a multiple of the least that it must

The newcomer's share, S/(N+1), must move. Perfect balance costs something on top, about √S whatever the algorithm, so
more slots make it matter less. Up to 8 nodes the aim is 1.05, up to 32 it is 1.15: ${grouped(SLOTS[1])} slots miss it,
16,384 meet it, and more would only cost time and memory. Rendezvous, ring and jump hash stay near 1 because they do not balance.

![frontier](table-frontier.svg)

${byNodes(results.moves, (row) => number(row.join.timesOptimum, 3))}

## Moves between nodes that stay, at a join

Mean, in √S; in brackets the 99th percentile. No pure function of the members that balances perfectly can stay much below
0.2·(N−1)/(N+1), that is ${bound}.

![extra moves](table-moves.svg)

${byNodes(results.moves, ({ slots, join }) => `${number(join.superfluous / Math.sqrt(slots), 2)} (${number(join.superfluousP99 / Math.sqrt(slots), 2)})`)}

At a planned leave:

${byNodes(results.moves, ({ slots, leave }) => `${number(leave.superfluous / Math.sqrt(slots), 2)} (${number(leave.superfluousP99 / Math.sqrt(slots), 2)})`)}

Jump hash numbers its nodes, so somebody has to keep the numbering; when a node in the middle leaves, the last one takes its
number, which empties a second node.

## Balance: the fullest node ÷ the mean

On average over random memberships; in brackets max − min of the worst, in slots.

![balance](table-balance.svg)

${byNodes(results.balance, (row) => `${number(row.fullest, 3)} (${row.spreadMax})`)}

## Crash and return

halod keeps a failed node's place in the order of each slot. Every third run kills a second node before the first returns.

${crashTable(results)}

## Churn

70 % of the events are restarts (a crash, then the return), 15 % new nodes, 15 % planned leaves. The minimum is what a
coordinator with a memory would move: the share of the node that comes or goes. An algorithm that does not balance can be
slightly below it. The aim, 1.02 at 10 nodes, is one for the default number of slots: ${churnAtTen(results)}.

![churn](table-churn.svg)

${churnTable(results)}

## Time

Milliseconds of the processor, median / 90th percentile, with the score cache that a node keeps; from nothing is the best of three.

![time](table-time.svg)

${timingTable(results)}

The slot of a channel, with nothing allocated: ${results.hash.map(({ names, ns }) => `\`${names}\` ${ns.toFixed(0)} ns`).join(', ')}.
`;
}
