/**
 * Raw `ws`: a reader names its channel in the URL and gets bare payloads; the publisher sends one frame per batch, of
 * lines `channel payload`, and gets one empty frame back per batch as its acknowledgement.
 */
import { SocketPublisher } from './socket-publisher.js';
import type { PublisherWireFactory, ReaderWireFactory } from './wire.js';
import { ByteWriter } from './writer.js';

export const rawWsReader: ReaderWireFactory = (link) => ({
  upgrade: () => ({ path: `/?channel=${link.channel}` }),
  opened: () => link.ready(),
  message: (data, start, end) => link.deliver(data, start, end),
  closed: () => {},
});

export const rawWsPublisher: PublisherWireFactory = (link, endpoints) => {
  const batch = new ByteWriter();
  const unanswered: [first: number, count: number][] = [];
  let first = 0;
  let count = 0;
  const { host, port } = endpoints[0]!;
  const socket = new SocketPublisher(
    link,
    { host, port, path: link.wantsAcks ? '/publish?acks' : '/publish' },
    {
      onOpen: () => link.ready(),
      onMessage: () => {
        const answered = unanswered.shift();
        if (answered !== undefined) link.acked(...answered);
      },
    },
  );
  return {
    add(id, channel, payload) {
      if (count === 0) first = id;
      count++;
      batch.text(`${link.channels[channel]} `);
      batch.bytes(payload);
      batch.text('\n');
    },
    flush() {
      if (count === 0) return;
      if (link.wantsAcks) unanswered.push([first, count]);
      count = 0;
      socket.sendBatch(batch);
    },
    close: () => socket.close(),
  };
};
