/**
 * Centrifugo: readers over its bidirectional WebSocket in JSON, several objects in a frame on lines of their own. With
 * recovery a reader comes back with the epoch and the offset it had, and gets what it missed in the answer. The publisher
 * POSTs batches to the HTTP API, a channel always over the same connection, which keeps its order; while two are under way
 * there, the next gathers more.
 */
import { PipelinedHttp } from './pipelined-http.js';
import type { Endpoint, PublisherLink, PublisherWireFactory, ReaderWireFactory } from './wire.js';
import { ByteWriter } from './writer.js';

/**
 * Each command of a batch waits for Redis, so in a cluster the commands of a batch run side by side: 38 µs a delivery, against
 * 50 over 32 connections whose commands run in turn. With one node, in turn over 8 is cheaper: 17 µs against 23. (Both before
 * batches were allowed to gather.)
 */
const CLUSTERED = { connections: 2, isParallel: true } as const;
const ALONE = { connections: 8, isParallel: false } as const;
/** As many requests are under way on a connection; what comes meanwhile gathers in larger batches, up to the bound. */
const UNDER_WAY_MAX = 2;
const BATCH_MAX = 256;
const LF = 0x0a;
const PUBLICATION = Buffer.from('"pub":{', 'latin1');
const OFFSET = Buffer.from('"offset":', 'latin1');
const PUSH_HEAD_BYTES_MAX = 64;
/** From this code on the server asks to subscribe again. */
const UNSUBSCRIBED_FOR_NOW = 2_500;

interface Reply {
  readonly error?: { readonly code: number; readonly message: string };
  readonly subscribe?: {
    readonly epoch?: string;
    readonly offset?: number;
    readonly was_recovering?: boolean;
    readonly recovered?: boolean;
  };
  readonly push?: { readonly unsubscribe?: { readonly code: number }; readonly disconnect?: unknown };
}

/** `{"push":{"channel":…,"pub":{…`, the one kind that is not worth parsing. */
function isPublication(frame: Buffer, at: number): boolean {
  const found = frame.indexOf(PUBLICATION, at);
  return frame[at + 2] === 0x70 && found >= 0 && found < at + PUSH_HEAD_BYTES_MAX;
}

function lastOffset(frame: Buffer): number {
  let value = 0;
  for (let at = frame.lastIndexOf(OFFSET) + OFFSET.length; frame[at]! >= 48 && frame[at]! <= 57; at++)
    value = value * 10 + frame[at]! - 48;
  return value;
}

export function centrifugoReader(recovers: boolean): ReaderWireFactory {
  return (link) => {
    let epoch: string | undefined;
    let offset = 0;

    function subscription(): string {
      const from = recovers && epoch !== undefined ? { recover: true, epoch, offset } : {};
      return JSON.stringify({ id: 2, subscribe: { channel: link.channel, ...from } });
    }

    function reply(message: Reply): void {
      const { error, subscribe, push } = message;
      if (error !== undefined) return link.fault(`${error.code} ${error.message}`);
      if (push?.unsubscribe !== undefined && push.unsubscribe.code >= UNSUBSCRIBED_FOR_NOW) link.send(subscription());
      else if (push !== undefined) link.fault(JSON.stringify(push));
      if (subscribe === undefined) return;
      if (subscribe.was_recovering === true && subscribe.recovered !== true) link.fault('not recovered');
      epoch = subscribe.epoch ?? '';
      offset = subscribe.offset ?? 0;
      link.ready();
    }

    return {
      upgrade: () => ({ path: '/connection/websocket' }),
      opened: () => link.send(`{"id":1,"connect":{}}\n${subscription()}`),
      message(data, start, end) {
        const frame = data.subarray(start, end);
        link.deliver(data, start, end);
        for (let at = 0; at < frame.length; ) {
          const newline = frame.indexOf(LF, at);
          const stop = newline < 0 ? frame.length : newline;
          if (stop - at === 2) link.send('{}');
          else if (!isPublication(frame, at)) reply(JSON.parse(frame.toString('utf8', at, stop)) as Reply);
          else if (recovers) offset = lastOffset(frame.subarray(at, stop));
          at = stop + 1;
        }
      },
      closed: () => {},
    };
  };
}

interface Batch {
  readonly commands: ByteWriter;
  ids: number[];
}

/**
 * One connection. Batches of a connection run one after another. One whose commands run side by side holds one message of a
 * channel at most: the n-th of a channel since the last flush goes into the n-th batch.
 */
class BatchPoster {
  readonly #http: PipelinedHttp<readonly number[]>;
  readonly #batches: Batch[] = [];
  readonly #counts = new Map<string, number>();
  readonly #isParallel: boolean;
  #underWay = 0;
  #isDue = false;

  constructor(link: PublisherLink, endpoint: Endpoint, isParallel: boolean) {
    this.#isParallel = isParallel;
    this.#http = new PipelinedHttp(link, endpoint, (ids, status, body) => {
      const isAllWell = status === 200 && !body.includes('"error"');
      const replies = isAllWell || status !== 200 ? [] : (JSON.parse(body) as { replies: readonly Reply[] }).replies;
      for (const [index, id] of ids.entries()) {
        const error = replies[index]?.error;
        if (status === 200 && error === undefined) link.acked(id, 1);
        else link.refused(id, error === undefined ? `HTTP ${status}` : `${error.code} ${error.message}`);
      }
      this.#underWay--;
      if (this.#isDue) this.flush();
    });
  }

  add(id: number, channel: string, payload: Buffer): void {
    const { commands, ids } = this.#batchFor(channel);
    if (ids.length === 0) commands.text(`{"parallel":${this.#isParallel},"commands":[`);
    commands.text(`${ids.length === 0 ? '' : ','}{"publish":{"channel":"${channel}","data":`);
    commands.bytes(payload);
    commands.text('}}');
    ids.push(id);
    if (ids.length === BATCH_MAX) this.#send();
  }

  flush(): void {
    this.#isDue = this.#underWay >= UNDER_WAY_MAX;
    if (!this.#isDue) this.#send();
  }

  close(): void {
    this.#http.close();
  }

  #send(): void {
    this.#counts.clear();
    for (const batch of this.#batches) {
      if (batch.ids.length === 0) break;
      batch.commands.text(']}');
      const body = batch.commands.takeBytes();
      this.#http.expect(batch.ids);
      batch.ids = [];
      const head = `POST /api/batch HTTP/1.1\r\nHost: n\r\nContent-Length: ${body.length}\r\n\r\n`;
      this.#http.write(Buffer.from(head, 'latin1'), body);
      this.#underWay++;
    }
  }

  #batchFor(channel: string): Batch {
    let turn = 0;
    if (this.#isParallel) {
      turn = this.#counts.get(channel) ?? 0;
      this.#counts.set(channel, turn + 1);
    }
    const batch = this.#batches[turn] ?? { commands: new ByteWriter(16 * 1024), ids: [] };
    this.#batches[turn] = batch;
    return batch;
  }
}

export const centrifugoPublisher: PublisherWireFactory = (link, endpoints) => {
  const { connections, isParallel } = endpoints.length > 1 ? CLUSTERED : ALONE;
  const posters = Array.from({ length: connections }, () => new BatchPoster(link, endpoints[0]!, isParallel));
  link.ready();
  return {
    add: (id, channel, payload) => posters[channel % connections]!.add(id, link.channels[channel]!, payload),
    flush() {
      for (const poster of posters) poster.flush();
    },
    close() {
      for (const poster of posters) poster.close();
    },
  };
};
