/**
 * halod, subprotocol `halod.v1.json`: frames are one object or an array of them. A reader follows redirects and moves,
 * and resumes from the position that its last message carried. The publisher sends batches over one connection to one
 * node, which passes them on; each batch is answered when every message of it is stored.
 */
import { SocketPublisher } from './socket-publisher.js';
import type { PublisherWireFactory, ReaderWireFactory } from './wire.js';
import { ByteWriter } from './writer.js';

const SUBPROTOCOL = 'halod.v1.json';
const POSITION = Buffer.from('"position":"', 'latin1');
const MESSAGE = Buffer.from('"type":"message"', 'latin1');
/** A frame that carries a payload is only scanned; what else it may hold is short. */
const CONTROL_BYTES_MAX = 4_096;

interface Control {
  readonly type: string;
  readonly channel?: string;
  readonly url?: string;
  readonly position?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

export const halodReader: ReaderWireFactory = (link) => {
  const user = link.kind === 'own' ? link.channel : `r${link.reader}`;
  const channel = link.kind === 'own' ? `@${link.channel}` : link.channel;
  let position = '';

  function control(message: Control): void {
    if (message.type === 'connected') {
      if (link.kind === 'shared')
        link.send(JSON.stringify({ type: 'subscribe', channel, after: position === '' ? 'now' : position }));
    } else if (message.type === 'redirect' || message.type === 'move') {
      const url = new URL(message.url!);
      link.redirect(url.hostname, Number(url.port));
    } else if (message.type === 'subscribed' && message.channel === channel) {
      if (position === '') position = message.position!;
      link.ready();
    } else if (message.type === 'position' && message.channel === channel) position = message.position!;
    else if (message.type === 'gap' || message.type === 'error') link.fault(JSON.stringify(message));
  }

  return {
    upgrade() {
      const after = link.kind === 'own' && position !== '' ? `&after=${encodeURIComponent(position)}` : '';
      return { path: `/v1/ws?user=${user}${after}`, protocol: SUBPROTOCOL };
    },
    opened: () => {},
    message(data, start, end) {
      const frame = data.subarray(start, end);
      const isControl = end - start < CONTROL_BYTES_MAX && frame.indexOf(MESSAGE) < 0;
      if (!isControl) {
        link.deliver(data, start, end);
        const at = frame.lastIndexOf(POSITION);
        if (at >= 0)
          position = frame.toString('latin1', at + POSITION.length, frame.indexOf(0x22, at + POSITION.length));
        return;
      }
      const parsed = JSON.parse(frame.toString('utf8')) as Control | Control[];
      for (const message of Array.isArray(parsed) ? parsed : [parsed]) control(message);
    },
    closed: () => {},
  };
};

export const halodPublisher: PublisherWireFactory = (link, endpoints) => {
  const batch = new ByteWriter();
  const unanswered = new Map<number, [first: number, count: number]>();
  const prefix = link.kind === 'own' ? '@' : '';
  let ref = 0;
  let first = 0;
  let count = 0;
  const { host, port } = endpoints[0]!;
  const socket = new SocketPublisher(
    link,
    { host, port, path: '/v1/ws?relay=1', protocol: SUBPROTOCOL },
    {
      onOpen: () => {},
      onMessage(data, start, end) {
        const parsed = JSON.parse(data.toString('utf8', start, end));
        for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
          if (message.type === 'connected') link.ready();
          else if (message.type === 'published') answered(message);
          else if (message.type === 'error') link.fault(JSON.stringify(message));
        }
      },
    },
  );

  function answered(message: {
    ref: number;
    results: ({ error?: { code: string; message: string } } | { id: string })[];
  }): void {
    const range = unanswered.get(message.ref);
    if (range === undefined) return;
    unanswered.delete(message.ref);
    for (const [index, result] of message.results.entries()) {
      if ('error' in result && result.error !== undefined) link.refused(range[0] + index, result.error.code);
      else link.acked(range[0] + index, 1);
    }
  }

  return {
    add(id, channel, payload) {
      if (count === 0) {
        first = id;
        batch.text(`{"type":"publish","ref":${ref},"messages":[`);
      }
      batch.text(`${count === 0 ? '' : ','}{"channel":"${prefix}${link.channels[channel]}","data":`);
      count++;
      batch.bytes(payload);
      batch.text('}');
    },
    flush() {
      if (count === 0) return;
      batch.text(']}');
      unanswered.set(ref++, [first, count]);
      count = 0;
      socket.sendBatch(batch);
    },
    close: () => socket.close(),
  };
};
