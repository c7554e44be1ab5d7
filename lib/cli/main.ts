#!/usr/bin/env node
/**
 * The `halod` command. Only this file, the options table and commander are loaded to show a help text; each command
 * loads its own code when it runs, so that `halod --help` is quick.
 */
import { createRequire } from 'node:module';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { suggestion } from '../config/nearest.js';
import { OPTION_GROUPS, OPTIONS, type OptionSpec } from '../config/options.js';
import { formatBytes, formatDuration } from '../config/values.js';
import { LIMITS } from '../wire/limits.js';
import { EXIT, UsageError } from './failure.js';
import { printJson, reportFailure } from './output.js';

const { version } = createRequire(import.meta.url)('halod/package.json') as { version: string };

/** The options every command but start and cluster shares. */
export interface CommonOptions {
  readonly node: string;
  readonly json?: true;
  readonly apiKey?: string;
}

const program = new Command('halod')
  .description('Real-time messages to browsers, from nodes that find each other by gossip.')
  .version(version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'show help')
  .helpCommand(false)
  .configureHelp({ showGlobalOptions: false })
  .showHelpAfterError('(halod --help tells more)')
  .exitOverride()
  .addHelpText(
    'after',
    `
Without a command halod starts one node on http://127.0.0.1:7400, in memory, with a web console at /console.

  halod                                            a node
  halod start --port 7401 --seed 127.0.0.1:7400    a second one that joins it
  halod subscribe room:1                           read a channel
  halod publish room:1 '{"text":"hi"}'             write to it

Exit codes: 0 done, 1 failed, 2 wrong usage.`,
  );

const start = program
  .command('start', { isDefault: true })
  .description('start a node')
  .summary('start a node (what halod does without a command)')
  .allowExcessArguments(true);
for (const spec of OPTIONS) addNodeOption(start, spec);
start
  .optionsGroup('This command:')
  .option('--config <FILE>', 'read options from a JSON file: {"port": 7401, "seed": ["10.0.0.5"]}')
  .option('--json', 'print one JSON object a line; the first says that the node serves')
  .addHelpText(
    'after',
    `
Each option can also be set as HALOD_NAME in the environment (HALOD_PORT, HALOD_CLUSTER_SECRET) or as a key of the
file given with --config. A flag wins over the environment, the environment over the file. HALOD_LOG=* tells on stderr
what the node does.

With --data a node that is started again has its history, also where all nodes were killed at once. One that can no
longer write it, as on a full disk, stops at once and exits with 1.

SIGTERM or SIGINT hands over slots and moves clients, then exits with 0; a second signal exits at once.`,
  )
  .action(async (options: Record<string, unknown>, command: Command) => {
    rejectUnknownCommand(command);
    const { runStart } = await import('./start.js');
    process.exitCode = await runStart(givenFlags(command), options['config'] as string | undefined);
  });

const cluster = program
  .command('cluster')
  .description('start several nodes on this machine, each a process of its own, for development')
  .argument('[N]', 'how many nodes', parseNodes, 3)
  .option('--port <PORT>', 'port of the first node; the others take the next ones, 0 picks free ones', parsePort, 7400)
  .option('--copies <N>', 'nodes that hold each slot')
  .option('--acks <K>', 'copies stored before a publish is acknowledged')
  .option('--slots <N>', 'hash buckets that channels are spread over')
  .option('--history <N>', 'messages kept of a channel')
  .option('--assets <DIR>', 'serve the files of a directory on every node')
  .option('--json', 'print one JSON object a line')
  .addHelpText(
    'after',
    '\nCtrl-C stops all of them. Options not named here come from the environment, as with halod start.',
  );
cluster.action(async (nodes: number, options: Record<string, string | number | true>) => {
  const { runCluster } = await import('./cluster.js');
  process.exitCode = await runCluster(nodes, options);
});

common(program.command('publish'))
  .description('publish one message to a channel and wait until it is stored')
  .argument('<CHANNEL>', 'the channel; @alice is the own channel of user alice')
  .argument('<DATA>', 'JSON, or any other text as it stands; - publishes each line of standard input')
  .option('--id <ID>', 'makes a retry harmless: the same id is one message')
  .option('--text', 'take DATA for text even where it is JSON')
  .action(async (channel: string, data: string, options: CommonOptions & { id?: string; text?: true }) => {
    const { runPublish } = await import('./publish.js');
    process.exitCode = await runPublish(channel, data, options);
  });

common(program.command('subscribe'))
  .description('print the messages of channels as they arrive, until Ctrl-C')
  .argument('<CHANNEL...>', 'one channel or several')
  .option('--after <POSITION>', 'now, start (the oldest message kept) or a position', 'now')
  .option('--user <USER>', 'connect as this user, who then also reads the own channel @USER')
  .addOption(new Option('--token <JWT>', 'connect with a token').env('HALOD_TOKEN'))
  .option('--count <N>', 'stop after so many messages', parseCount)
  .action(
    async (
      channels: string[],
      options: CommonOptions & { after: string; user?: string; token?: string; count?: number },
    ) => {
      const { runSubscribe } = await import('./subscribe.js');
      process.exitCode = await runSubscribe(channels, options);
    },
  );

common(program.command('status'))
  .description('show the nodes of a cluster and how the slots are spread over them')
  .action(async (options: CommonOptions) => {
    const { runStatus } = await import('./status.js');
    process.exitCode = await runStatus(options);
  });

common(program.command('locate'))
  .description('show the slot of a channel, its owner and its copies')
  .argument('<CHANNEL>', 'the channel; @alice tells where user alice is served')
  .action(async (channel: string, options: CommonOptions) => {
    const { runLocate } = await import('./locate.js');
    process.exitCode = await runLocate(channel, options);
  });

common(program.command('plan'))
  .description('show what a change of the cluster would move, without making it')
  .option('--add <N>', 'so many nodes join', parseMembers)
  .option('--remove <ID>', 'this node leaves: its id, the beginning of it, or its address; repeatable', collect, [])
  .option('--weight <ID=N>', 'this node gets another weight; repeatable', collect, [])
  .action(async (options: CommonOptions & { add?: number; remove: string[]; weight: string[] }) => {
    const { runPlan } = await import('./plan.js');
    process.exitCode = await runPlan(options);
  });

common(program.command('drain'))
  .description('ask a node to hand over its slots, move its clients and exit')
  .option('--no-wait', 'return at once instead of when the node is gone')
  .action(async (options: CommonOptions & { wait: boolean }) => {
    const { runDrain } = await import('./drain.js');
    process.exitCode = await runDrain(options);
  });

program
  .command('token')
  .description('make a token for a client')
  .requiredOption('--user <USER>', 'who the token is for')
  .addOption(new Option('--token-secret <S>', "the nodes' --token-secret").env('HALOD_TOKEN_SECRET'))
  .addOption(new Option('--token-secret-file <FILE>', 'a file that holds it').env('HALOD_TOKEN_SECRET_FILE'))
  .option('--expires <TIME>', 'how long it is valid: 90s, 15m, 12h, 7d', '1h')
  .option('--sub <PATTERN>', 'a channel it may subscribe to, where * matches anything; repeatable', collect, [])
  .option('--pub <PATTERN>', 'a channel it may publish to; repeatable', collect, [])
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nWithout --sub and --pub the token says nothing of channels, and so allows them all.')
  .action(async (options: Record<string, unknown>) => {
    const { runToken } = await import('./token.js');
    process.exitCode = await runToken(options as never);
  });

common(program.command('top'))
  .description('watch a cluster: nodes, slots, clients and rates, refreshed every second')
  .option('--interval <TIME>', 'how often to refresh', '1s')
  .action(async (options: CommonOptions & { interval: string }) => {
    const { runTop } = await import('./top.js');
    process.exitCode = await runTop(options);
  });

program
  .command('help')
  .description('show help for a command')
  .argument('[COMMAND]', 'the command')
  .action((word: string | undefined) => {
    const found = word === undefined ? program : program.commands.find((known) => known.name() === word);
    if (found === undefined) throw unknownCommand(word!);
    found.help();
  });

function common(command: Command): Command {
  return command
    .addOption(
      new Option('--node <URL>', 'a node of the cluster, any one').env('HALOD_NODE').default('http://127.0.0.1:7400'),
    )
    .addOption(new Option('--api-key <K>', "the nodes' --api-key, where they have one").env('HALOD_API_KEY'))
    .option('--json', 'print one JSON object a line');
}

function addNodeOption(command: Command, spec: OptionSpec): void {
  command.optionsGroup(`${OPTION_GROUPS[spec.group]}:`);
  if (spec.kind.type === 'flag') {
    command.option(
      spec.default === true ? `--no-${spec.name}` : `--${spec.name}`,
      spec.default === true ? `do not ${spec.help}` : spec.help,
    );
    return;
  }
  const help = `${spec.help}${defaultNote(spec)}`;
  if (spec.kind.type === 'list') command.option(`--${spec.name} <${spec.value}>`, help, collect);
  else command.option(`--${spec.name} <${spec.value}>`, help);
  if (spec.secret) command.option(`--${spec.name}-file <FILE>`, 'the same, read from a file');
}

function defaultNote(spec: OptionSpec): string {
  if (spec.default === '' || spec.kind.type === 'list') return '';
  const shown =
    spec.kind.type === 'bytes'
      ? formatBytes(spec.default as number)
      : spec.kind.type === 'duration'
        ? formatDuration(spec.default as number)
        : String(spec.default);
  return ` (${shown})`;
}

/** What stood on the command line, by option name. */
function givenFlags(command: Command): Map<string, unknown> {
  const flags = new Map<string, unknown>();
  for (const option of command.options) {
    const attribute = option.attributeName();
    if (command.getOptionValueSource(attribute) === 'cli') {
      flags.set((option.long ?? '').replace(/^--(?:no-)?/, ''), command.getOptionValue(attribute));
    }
  }
  return flags;
}

/** `halod strat` reaches the default command with an argument too many. */
function rejectUnknownCommand(command: Command): void {
  const [word] = command.args;
  if (word !== undefined) throw unknownCommand(word);
}

function unknownCommand(word: string): UsageError {
  const names = program.commands.map((known) => known.name());
  return new UsageError(`unknown command ${word}${suggestion(word, names)}`);
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function parseWhole(text: string, min: number, max: number): number {
  const n = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(n >= min && n <= max)) throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  return n;
}

function parseNodes(text: string): number {
  return parseWhole(text, 1, 32);
}

function parsePort(text: string): number {
  return parseWhole(text, 0, 65_535);
}

function parseMembers(text: string): number {
  return parseWhole(text, 1, LIMITS.membersMax);
}

function parseCount(text: string): number {
  return parseWhole(text, 1, 1_000_000_000);
}

// Who reads what is printed may go away; a node must not end for that. Commands that only print stop by themselves.
process.stdout.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  const json = process.argv.includes('--json');
  if (!(error instanceof CommanderError)) process.exitCode = reportFailure(error, json);
  else if (error.exitCode === 0) process.exitCode = EXIT.done;
  else {
    // Commander has told people already.
    if (json) printJson({ error: { code: 'bad-usage', message: error.message.replace(/^error: /, ''), retry: false } });
    process.exitCode = EXIT.usage;
  }
}
