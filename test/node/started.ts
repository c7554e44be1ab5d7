/** A node that is started but need not come to serve: for nodes that are refused, or whose seeds are not there. */
import type { ExecutionContext } from 'ava';
import { completeOptions } from '../../lib/config/complete.js';
import type { NodeOptions } from '../../lib/config/options.js';
import { Core } from '../../lib/core/node.js';
import { coreOptions } from '../../lib/node/core-options.js';
import { Node } from '../../lib/node/node.js';

export function startAlone(t: ExecutionContext, options: Partial<NodeOptions>): { node: Node; warnings: string[] } {
  const node = new Node(completeOptions({ port: 0, ...options }), (complete, identity, url, ports) => {
    return new Core(coreOptions(complete, identity, url), ports);
  });
  const warnings: string[] = [];
  node.on('warning', (text) => warnings.push(text));
  const started = node.start();
  t.teardown(async () => {
    await Promise.race([started, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    await node.close({ drain: false });
  });
  return { node, warnings };
}
