/**
 * halod, subprotocol `halod.v1.json`, one object a frame. A reader follows redirects and moves, and resumes from the
 * position that its last message carried. The publisher sends batches over one connection to one node, which passes them
 * on; a batch is answered when every message of it is stored.
 */
import { SocketPublisher } from './socket-publisher.js';
import type { PublisherWireFactory, ReaderWireFactory } from './wire.js';
import { ByteWriter, ROOM } from './writer.js';

const SUBPROTOCOL = 'halod.v1.json';
const POSITION = Buffer.from('"position":"', 'latin1');
const PUBLISHER = 'benchmark';
const RETRY_MS = 50;

/** `{"type":"message"…`: the only type that starts with these two letters. */
function isMessage(data: Buffer, start: number): boolean {
  return data[start] === 0x7b && data[start + 9] === 0x6d && data[start + 10] === 0x65;
}

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
      if (isMessage(data, start)) {
        link.deliver(data, start, end);
        const at = frame.lastIndexOf(POSITION);
        if (at >= 0)
          position = frame.toString('latin1', at + POSITION.length, frame.indexOf(0x22, at + POSITION.length));
        return;
      }
      control(JSON.parse(frame.toString('utf8')) as Control);
    },
    closed: () => {},
  };
};

/** One frame of publishes: kept until its answer, since what was refused for now is sent again as it was. */
interface Batch {
  readonly first: number;
  readonly body: Buffer;
  /** Where each message starts in `body`; each ends one byte before the next, the last before `]}`. */
  readonly starts: readonly number[];
}

interface Published {
  readonly type: 'published';
  readonly ref: number;
  readonly results: readonly { readonly error?: { readonly code: string; readonly retry: boolean } }[];
}

/**
 * Messages are numbered by channel, as halod's own clients do, so that a retry can neither repeat nor reorder: what a
 * node refuses for now is sent again, in its order, until it is taken.
 */
export const halodPublisher: PublisherWireFactory = (link, endpoints) => {
  const batch = new ByteWriter();
  const unanswered = new Map<number, Batch>();
  const waiting = new Map<number, Buffer>();
  const sequences = new Int32Array(link.channels.length);
  const prefix = link.kind === 'own' ? '@' : '';
  let retryTimer: NodeJS.Timeout | undefined;
  let ref = 0;
  let first = 0;
  let starts: number[] = [];
  const { host, port } = endpoints[0]!;
  const socket = new SocketPublisher(
    link,
    { host, port, path: '/v1/ws', protocol: SUBPROTOCOL },
    {
      onOpen: () => socket.send('{"type":"connect","relay":true}'),
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

  function answered(message: Published): void {
    const sent = unanswered.get(message.ref);
    if (sent === undefined) return;
    unanswered.delete(message.ref);
    const last = message.results.length - 1;
    for (const [index, { error }] of message.results.entries()) {
      const id = sent.first + index;
      if (error === undefined) link.acked(id, 1);
      else if (!error.retry) link.refused(id, error.code);
      else
        waiting.set(
          id,
          sent.body.subarray(sent.starts[index]!, index === last ? sent.body.length - 2 : sent.starts[index + 1]! - 1),
        );
    }
    if (waiting.size > 0) retryTimer ??= setTimeout(retry, RETRY_MS);
  }

  function retry(): void {
    retryTimer = undefined;
    const messages = [...waiting].sort(([a], [b]) => a - b);
    waiting.clear();
    // One message a frame: ids of a retry have holes, and a frame's ids are counted from its first.
    for (const [id, text] of messages) {
      begin(id);
      starts.push(batch.length);
      batch.bytes(text);
      send();
    }
  }

  function begin(id: number): void {
    first = id;
    batch.text(`{"type":"publish","ref":${ref},"messages":[`);
  }

  function send(): void {
    batch.text(']}');
    const { body, end } = batch.take();
    unanswered.set(ref++, { first, body: body.subarray(ROOM, end), starts });
    starts = [];
    socket.sendInPlace(body, end);
  }

  return {
    add(id, channel, payload) {
      if (starts.length === 0) begin(id);
      else batch.text(',');
      starts.push(batch.length);
      const sequence = ++sequences[channel]!;
      batch.text(
        `{"channel":"${prefix}${link.channels[channel]}","publisher":"${PUBLISHER}","seq":${sequence},"data":`,
      );
      batch.bytes(payload);
      batch.text('}');
    },
    flush() {
      if (starts.length > 0) send();
    },
    close() {
      clearTimeout(retryTimer);
      socket.close();
    },
  };
};
