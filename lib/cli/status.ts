/** `halod status`: the nodes of a cluster as one of them sees it. */
import { EXIT } from './failure.js';
import type { CommonOptions } from './main.js';
import { colour, count, formatTable, NODE_COLOURS, printJson, printLine, visible } from './output.js';
import type { Rates } from './rates.js';
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

/** `rates` are by URL; without them the table has no columns for them. */
export function formatStatus(cluster: ClusterAnswer, rates?: ReadonlyMap<string, Rates>): string[] {
  const { nodes, slots, copies, iteration } = cluster;
  const clients = nodes.reduce((sum, node) => sum + Math.max(0, node.connections), 0);
  const live = nodes.filter((node) => isLive(node)).length;
  return [
    `${colour('bold', visible(cluster.cluster))}  ${live} of ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'} live, ${count(clients)} ${clients === 1 ? 'client' : 'clients'}, ${count(slots)} slots, ${copies} copies, iteration ${iteration}`,
    '',
    shareBar(cluster, 72),
    '',
    ...formatTable(
      [
        { title: 'node' },
        { title: 'url' },
        { title: 'state' },
        { title: 'slots', align: 'right' },
        { title: 'share', align: 'right' },
        { title: 'clients', align: 'right' },
        ...(rates
          ? ([
              { title: 'in/s', align: 'right' },
              { title: 'out/s', align: 'right' },
            ] as const)
          : []),
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
        ...(rates ? rateCells(rates.get(node.url)) : []),
        String(node.weight),
        visible(node.zone),
        visible(node.version),
      ]),
    ),
    '',
    colour('dim', '* answered this call'),
  ];
}

/** The nodes' shares of the slots as one line, each in the colour of its node; slots that nobody owns are dots. */
export function shareBar({ nodes, slots }: ClusterAnswer, width: number): string {
  let bar = '';
  let drawn = 0;
  let owned = 0;
  for (const [i, node] of nodes.entries()) {
    owned += node.slots;
    const end = Math.round((owned * width) / slots);
    bar += colour(nodeColour(i), '▪'.repeat(end - drawn));
    drawn = end;
  }
  return bar + colour('red', '·'.repeat(width - drawn));
}

function rateCells(rates: Rates | undefined): string[] {
  return rates ? [count(Math.round(rates.published)), count(Math.round(rates.delivered))] : ['', ''];
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
