/** `halod drain`: asks a node to leave, and waits until its cluster says that it has left. */
import { CommandError, EXIT } from './failure.js';
import type { CommonOptions } from './main.js';
import { colour, note, printJson, printLine } from './output.js';
import { type ClusterAnswer, type ClusterNode, call, getCluster, nodeUrl } from './request.js';

const POLL_MS = 250;

export async function runDrain(options: CommonOptions & { readonly wait: boolean }): Promise<number> {
  const before = await getCluster(options);
  // several nodes may share the address: the one that leaves is the one that says so
  const { id } = await call<{ readonly id: string }>(options, '/v1/drain', {});
  const url = nodeUrl(options.node);
  if (!options.wait) {
    if (options.json) printJson({ event: 'draining', id, url });
    else printLine(`${url} is draining`);
    return EXIT.done;
  }
  const asked = find(before, id);
  if (!options.json) note(`${url} is draining: it hands over ${asked?.slots ?? 0} slots and moves its clients`);
  let slots = -1;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const node = find(await look(options), id);
    if (!node || node.state === 'left') break;
    // whatever starts nodes again has done so
    if (asked?.boot !== undefined && node.boot !== undefined && node.boot > asked.boot) break;
    if (node.state === 'failed') throw new CommandError('node-failed', `${node.url} ended before it had left`);
    if (node.slots !== slots && !options.json)
      note(`  ${node.slots} slots, ${Math.max(0, node.connections)} clients left`);
    slots = node.slots;
  }
  if (options.json) printJson({ event: 'left', id, url });
  else printLine(`${colour('green', 'done')} ${url} has left`);
  return EXIT.done;
}

/** Undefined where nobody answers any more: that is what was asked for. */
async function look(options: CommonOptions): Promise<ClusterAnswer | undefined> {
  try {
    return await getCluster(options);
  } catch (error) {
    if (error instanceof CommandError && (error.code === 'unreachable' || error.code === 'draining')) return undefined;
    throw error;
  }
}

function find(cluster: ClusterAnswer | undefined, id: string): ClusterNode | undefined {
  return cluster?.nodes.find((node) => node.id === id);
}
