/** NATS core, and JetStream with as many replicas as nodes: a full mesh of nats-server, clients over its WebSocket. */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { outputOf } from '../harness/machine.js';
import { freePort, ServerProcess } from '../harness/processes.js';
import { type Availability, aptMissing, type Peer, type StartedCluster } from './peer.js';
import { STREAM } from './wires/jetstream.js';

const STREAM_TRIES = 100;

function check(): Availability {
  const version = /v([\d.]+)/.exec(outputOf('nats-server', ['--version']) ?? '')?.[1];
  return version === undefined
    ? aptMissing('nats-server', 'nats-server')
    : { isAvailable: true, versions: { 'nats-server': version } };
}

interface Ports {
  readonly client: number;
  readonly websocket: number;
  readonly cluster: number;
}

function configurationOf(index: number, ports: readonly Ports[], directory: string, hasStreams: boolean): string {
  const { client, websocket, cluster } = ports[index]!;
  const routes = ports.filter((_, other) => other !== index).map((other) => `nats://127.0.0.1:${other.cluster}`);
  const lines = [
    `server_name: n${index}`,
    'host: 127.0.0.1',
    `port: ${client}`,
    `websocket { host: 127.0.0.1, port: ${websocket}, no_tls: true }`,
    'max_connections: 65536',
    'write_deadline: "30s"',
  ];
  if (ports.length > 1)
    lines.push(`cluster { name: bench, host: 127.0.0.1, port: ${cluster}, routes: [${routes.join(', ')}] }`);
  if (hasStreams) lines.push(`jetstream { store_dir: "${join(directory, `js${index}`)}", max_mem: 2G, max_file: 1G }`);
  return `${lines.join('\n')}\n`;
}

async function start(nodes: number, directory: string, hasStreams: boolean): Promise<StartedCluster> {
  const ports: Ports[] = [];
  for (let index = 0; index < nodes; index++)
    ports.push({ client: await freePort(), websocket: await freePort(), cluster: await freePort() });
  const started = await Promise.all(
    ports.map((own, index) => {
      const file = join(directory, `nats${index}.conf`);
      writeFileSync(file, configurationOf(index, ports, directory, hasStreams));
      return ServerProcess.start({
        role: 'node',
        name: `nats${index}`,
        command: 'nats-server',
        args: ['-c', file],
        directory,
        ready: { port: own.websocket },
      });
    }),
  );
  const cluster: StartedCluster = {
    endpoints: ports.map((own) => ({ host: '127.0.0.1', port: own.websocket, publishPort: own.client })),
    nodes: started.map(({ process }) => process),
    brokers: [],
  };
  await new Promise((resolve) => setTimeout(resolve, nodes > 1 ? 1_000 : 100));
  if (hasStreams) await createStream(ports[0]!.client, Math.min(nodes, 3));
  return cluster;
}

/** The stream must exist before anybody publishes; right after the start there is no leader to create it. */
async function createStream(port: number, replicas: number): Promise<void> {
  const request = JSON.stringify({
    name: STREAM,
    subjects: ['u.*'],
    storage: 'memory',
    num_replicas: replicas,
    retention: 'limits',
    max_bytes: 1_500_000_000,
    discard: 'old',
  });
  const socket = connect({ port, host: '127.0.0.1' });
  let heard = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    heard += text;
  });
  socket.write('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB created 1\r\n');
  for (let attempt = 0; attempt < STREAM_TRIES; attempt++) {
    socket.write(`PUB $JS.API.STREAM.CREATE.${STREAM} created ${request.length}\r\n${request}\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 250));
    if (heard.includes('"did_create":true') || heard.includes('"state":{')) {
      socket.destroy();
      return;
    }
  }
  socket.destroy();
  throw new Error(`the JetStream stream was not created: ${heard.slice(-300)}`);
}

export const nats: Peer = {
  name: 'nats',
  title: 'NATS core',
  guarantee: 'at most once',
  configuration:
    'nats-server, full-mesh cluster, readers over its WebSocket without TLS, publisher over TCP (PUB, up to 256 in one write)',
  wire: 'nats',
  isClustered: true,
  recovers: false,
  check,
  start: (nodes, directory) => start(nodes, directory, false),
};

export const jetstream: Peer = {
  name: 'nats-js',
  title: 'NATS JetStream',
  guarantee: 'replayed',
  configuration:
    'as NATS core, with a stream `u.*` in memory, replicas = nodes (3 at most); per reader an ephemeral ordered push consumer, 1 s heartbeat; PubAck per message',
  wire: 'jetstream',
  isClustered: true,
  recovers: true,
  check,
  start: (nodes, directory) => start(nodes, directory, true),
};
