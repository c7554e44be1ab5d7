/** `halod drain`: asks a node to leave, and waits until its cluster says that it has left. */
import { CommandError, EXIT } from './failure.js';
import type { CommonOptions } from './main.js';
import { colour, note, printJson, printLine } from './output.js';
import { call, getCluster, nodeUrl } from './request.js';

const POLL_MS = 250;

export async function runDrain(options: CommonOptions & { readonly wait: boolean }): Promise<number> {
  const before = await getCluster(options);
  await call(options, '/v1/drain', {});
  const url = nodeUrl(options.node);
  if (!options.wait) {
    if (options.json) printJson({ event: 'draining', id: before.self, url });
    else printLine(`${url} is draining`);
    return EXIT.done;
  }
  if (!options.json)
    note(
      `${url} is draining: it hands over ${before.nodes.find((node) => node.id === before.self)?.slots ?? 0} slots and moves its clients`,
    );
  let slots = -1;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    try {
      const self = (await getCluster(options)).nodes.find((node) => node.id === before.self);
      if (!self || self.state === 'left') break;
      if (self.slots !== slots && !options.json)
        note(`  ${self.slots} slots, ${Math.max(0, self.connections)} clients left`);
      slots = self.slots;
    } catch (error) {
      // The node is gone: that is what was asked for.
      if (error instanceof CommandError && (error.code === 'unreachable' || error.code === 'draining')) break;
      throw error;
    }
  }
  if (options.json) printJson({ event: 'left', id: before.self, url });
  else printLine(`${colour('green', 'done')} ${url} has left`);
  return EXIT.done;
}
