import test from 'ava';
import { paddedPayload } from '../../bench/harness/payload.js';
import { NatsParser } from '../../bench/peers/wires/nats.js';
import { WIRES } from '../../bench/peers/wires/registry.js';
import type { ReaderLink } from '../../bench/peers/wires/wire.js';
import { linesOf } from '../../bench/workloads/replay.js';

const payload = paddedPayload(128).toString();

function linkOf() {
  const said = { sent: [] as string[], delivered: 0, ready: 0, redirects: [] as string[], faults: [] as string[] };
  const link: ReaderLink = {
    reader: 7,
    kind: 'own',
    channel: 'u7',
    send: (text) => said.sent.push(text),
    ready: () => said.ready++,
    deliver: (data, start, end) => {
      if (data.indexOf('{"s":"', start) >= 0 && end <= data.length) said.delivered++;
    },
    redirect: (host, port) => said.redirects.push(`${host}:${port}`),
    fault: (why) => said.faults.push(why),
    restart: () => {},
  };
  return { link, said };
}

function hear(wire: { message(data: Buffer, start: number, end: number): void }, text: string): void {
  const data = Buffer.from(text);
  wire.message(data, 0, data.length);
}

test('NATS messages are found wherever the stream is cut', (t) => {
  const stream = `INFO {}\r\nMSG u.1 1 5\r\nhello\r\nPING\r\nHMSG u.1 1 d.2 4 11\r\nHDR:payload\r\nMSG u.1 1 0\r\n\r\n`;
  for (let cut = 0; cut <= stream.length; cut++) {
    const heard: string[] = [];
    const parser = new NatsParser({
      onLine: (line) => heard.push(line),
      onMessage: (head, data, start, end) => heard.push(`${head}=${data.toString('latin1', start, end)}`),
    });
    for (const part of [stream.slice(0, cut), stream.slice(cut)]) parser.push(Buffer.from(part), 0, part.length);
    t.deepEqual(heard, ['INFO {}', 'MSG u.1 1 5=hello', 'PING', 'HMSG u.1 1 d.2 4 11=HDR:payload', 'MSG u.1 1 0=']);
  }
});

test('a JetStream reader asks again from its last sequence when a consumer skips', (t) => {
  const { link, said } = linkOf();
  const wire = WIRES.jetstream.reader(link);
  wire.opened();
  hear(wire, `MSG r.d.own.7.1 3 28\r\n{"delivered":{"stream_seq":4}}`.replace(' 28', ' 30').concat('\r\n'));
  t.is(said.ready, 1);
  hear(wire, `MSG d.own.7.1 2 $JS.ACK.U.c.1.5.1.0.0 ${payload.length}\r\n${payload}\r\n`);
  hear(wire, `MSG d.own.7.1 2 $JS.ACK.U.c.1.9.3.0.0 ${payload.length}\r\n${payload}\r\n`);
  t.is(said.delivered, 1);
  t.regex(said.sent.at(-1)!, /"opt_start_seq":6/);
});

test('a Socket.IO reader with recovery comes back with its id and offset', (t) => {
  const { link, said } = linkOf();
  const wire = WIRES['socketio-recovery'].reader(link);
  hear(wire, '0{"sid":"a"}');
  hear(wire, '40{"sid":"b","pid":"private"}');
  hear(wire, `42["m",${payload},"17-0"]`);
  hear(wire, '2');
  hear(wire, '0{"sid":"c"}');
  t.deepEqual(said.sent, ['40', '3', '40{"pid":"private","offset":"17-0"}']);
  t.is(said.delivered, 1);
});

test('an nchan reader with history resumes after the id of its last message', (t) => {
  const { link, said } = linkOf();
  const wire = WIRES['nchan-history'].reader(link);
  t.is(wire.upgrade().path, '/sub/u7');
  hear(wire, `id: 1234:5\ncontent-type: text/plain\n\n${payload}`);
  t.is(wire.upgrade().path, '/sub/u7?last_event_id=1234%3A5');
  t.is(said.delivered, 1);
});

test('a Centrifugo reader with history comes back with its epoch and last offset, and answers pings', (t) => {
  const { link, said } = linkOf();
  const wire = WIRES['centrifugo-history'].reader(link);
  wire.opened();
  t.is(said.sent.at(-1), '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"u7"}}');
  hear(wire, '{"id":1,"connect":{"client":"c"}}\n{"id":2,"subscribe":{"recoverable":true,"epoch":"e","offset":4}}');
  const push = (offset: number) => `{"push":{"channel":"u7","pub":{"data":${payload},"offset":${offset}}}}`;
  hear(wire, `${push(5)}\n{}\n${push(16)}`);
  t.is(said.sent.at(-1), '{}');
  wire.closed();
  wire.opened();
  t.true(said.sent.at(-1)!.endsWith('{"channel":"u7","recover":true,"epoch":"e","offset":16}}'));
  hear(wire, '{"id":2,"subscribe":{"epoch":"f","was_recovering":true}}');
  hear(wire, '{"push":{"channel":"u7","unsubscribe":{"code":2500}}}');
  t.true(said.sent.at(-1)!.endsWith('{"channel":"u7","recover":true,"epoch":"f","offset":0}}'));
  hear(wire, '{"id":2,"error":{"code":100,"message":"internal server error"}}');
  t.is(said.ready, 2);
  t.deepEqual(said.faults, ['not recovered', '100 internal server error']);
});

test('a Faye reader subscribes once and keeps its client id', (t) => {
  const { link, said } = linkOf();
  const wire = WIRES.faye.reader(link);
  wire.opened();
  hear(wire, '[{"channel":"/meta/handshake","clientId":"me","successful":true}]');
  hear(wire, '[{"channel":"/meta/subscribe","successful":true}]');
  wire.closed();
  wire.opened();
  t.is(said.ready, 2);
  t.true(said.sent.at(-1)!.includes('"clientId":"me"'));
});

test('a CometD reader comes back with its client id, and shakes hands again where it is not known', (t) => {
  const { link, said } = linkOf();
  const wire = WIRES.cometd.reader(link);
  wire.opened();
  hear(wire, '[{"channel":"/meta/handshake","clientId":"me","successful":true}]');
  t.true(said.sent[1]!.includes('"subscription":"/u/u7"'));
  hear(wire, '[{"channel":"/meta/subscribe","successful":true}]');
  hear(wire, `[{"data":${payload},"channel":"/u/u7"},{"channel":"/meta/connect","successful":true}]`);
  t.is(said.delivered, 1);
  t.is(said.ready, 1);
  wire.closed();
  wire.opened();
  t.regex(said.sent.at(-1)!, /"clientId":"me".*"advice":\{"timeout":0\}/);
  hear(wire, '[{"channel":"/meta/connect","successful":true}]');
  t.is(said.ready, 2);
  wire.closed();
  wire.opened();
  hear(wire, '[{"channel":"/meta/connect","successful":false,"error":"402","advice":{"reconnect":"handshake"}}]');
  t.true(said.sent.at(-1)!.includes('/meta/handshake'));
  t.is(said.ready, 2);
  hear(wire, '[{"channel":"/meta/subscribe","successful":false,"error":"403"}]');
  t.deepEqual(said.faults, ['/meta/subscribe: 403']);
});

test('a halod reader follows a redirect and resumes from its last position', (t) => {
  const { link, said } = linkOf();
  const wire = WIRES.halod.reader(link);
  t.is(wire.upgrade().path, '/v1/ws?user=u7');
  hear(wire, '{"type":"redirect","url":"http://127.0.0.1:7401","reason":"owner"}');
  t.deepEqual(said.redirects, ['127.0.0.1:7401']);
  hear(wire, '{"type":"subscribed","channel":"@u7","position":"1~aaaaaaaa.0","recovered":true}');
  hear(wire, `{"type":"message","id":"i","channel":"@u7","data":${payload},"position":"1~aaaaaaaa.3","time":1}`);
  t.is(said.ready, 1);
  t.is(said.delivered, 1);
  t.is(wire.upgrade().path, '/v1/ws?user=u7&after=1~aaaaaaaa.3');
  hear(wire, '{"type":"gap","channel":"@u7","reason":"size","position":"1~aaaaaaaa.9"}');
  t.is(said.faults.length, 1);
});

test('chat logs yield what people said, without joins and times', (t) => {
  const log = '[09:14] <ann> hi: all\n=== bob joined\n[09:15] * ann waves\n\n<carl> no time\n[09:15] odd line\n';
  t.deepEqual(linesOf(log), ['<ann> hi: all', '* ann waves', '<carl> no time']);
});
