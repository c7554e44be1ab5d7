/** `halod status`: the nodes of a cluster as one of them sees it. */
import { EXIT } from './failure.js';
import type { CommonOptions } from './main.js';
import { colour, count, formatTable, NODE_COLOURS, printJson, printLine, visible } from './output.js';
import { type ClusterAnswer, type ClusterNode, getCluster } from './request.js';

export async function runStatus(options: CommonOptions): Promise<number> {
  const cluster = await getCluster(options);
  if (options.json) {
    printJson(cluster);
    return EXIT.done;
  }
  for (const line of formatStatus(cluster)) printLine(line);
  return EXIT.done;
}

export function formatStatus(cluster: ClusterAnswer): string[] {
  const { nodes, slots, copies, iteration } = cluster;
  const clients = nodes.reduce((sum, node) => sum + Math.max(0, node.connections), 0);
  const live = nodes.filter((node) => isLive(node)).length;
  return [
    `${colour('bold', visible(cluster.cluster))}  ${live} of ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'} live, ${count(clients)} clients, ${count(slots)} slots, ${copies} copies, iteration ${iteration}`,
    '',
    slotBar(cluster, 72),
    '',
    ...formatTable(
      [
        { title: 'node' },
        { title: 'url' },
        { title: 'state' },
        { title: 'slots', align: 'right' },
        { title: 'share', align: 'right' },
        { title: 'clients', align: 'right' },
        { title: 'weight', align: 'right' },
        { title: 'zone' },
        { title: 'version' },
      ],
      nodes.map((node, i) => [
        colour(nodeColour(i), visible(node.id)) + (node.id === cluster.self ? colour('dim', ' *') : ''),
        visible(node.url),
        colour(stateColour(node), visible(node.state)),
        count(node.slots),
        `${((100 * node.slots) / slots).toFixed(1)} %`,
        node.connections < 0 ? '?' : count(node.connections),
        String(node.weight),
        visible(node.zone),
        visible(node.version),
      ]),
    ),
    '',
    colour('dim', '* answered this call'),
  ];
}

/** The slots as one line, each character coloured by the node that owns most of the slots it stands for. */
export function slotBar(cluster: ClusterAnswer, width: number): string {
  let bar = '';
  for (let cell = 0; cell < width; cell++) {
    const from = Math.floor((cell * cluster.slots) / width);
    const to = Math.max(from + 1, Math.floor(((cell + 1) * cluster.slots) / width));
    const tally = new Map<number, number>();
    for (let slot = from; slot < to; slot++) {
      const owner = cluster.owners[slot] ?? -1;
      tally.set(owner, (tally.get(owner) ?? 0) + 1);
    }
    const [owner] = [...tally].reduce((most, candidate) => (candidate[1] > most[1] ? candidate : most));
    bar += owner < 0 ? colour('red', '·') : colour(nodeColour(owner), '▪');
  }
  return bar;
}

export function nodeColour(index: number) {
  return NODE_COLOURS[index % NODE_COLOURS.length]!;
}

export function isLive(node: ClusterNode): boolean {
  return node.state === 'alive' || node.state === 'draining' || node.state === 'suspect' || node.state === 'joining';
}

function stateColour(node: ClusterNode) {
  if (node.state === 'alive') return 'green';
  return node.state === 'failed' || node.state === 'left' ? 'red' : 'yellow';
}
