/** CometD with Oort: one JVM per node, every node linked to every other. Built from its released artifacts, on request only. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from '../harness/machine.js';
import { freePort, ServerProcess } from '../harness/processes.js';
import { type Availability, aptMissing, type Peer, type StartedCluster } from './peer.js';

const PROJECT = 'bench/peers/servers/cometd';
const BUILD = `mvn -q -f ${PROJECT} package`;
const JARS = /^(cometd-java-server-common|jetty-server)-(\d.*)\.jar$/;
const SUBSCRIBED_MS = 500;

function check(root: string): Availability {
  const java = /version "([^"]+)"/.exec(outputOf('java', ['-version']) ?? '')?.[1];
  const target = join(root, PROJECT, 'target');
  if (!existsSync(join(target, 'cometd-node.jar')))
    return { isAvailable: false, why: 'the CometD server is not built', install: BUILD };
  if (java === undefined) return aptMissing('Java 17', 'openjdk-17-jre-headless');
  const versions: Record<string, string> = {};
  for (const file of readdirSync(join(target, 'lib'))) {
    const [, name, version] = JARS.exec(file) ?? [];
    if (name !== undefined) versions[name === 'jetty-server' ? 'jetty' : 'cometd'] = version!;
  }
  return { isAvailable: true, versions: { ...versions, java } };
}

/** One after the other, each linked to those before it: who dials a node that is not up yet may wait long before the next try. */
async function start(nodes: number, directory: string, root: string): Promise<StartedCluster> {
  const target = join(root, PROJECT, 'target');
  const ports: number[] = [];
  const started: ServerProcess[] = [];
  for (let index = 0; index < nodes; index++) {
    const port = await freePort();
    const { process } = await ServerProcess.start({
      role: 'node',
      name: `cometd${index}`,
      command: 'java',
      args: [
        '-Xmx1g',
        '-cp',
        `${join(target, 'cometd-node.jar')}:${join(target, 'lib')}/*`,
        'BenchNode',
        ...[port, ...ports].map(String),
      ],
      directory,
      ready: { line: /^ready$/ },
    });
    ports.push(port);
    started.push(process);
  }
  // A node is linked before its subscriptions at the others stand.
  if (nodes > 1) await new Promise((resolve) => setTimeout(resolve, SUBSCRIBED_MS));
  return { endpoints: ports.map((port) => ({ host: '127.0.0.1', port })), nodes: started, brokers: [] };
}

export const cometd: Peer = {
  name: 'cometd',
  title: 'CometD Oort',
  guarantee: 'at most once; queued 10 s for who comes back to the same node',
  configuration:
    'Jetty, one JVM (heap of 1 GiB at most) a node; Bayeux over WebSocket, arrays of up to 256 messages in a frame, no acknowledgement extension; 3 nodes: Oort, full mesh, every node observes all channels; warmed up for 10 s',
  wire: 'cometd',
  isClustered: true,
  recovers: true,
  warmMs: 10_000,
  check,
  start,
};
