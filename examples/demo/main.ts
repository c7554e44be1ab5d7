/**
 * The demo: three nodes on this machine, a chat with several users in it, and a page, served by every node, that shows
 * who is served where and can add, drain and kill nodes. `npm run demo -- --help` lists the options.
 */
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { EVENTS } from '../../bench/replay/chat-log.js';
import { reportFailure } from '../../lib/cli/output.js';
import { connect } from '../../lib/client/index.js';
import { startControl } from './control.js';
import { Feed } from './feed.js';
import { Fleet } from './fleet.js';
import { Incidents } from './incidents.js';
import { Ledger } from './ledger.js';
import { type ChatData, PULSE_CHANNEL, type Pulse, roomChannel } from './page/pulse.js';
import { People } from './people.js';

const PULSE_EVERY_MS = 250;
/** Messages on their way to a node; beyond it the feed waits, as when too few nodes live. */
const UNANSWERED_MAX = 40;
const PEOPLE_PER_ROOM = 6;
/** As many as the article of 2007 proposed, and few enough to see each. */
const SLOTS = 1_024;

const PAGE = fileURLToPath(new URL('./page', import.meta.url));

interface DemoOptions {
  readonly port: number;
  readonly nodes: number;
  readonly speed: number;
  readonly feed: boolean;
  readonly log: readonly string[];
}

const command = new Command('npm run demo --')
  .description(
    'Three halod nodes on this machine, a chat that runs through them, and a page to watch it and kill nodes.',
  )
  .option('--port <PORT>', 'port of the first node; where it is taken a free one is picked', whole(0, 65_535), 7400)
  .option('--nodes <N>', 'nodes to start with', whole(2, 8), 3)
  .option('--log <FILE>', 'play this chat log instead of the built-in one; repeatable, a room each', collect, [])
  .option('--speed <N>', 'messages a second, over all rooms', whole(1, 500), 4)
  .option('--no-feed', 'nobody talks but you');

async function run(options: DemoOptions): Promise<void> {
  const feed = options.log.length > 0 ? await Feed.read(options.log) : Feed.story();
  const ledger = new Ledger();
  const incidents = new Incidents();
  const fleet = new Fleet({
    port: options.port,
    options: ['--preset', 'local', '--slots', String(SLOTS), '--assets', PAGE],
    changed: (node, how) => incidents.nodeChanged(node, how, people.at(node.number)),
  });
  const people = new People(fleet, ledger, (name, node) => incidents.userArrived(name, node));
  process.once('exit', () => fleet.stop());
  const startedAt = performance.now();
  for (let i = 0; i < options.nodes; i++) await fleet.add();
  const control = await startControl({
    add: async () => void (await fleet.add()),
    drain: (node) => fleet.drain(node),
    kill: (node) => {
      fleet.check(node);
      incidents.killing(node, people.at(node));
      fleet.kill(node);
    },
  });
  const url = `${fleet.urls()[0]}/#control=${control.port}.${control.key}`;
  print(`${options.nodes} nodes are up after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  for (const node of fleet.nodes()) print(`  node ${node.number}  ${node.url}  pid ${node.pid}`);
  print(`\n  Open  ${url}\n\nCtrl-C ends the demo.`);

  const voice = connect(fleet.urls());
  const pulse = setInterval(() => {
    const beat: Pulse = {
      rooms: feed.rooms,
      nodes: fleet.nodes(),
      users: people.list(),
      totals: ledger.totals(performance.now()),
      events: incidents.latest(),
    };
    // A beat that cannot be stored is not worth a retry: the next one says it all again.
    voice.publish(PULSE_CHANNEL, beat).catch(() => {});
  }, PULSE_EVERY_MS);
  const entered = feed.rooms.flatMap((room) =>
    feed.nicks(room, PEOPLE_PER_ROOM).map((nick) => people.enter(nick, room)),
  );
  await Promise.all(entered);
  const talk = options.feed ? startTalking(feed, people, voice, options.speed) : undefined;

  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  clearInterval(pulse);
  clearInterval(talk);
  control.close();
  const totals = ledger.totals(performance.now());
  print(
    `\n${totals.published} published, ${totals.delivered} delivered, ${totals.missing} missing, ${totals.repeated} repeated, ${totals.moved} moves`,
  );
  fleet.stop();
  process.exit(0);
}

function startTalking(feed: Feed, people: People, voice: ReturnType<typeof connect>, speed: number): NodeJS.Timeout {
  const numbers = new Map<string, number>();
  let unanswered = 0;
  return setInterval(() => {
    if (unanswered >= UNANSWERED_MAX) return;
    const { room, line } = feed.next();
    unanswered++;
    const said =
      line.nick === EVENTS
        ? voice.publish(roomChannel(room), { nick: EVENTS, text: line.text } satisfies ChatData)
        : people.say(line.nick, room, {
            nick: line.nick,
            text: line.text,
            action: line.kind === 'action',
            n: next(numbers, room),
          });
    said.then(
      () => unanswered--,
      () => unanswered--,
    );
  }, 1_000 / speed);
}

function next(numbers: Map<string, number>, room: string): number {
  const n = (numbers.get(room) ?? 0) + 1;
  numbers.set(room, n);
  return n;
}

function whole(min: number, max: number) {
  return (text: string): number => {
    const n = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
    if (!(n >= min && n <= max)) throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    return n;
  };
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await run(command.parse().opts<DemoOptions>());
} catch (error) {
  process.exitCode = reportFailure(error, false);
}
