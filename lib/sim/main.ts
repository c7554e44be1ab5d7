/**
 * `npm run sim -- [family] [options]`: runs the real protocol in a simulated world. A run is a seed; the same seed gives the
 * same trace on every machine.
 */
import { parseArgs } from 'node:util';
import { deliveryCommand } from './delivery/command.js';
import { historiesCommand } from './histories/command.js';
import { membershipCommand, type SimOptions } from './membership/command.js';

const HELP = `npm run sim -- [membership | delivery | histories] [options]

  --seeds N        so many seeds in a row (200)
  --from N         starting with this one (1)
  --seed N         this seed alone
  --keep 0,3,7     with these of its faults only ('none' for none)
  --temper NAME    only this kind of trouble
  --trace          every event on a line
  --twice          run each seed twice and compare the traces
  --scenarios      scripted scenarios, each with what it must hold (delivery)
  --mutants        run wrong variants of the protocol; each must be caught
  --mutant NAME    only this variant`;

type Family = (options: SimOptions, print: (line: string) => void) => Promise<boolean>;

const FAMILIES: Readonly<Record<string, Family>> = {
  membership: membershipCommand,
  delivery: deliveryCommand,
  histories: historiesCommand,
};

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      from: { type: 'string' },
      keep: { type: 'string' },
      temper: { type: 'string' },
      trace: { type: 'boolean' },
      twice: { type: 'boolean' },
      mutants: { type: 'boolean' },
      scenarios: { type: 'boolean' },
      mutant: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const family = FAMILIES[positionals[0] ?? 'membership'];
  if (!family || positionals.length > 1) {
    console.error(`no such family; there are: ${Object.keys(FAMILIES).join(', ')}\n\n${HELP}`);
    return 2;
  }
  const options: SimOptions = {
    seeds: number(values.seeds, 200),
    from: number(values.from, 1),
    trace: values.trace ?? false,
    twice: values.twice ?? false,
    scenarios: values.scenarios ?? false,
    mutants: (values.mutants ?? false) || values.mutant !== undefined,
    ...(values.seed === undefined ? {} : { seed: number(values.seed, 1) }),
    ...(values.keep === undefined ? {} : { keep: values.keep === 'none' ? [] : values.keep.split(',').map(Number) }),
    ...(values.temper === undefined ? {} : { temper: values.temper }),
    ...(values.mutant === undefined ? {} : { mutant: values.mutant }),
  };
  return (await family(options, (line) => console.log(line))) ? 0 : 1;
}

function number(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`not a number: ${text}`);
  return value;
}

process.exitCode = await main();
