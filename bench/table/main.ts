/**
 * `npm run bench:table [-- --quick] [-- --out DIR]`: the slot table beside other ways to place slots. Prints the
 * tables, writes them with the raw figures and plots, and exits with 1 when an aim is missed; with --quick it only says
 * so, since means of few runs are too rough to judge by.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { charts } from './charts.js';
import { report } from './report.js';
import { measureAll } from './results.js';
import { verdictsOf } from './verdicts.js';

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, out: { type: 'string', default: join('bench', 'results') } },
});
const results = measureAll(values.quick);
mkdirSync(values.out, { recursive: true });
const text = report(results);
writeFileSync(join(values.out, 'table.md'), text);
writeFileSync(join(values.out, 'table.json'), `${JSON.stringify(results, null, 1)}\n`);
for (const [name, svg] of charts(results)) writeFileSync(join(values.out, name), svg);
console.log(text);
const missed = verdictsOf(results).filter(({ met }) => !met);
for (const { what, aim, measured } of missed) console.error(`missed: ${what}: ${measured}, the aim is ${aim}`);
process.exitCode = missed.length === 0 || values.quick ? 0 : 1;
