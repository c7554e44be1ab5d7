/**
 * `npm run bench:idle [-- --connections N] [-- --runs N] [-- --out DIR]`: what the memory of an idle connection is made of,
 * for halod and for bare `ws`. Prints the table and writes it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, openFilesMax } from '../harness/machine.js';
import { halod } from '../peers/halod.js';
import { rawWs } from '../peers/raw-ws.js';
import { kindsOf, type Memory, memoryOf, WARM } from './measure.js';
import { type Measured, report } from './report.js';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '3' },
    out: { type: 'string', default: join('bench', 'results') },
  },
});
const connections = Number(values.connections);
const runs = Number(values.runs);
if (!(connections >= 100 && runs >= 1)) throw new Error('at least 100 connections and one run');
if (openFilesMax() < connections + WARM + 500)
  throw new Error(`open files are limited to ${openFilesMax()}; run \`ulimit -n ${connections * 2}\` first`);

const root = process.cwd();
const measured: Measured[] = [];
for (const peer of [halod, rawWs]) {
  console.error(`${peer.title}: snapshots`);
  const kinds = await kindsOf(peer, root, connections);
  const memories: Memory[] = [];
  for (let run = 1; run <= runs; run++) {
    console.error(`${peer.title}: memory, run ${run} of ${runs}`);
    memories.push(await memoryOf(peer, root, connections));
  }
  memories.sort((a, b) => a.pssBytes - b.pssBytes);
  measured.push({ title: peer.title, kinds, memory: memories[Math.floor(memories.length / 2)]! });
}
const flags = process.argv.slice(2).join(' ');
const command = `npm run bench:idle${flags === '' ? '' : ` -- ${flags}`}`;
const text = report(measured, { command, connections, runs, machine: describeMachine() });
mkdirSync(values.out, { recursive: true });
writeFileSync(join(values.out, 'idle.md'), text);
console.log(text);
process.exit();
