/** Puts a result into the pages that quote it, between two marks, so that no figure there is typed by hand. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { WORKLOADS } from '../workloads/registry.js';
import { charts } from './charts.js';
import { report } from './report.js';
import type { Results } from './results.js';
import { ASSUMPTIONS, costsOf, scalingTables } from './scaling.js';
import { printed } from './stats.js';

const START = '<!-- results -->';
const END = '<!-- /results -->';

export function between(page: string, content: string): string {
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error(`the page lacks ${START} or ${END}`);
  return `${page.slice(0, start + START.length)}\n\n${content.trim()}\n\n${page.slice(end)}`;
}

/** The report one heading lower, with its charts above the tables. */
function resultsPage(results: Results, folder: string): string {
  const images = [...charts(results, WORKLOADS).keys()].map(
    (name) => `![${name.replace('.svg', '').replaceAll('-', ' ')}](${folder}/${name})`,
  );
  return `${report(results).replaceAll(/^#/gm, '##')}\n\n#### Charts\n\n${images.join('\n')}`;
}

function scalingPage(results: Results, file: string): string | undefined {
  const costs = costsOf(results, 'halod');
  if (costs === undefined) return undefined;
  return [
    `Measured (${file}, ${results.machine.cpu}, Node ${results.machine.node}):`,
    `- ${printed(costs.kBEach)} kB of memory a connection`,
    `- ${printed(costs.connectCpuS)} s of CPU for 10,000 connects`,
    `- ${printed(costs.microsPaced)} µs of CPU a delivery on three nodes at 10,000 messages/s, all copies and acknowledgements included`,
    ...(costs.microsGrowth === undefined
      ? []
      : [
          `- ${printed(costs.microsGrowth.three)} µs a delivery on three nodes at 5,000 messages/s, ${printed(costs.microsGrowth.eight)} µs on eight`,
        ]),
    `- ${printed(costs.idleCoresMean * 100)} % of a core a node without traffic`,
    '',
    `Assumed: at most ${ASSUMPTIONS.busyShareMax * 100} % of a core, ${printed(ASSUMPTIONS.connectionsMax)} connections and ${ASSUMPTIONS.memoryGBMax} GB a worker; ${ASSUMPTIONS.baseMB} MB for a worker without users; ${printed(ASSUMPTIONS.historyBytes / 2 ** 20)} MiB of history a worker, of which a message takes ${ASSUMPTIONS.entryBytes} bytes and its data (${ASSUMPTIONS.dataBytes}) on each of ${ASSUMPTIONS.copies} nodes, and every delivery is a message of its own.`,
    '',
    scalingTables(costs),
  ].join('\n');
}

export function writePages(root: string, file: string, results: Results): string[] {
  const folder = relative(join(root, 'bench'), dirname(file));
  const pages: [name: string, content: string | undefined][] = [
    ['README.md', resultsPage(results, folder)],
    ['SCALING.md', scalingPage(results, relative(root, file))],
  ];
  const written: string[] = [];
  for (const [name, content] of pages) {
    if (content === undefined) continue;
    const path = join(root, 'bench', name);
    writeFileSync(path, between(readFileSync(path, 'utf8'), content));
    written.push(path);
  }
  return written;
}
