import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import test from 'ava';
import { paddedPayload } from '../../bench/harness/payload.js';
import { PipelinedHttp } from '../../bench/peers/wires/pipelined-http.js';
import { WIRES } from '../../bench/peers/wires/registry.js';
import type { Endpoint, PublisherLink } from '../../bench/peers/wires/wire.js';

const payload = paddedPayload(128);

function linkOf(channels: number) {
  const said = { acked: [] as number[], refused: [] as string[], faults: [] as string[] };
  let wake = () => {};
  const link: PublisherLink = {
    kind: 'own',
    channels: Array.from({ length: channels }, (_, channel) => `u${channel}`),
    wantsAcks: true,
    ready: () => {},
    acked(first, count) {
      for (let id = first; id < first + count; id++) said.acked.push(id);
      wake();
    },
    refused(id, why) {
      said.refused.push(`${id} ${why}`);
      wake();
    },
    fault: (why) => said.faults.push(why),
  };
  const settled = async (count: number) => {
    while (said.acked.length + said.refused.length < count)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { link, said, settled };
}

/** Hands every whole request's body to `answer` and writes what it returns. */
async function httpServer(answer: (body: string) => string): Promise<{ server: Server; endpoint: Endpoint }> {
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (data: string) => {
      text += data;
      for (;;) {
        const start = text.indexOf('\r\n\r\n') + 4;
        if (start < 4) return;
        const end = start + Number(/content-length: (\d+)/i.exec(text.slice(0, start))?.[1] ?? 0);
        if (text.length < end) return;
        socket.write(answer(text.slice(start, end)));
        text = text.slice(end);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, endpoint: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } };
}

interface Batch {
  readonly parallel: boolean;
  readonly commands: readonly { readonly publish: { readonly channel: string } }[];
}

/** A connection, and a way to send requests together and get their answers. */
function httpOf(endpoint: Endpoint) {
  const { link, said } = linkOf(1);
  let read: string[] = [];
  let wake = () => {};
  const http = new PipelinedHttp<string>(link, endpoint, (request, status, body) => {
    read.push(`${request} ${status} ${body}`);
    wake();
  });
  const answers = async (bodies: readonly string[]) => {
    read = [];
    for (const body of bodies) {
      http.expect(body);
      http.write(Buffer.from(`POST / HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n`), Buffer.from(body));
    }
    while (read.length < bodies.length)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return read;
  };
  return { http, answers, said };
}

const ok = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test('a Centrifugo batch whose commands run side by side holds one message of a channel at most', async (t) => {
  const batches: Batch[] = [];
  const { server, endpoint } = await httpServer((body) => {
    const batch = JSON.parse(body) as Batch;
    batches.push(batch);
    return ok(JSON.stringify({ replies: batch.commands.map(() => ({ publish: {} })) }));
  });
  const { link, said, settled } = linkOf(4);
  const wire = WIRES.centrifugo.publisher(link, [endpoint, endpoint, endpoint]);
  for (const [id, channel] of [0, 2, 0, 1, 0].entries()) wire.add(id, channel, payload);
  wire.flush();
  await settled(5);
  t.deepEqual(said.acked.sort(), [0, 1, 2, 3, 4]);
  t.true(batches.every((batch) => batch.parallel));
  const channels = batches.map((batch) => batch.commands.map((command) => command.publish.channel).join());
  t.deepEqual(
    channels.filter((names) => names !== 'u1'),
    ['u0,u2', 'u0', 'u0'],
  );
  wire.close();
  server.close();
  t.deepEqual(said.faults, []);
});

test('Centrifugo refuses single messages of a batch', async (t) => {
  const { server, endpoint } = await httpServer(() =>
    ok('{"replies":[{"publish":{}},{"error":{"code":102,"message":"unknown channel"}}]}'),
  );
  const { link, said, settled } = linkOf(9);
  const wire = WIRES.centrifugo.publisher(link, [endpoint]);
  wire.add(0, 0, payload);
  wire.add(1, 8, payload);
  wire.flush();
  await settled(2);
  t.deepEqual(said.acked, [0]);
  t.deepEqual(said.refused, ['1 102 unknown channel']);
  wire.close();
  server.close();
});

test('pipelined answers are read in order, whole or in chunks', async (t) => {
  const { server, endpoint } = await httpServer((body) =>
    body === 'a'
      ? 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4\r\n two\r\n0\r\n\r\n'
      : 'HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno',
  );
  const { http, answers, said } = httpOf(endpoint);
  t.deepEqual(await answers(['a', 'b', 'a']), ['a 200 one two', 'b 503 no', 'a 200 one two']);
  http.close();
  server.close();
  t.deepEqual(said.faults, []);
});

test('a connection that the server closed between two requests is dialled again', async (t) => {
  const { server, endpoint } = await httpServer(ok);
  const { http, answers, said } = httpOf(endpoint);
  const connected = once(server, 'connection') as Promise<[Socket]>;
  t.deepEqual(await answers(['a']), ['a 200 a']);
  const [socket] = await connected;
  socket.end();
  await once(socket, 'close');
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(await answers(['b']), ['b 200 b']);
  http.close();
  server.close();
  t.deepEqual(said.faults, []);
});
