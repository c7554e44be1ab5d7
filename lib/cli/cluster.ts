/** `halod cluster N`: real node processes on this machine that form one cluster, for development. */
import { CommandError, EXIT } from './failure.js';
import { colour, formatTable, note, printJson, printLine } from './output.js';
import { killAll, type NodeProcess, startNodeProcess } from './processes.js';
import { nodeColour } from './status.js';

type ClusterOptions = Readonly<Record<string, string | number | true>>;

/** Passed on to each node as they are. */
const PASSED_ON = ['copies', 'acks', 'slots', 'history', 'assets'];

export async function runCluster(count: number, options: ClusterOptions): Promise<number> {
  const json = options['json'] === true;
  const firstPort = Number(options['port']);
  const shared = PASSED_ON.flatMap((name) => (options[name] === undefined ? [] : [`--${name}`, String(options[name])]));
  const nodes: NodeProcess[] = [];
  // Whatever ends this process ends its nodes.
  process.once('exit', () => killAll(nodes));
  const stopping = new Stopping(nodes, json);

  const startNext = async (i: number): Promise<void> => {
    const seeds = nodes.flatMap((node) => ['--seed', node.url]);
    const label = `node ${i + 1}`;
    const node = await startNodeProcess({
      options: ['--port', String(firstPort === 0 ? 0 : firstPort + i), '--preset', 'local', ...seeds, ...shared],
      onEvent: (event) => {
        if (json) printJson({ ...event, node: i + 1 });
      },
      onLog: (line) => note(`${colour('dim', label, process.stderr)} ${line}`),
    });
    nodes.push(node);
    if (stopping.begun) node.kill('SIGKILL');
    void node.exited.then((how) => {
      if (!json && !stopping.begun && how !== EXIT.done) note(`${label} (${node.url}) ended with ${how}`);
    });
  };
  try {
    for (let i = 0; i < count && !stopping.begun; i++) await startNext(i);
  } catch (error) {
    // part of a cluster is none; while a node lives this process would not end
    stopping.atOnce();
    throw error;
  }
  if (!json && !stopping.begun) printWelcome(nodes);
  const codes = await Promise.all(nodes.map((node) => node.exited));
  if (stopping.begun || codes.every((code) => code === EXIT.done)) return EXIT.done;
  throw new CommandError('node-failed', 'not every node ended by itself');
}

function printWelcome(nodes: readonly NodeProcess[]): void {
  const rows = nodes.map((node, i) => [
    colour(nodeColour(i), node.id),
    node.url,
    `${node.url}/console`,
    String(node.pid),
  ]);
  for (const line of formatTable(
    [{ title: 'node' }, { title: 'url' }, { title: 'console' }, { title: 'pid', align: 'right' }],
    rows,
  ))
    printLine(line);
  printLine();
  printLine(`Add one      halod start --port 0 --seed ${new URL(nodes[0]!.url).host}`);
  printLine(`Look at it   halod status --node ${nodes[0]!.url}`);
  printLine(`Kill one     kill -9 ${nodes.at(-1)!.pid}`);
  printLine('Stop all     Ctrl-C');
}

/** The first signal stops the nodes together; a second one ends them at once. */
class Stopping {
  readonly #nodes: readonly NodeProcess[];
  #signals = 0;

  constructor(nodes: readonly NodeProcess[], json: boolean) {
    this.#nodes = nodes;
    const stop = (): void => {
      this.#signals++;
      if (this.#signals > 1) {
        killAll(nodes);
        process.exit(EXIT.failed);
      }
      if (!json) note('stopping; press Ctrl-C again to stop at once');
      // All leave together, so there is nobody to hand over to: each node is told twice, which ends it at once.
      killAll(nodes, 'SIGTERM');
      setTimeout(() => killAll(nodes, 'SIGTERM'), 200).unref();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  }

  /** Not asked for, but one of them could not be started. */
  atOnce(): void {
    this.#signals++;
    killAll(this.#nodes);
  }

  get begun(): boolean {
    return this.#signals > 0;
  }
}
