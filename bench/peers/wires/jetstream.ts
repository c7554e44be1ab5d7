/**
 * NATS JetStream as the vendors' ordered consumers use it: one ephemeral push consumer per reader, nothing acknowledged
 * by readers, heartbeats each second, and on any doubt a new consumer from the last stream sequence seen. Publishers
 * get a PubAck per message.
 */
import { connect } from 'node:net';
import { NatsParser } from './nats.js';
import type { PublisherWireFactory, ReaderWireFactory } from './wire.js';
import { ByteWriter } from './writer.js';

export const STREAM = 'U';
const CONNECT =
  'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"lang":"bench","version":"1"}\r\n';
const SILENT_SECONDS_MAX = 3;

/** `$JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<time>.<pending>` */
function sequencesOf(head: string): { readonly stream: number; readonly consumer: number } {
  const tokens = head.split(' ')[3]!.split('.');
  return { stream: Number(tokens[5]), consumer: Number(tokens[6]) };
}

export const jetstreamReader: ReaderWireFactory = (link) => {
  let generation = 0;
  let lastStream = 0;
  let lastConsumer = 0;
  let hasStarted = false;
  let silentSeconds = 0;

  function create(): void {
    generation++;
    lastConsumer = 0;
    silentSeconds = 0;
    const inbox = `d.${link.kind}.${link.reader}.${generation}`;
    const request = JSON.stringify({
      stream_name: STREAM,
      config: {
        deliver_subject: inbox,
        filter_subject: `u.${link.channel}`,
        ack_policy: 'none',
        max_deliver: 1,
        idle_heartbeat: 1_000_000_000,
        inactive_threshold: 5_000_000_000,
        mem_storage: true,
        num_replicas: 1,
        ...(hasStarted
          ? { deliver_policy: 'by_start_sequence', opt_start_seq: lastStream + 1 }
          : { deliver_policy: 'new' }),
      },
    });
    const end = generation > 1 ? `UNSUB ${2 * generation - 2}\r\nUNSUB ${2 * generation - 1}\r\n` : '';
    link.send(
      `${end}SUB ${inbox} ${2 * generation}\r\nSUB r.${inbox} ${2 * generation + 1}\r\n` +
        `PUB $JS.API.CONSUMER.CREATE.${STREAM} r.${inbox} ${request.length}\r\n${request}\r\n`,
    );
  }

  function created(text: string): void {
    const answer = JSON.parse(text) as { error?: unknown; delivered?: { stream_seq: number } };
    if (answer.error !== undefined) {
      // No leader for the moment: another try with the next second.
      silentSeconds = SILENT_SECONDS_MAX;
      return;
    }
    if (!hasStarted) lastStream = answer.delivered?.stream_seq ?? 0;
    hasStarted = true;
    link.ready();
  }

  const parser = new NatsParser({
    onLine(line) {
      if (line === 'PING') link.send('PONG\r\n');
      else if (line.startsWith('-ERR')) link.fault(line);
    },
    onMessage(head, data, start, end) {
      const space = head.indexOf(' ');
      const sid = Number(head.slice(head.indexOf(' ', space + 1) + 1).split(' ', 1)[0]);
      if (sid >> 1 !== generation) return;
      if ((sid & 1) === 1) {
        if (head[0] === 'M') created(data.toString('utf8', start, end));
        else silentSeconds = SILENT_SECONDS_MAX;
        return;
      }
      silentSeconds = 0;
      if (head[0] === 'H') return;
      const sequences = sequencesOf(head);
      if (sequences.consumer !== lastConsumer + 1) return create();
      lastConsumer = sequences.consumer;
      lastStream = sequences.stream;
      link.deliver(data, start, end);
    },
  });
  return {
    upgrade: () => ({ path: '/' }),
    opened() {
      link.send(CONNECT);
      create();
    },
    message: (data, start, end) => parser.push(data, start, end),
    closed: () => parser.reset(),
    second() {
      if (++silentSeconds > SILENT_SECONDS_MAX) create();
    },
  };
};

export const jetstreamPublisher: PublisherWireFactory = (link, endpoints) => {
  const batch = new ByteWriter();
  let isGreeted = false;
  let isClosing = false;
  const { host, publishPort } = endpoints[0]!;
  const socket = connect({ host, port: publishPort!, noDelay: true });
  const parser = new NatsParser({
    onLine(line) {
      if (line.startsWith('INFO')) {
        if (!isGreeted) socket.write(`${CONNECT}SUB acks.* 1\r\n`, () => link.ready());
        isGreeted = true;
      } else if (line === 'PING') socket.write('PONG\r\n');
      else if (line.startsWith('-ERR')) link.fault(line);
    },
    onMessage(head, data, start, end) {
      const id = Number(head.slice(head.indexOf('.') + 1).split(' ', 1)[0]);
      const text = data.toString('latin1', start, end);
      if (head[0] === 'M' && text.includes('"seq"')) link.acked(id, 1);
      else link.refused(id, text);
    },
  });
  socket.on('data', (data) => parser.push(data, 0, data.length));
  socket.on('error', (error) => link.fault(error.message));
  socket.on('close', () => isClosing || link.fault("publisher's connection closed"));
  return {
    add(id, channel, payload) {
      batch.text(`PUB u.${link.channels[channel]} acks.${id} ${payload.length}\r\n`);
      batch.bytes(payload);
      batch.text('\r\n');
    },
    flush() {
      if (!batch.isEmpty) socket.write(batch.takeBytes());
    },
    close() {
      isClosing = true;
      socket.destroy();
    },
  };
};
