/**
 * The app server's publisher, pure: knows the table, keeps a connection to each owner it needs, and hands every publish
 * to the owner of its channel's slot. Where the owner cannot be reached any other node passes it on.
 */
import type { Data, ServerMessage } from '../../wire/client.js';
import { CLOSE, type ErrorBody, HalodError } from '../../wire/errors.js';
import { LIMITS } from '../../wire/limits.js';
import { slotOf } from '../../wire/slot.js';
import { afterClose, errorOfClose } from './connection.js';
import { CLIENT_LIMITS } from './limits.js';
import type { ConnectionId, LinkPorts, PublishDone } from './ports.js';
import { Publishing } from './publishing.js';

/** What `GET /v1/cluster` says, as far as it matters here. */
export interface ClusterTable {
  readonly iteration: string;
  readonly slots: number;
  readonly nodes: readonly { readonly url: string; readonly state: string }[];
  /** owners[slot] is an index into `nodes`, -1 where nobody owns it. */
  readonly owners: readonly number[];
}

export interface PublisherPorts extends LinkPorts {
  /** Answered by `tableFetched`. */
  fetchTable(url: string): void;
  /** Answered by `setToken`. Called before the first connection and when a token is refused; only with `token: 'asked'`. */
  needToken(): void;
  /** The nodes refuse this publisher for good; every publish has been answered. */
  refused(error: ErrorBody): void;
}

export interface PublisherOptions {
  readonly urls: readonly string[];
  readonly token: 'none' | 'asked' | { readonly value: string };
  readonly publishDeadlineMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
}

interface Link {
  readonly url: string;
  conn: ConnectionId;
  phase: 'opening' | 'greeting' | 'ready' | 'down';
  /** When it was last opened, or may be opened again. */
  at: number;
  tries: number;
  heardAt: number;
  pingedAt: number;
}

const NEVER = Number.POSITIVE_INFINITY;

export class PublisherCore {
  readonly #ports: PublisherPorts;
  readonly #options: PublisherOptions;
  readonly #publishing: Publishing;
  readonly #links = new Map<string, Link>();
  readonly #byConn = new Map<ConnectionId, Link>();
  #table: ClusterTable | undefined;
  #tableAt = 0;
  #fetching = false;
  #fetchTurn = 0;
  /** When a route that is closed now may be open. */
  #retryAt = NEVER;
  #conns = 0;
  #ref = 0;
  #now = 0;
  #token: string | undefined;
  #tokenWanted = false;
  #tokenTries = 0;
  #closed = false;
  #refusal: ErrorBody | undefined;

  constructor(options: PublisherOptions, ports: PublisherPorts) {
    if (options.urls.length === 0) throw new HalodError('bad-request', 'a publisher needs the address of a node');
    this.#options = options;
    this.#ports = ports;
    if (typeof options.token === 'object') this.#token = options.token.value;
    const bounds = { deadlineMs: options.publishDeadlineMs, ...CLIENT_LIMITS.publisher };
    this.#publishing = new Publishing(ports, bounds, () => ++this.#ref);
  }

  get table(): ClusterTable | undefined {
    return this.#table;
  }

  get pending(): number {
    return this.#publishing.pending;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  start(now: number): void {
    this.#now = now;
    if (this.#options.token === 'asked') this.#askToken();
    this.#fetch(now);
    this.#link(this.#options.urls[0]!, now);
  }

  publish(channel: string, data: Data, id: string | undefined, done: PublishDone, now: number): void {
    if (this.#closed)
      throw new HalodError(this.#refusal?.code ?? 'bad-request', this.#refusal?.message ?? 'the publisher is closed');
    this.#publishing.publish(channel, data, id, done, now);
  }

  flush(now: number): void {
    this.#now = now;
    this.#publishing.flush(this.#route, now);
  }

  // what connections say

  opened(conn: ConnectionId, now: number): void {
    const link = this.#byConn.get(conn);
    if (link === undefined) return;
    link.phase = 'greeting';
    link.at = now;
    link.heardAt = now;
    this.#ports.send(conn, {
      type: 'connect',
      relay: true,
      ...(this.#token === undefined ? {} : { token: this.#token }),
    });
  }

  message(conn: ConnectionId, m: ServerMessage, now: number): void {
    const link = this.#byConn.get(conn);
    if (link === undefined) return;
    link.heardAt = now;
    switch (m.type) {
      case 'published':
        return this.#publishing.answered(m.ref, m.results, now);
      case 'connected':
        link.phase = 'ready';
        link.tries = 0;
        this.#tokenTries = 0;
        if (this.#table?.iteration !== m.iteration) this.#fetch(now);
        return this.#ports.flushSoon();
      case 'error':
        if (m.ref !== undefined) this.#publishing.refused(m.ref, m.error, now);
        else if (m.error.code === 'unauthorized' && link.phase === 'ready') this.#askToken();
        return;
    }
  }

  closed(conn: ConnectionId, code: number, reason: string, now: number): void {
    const link = this.#byConn.get(conn);
    if (link === undefined) return;
    this.#down(link, now);
    const after = afterClose(code);
    if (after === 'token' && this.#options.token === 'asked' && this.#tokenTries++ < CLIENT_LIMITS.tokenTriesMax) {
      this.#token = undefined;
      return this.#askToken();
    }
    if (after === 'stop' || after === 'token') {
      const error = new HalodError(errorOfClose(code), reason === '' ? undefined : reason).toBody();
      this.close(error);
      return this.#ports.refused(error);
    }
    this.#tableAt = Math.min(this.#tableAt, now + CLIENT_LIMITS.tableRetryMs);
    this.#ports.flushSoon();
  }

  tableFetched(table: ClusterTable | undefined, now: number): void {
    this.#fetching = false;
    this.#tableAt = now + (table === undefined ? CLIENT_LIMITS.tableRetryMs : CLIENT_LIMITS.tableMs);
    if (table === undefined) {
      this.#fetchTurn++;
      return;
    }
    this.#table = table;
    this.#dropStrangers(table);
    this.#ports.flushSoon();
  }

  setToken(token: string, now: number): void {
    this.#token = token;
    this.#tokenWanted = false;
    for (const link of this.#links.values()) {
      if (link.phase === 'ready') this.#ports.send(link.conn, { type: 'refresh', token });
    }
    this.#now = now;
    this.#ports.flushSoon();
  }

  // time

  nextWakeAt(): number {
    let at = Math.min(this.#publishing.nextWakeAt(), this.#retryAt);
    if (!this.#fetching) at = Math.min(at, this.#tableAt);
    for (const link of this.#links.values()) at = Math.min(at, this.#wakeAt(link));
    return at;
  }

  tick(now: number): void {
    if (this.#closed) return;
    this.#now = now;
    if (!this.#fetching && now >= this.#tableAt) this.#fetch(now);
    for (const link of this.#links.values()) if (now >= this.#wakeAt(link)) this.#check(link, now);
    this.#publishing.tick(now);
    if (now < this.#retryAt) return;
    this.#retryAt = NEVER;
    if (this.pending > 0) this.#ports.flushSoon();
  }

  /** With an `error` where the nodes refuse this publisher for good. */
  close(error?: ErrorBody): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#refusal = error;
    this.#tableAt = NEVER;
    this.#retryAt = NEVER;
    for (const link of this.#links.values()) {
      if (link.phase !== 'down') this.#ports.close(link.conn, CLOSE.normal, 'closed by the application');
    }
    this.#links.clear();
    this.#byConn.clear();
    this.#publishing.close(error);
  }

  // where to

  /** The owner's connection; while it is only being opened null for a moment, and else any that stands. */
  readonly #route = (channel: string): ConnectionId | null => {
    const owner = this.#ownerUrl(channel);
    if (owner !== undefined) {
      const link = this.#link(owner, this.#now);
      if (link.phase === 'ready') return link.conn;
      if (link.phase !== 'down' && link.tries === 0 && this.#now < link.at + CLIENT_LIMITS.ownerWaitMs) return null;
    }
    for (const link of this.#links.values()) if (link.phase === 'ready') return link.conn;
    for (const url of this.#options.urls) this.#link(url, this.#now);
    return null;
  };

  #ownerUrl(channel: string): string | undefined {
    const table = this.#table;
    if (table === undefined) return undefined;
    return table.nodes[table.owners[slotOf(channel, table.slots)] ?? -1]?.url;
  }

  /** The connection to a node, opened where there is none and it is time. */
  #link(url: string, now: number): Link {
    let link = this.#links.get(url);
    if (link === undefined) {
      link = { url, conn: 0, phase: 'down', at: 0, tries: 0, heardAt: now, pingedAt: 0 };
      this.#links.set(url, link);
    }
    if (link.phase === 'down' && now >= link.at && !this.#waitsForToken) {
      link.conn = ++this.#conns;
      link.phase = 'opening';
      link.at = now;
      this.#byConn.set(link.conn, link);
      this.#retryAt = Math.min(this.#retryAt, now + CLIENT_LIMITS.ownerWaitMs);
      this.#ports.open(link.conn, url);
    }
    return link;
  }

  get #waitsForToken(): boolean {
    return this.#options.token === 'asked' && this.#token === undefined;
  }

  #down(link: Link, now: number): void {
    this.#byConn.delete(link.conn);
    const { backoffBaseMs, backoffCapMs } = this.#options;
    const wait = this.#ports.random.next() * Math.min(backoffCapMs, backoffBaseMs * 2 ** Math.min(link.tries++, 16));
    link.phase = 'down';
    link.at = now + wait;
    this.#retryAt = Math.min(this.#retryAt, link.at);
    this.#publishing.lost(link.conn, now);
  }

  /** Nodes that are gone from the cluster, and are none of the given addresses. */
  #dropStrangers(table: ClusterTable): void {
    const members = new Set(table.nodes.map((node) => node.url));
    for (const [url, link] of this.#links) {
      if (link.phase === 'down' && !members.has(url) && !this.#options.urls.includes(url)) this.#links.delete(url);
    }
  }

  #wakeAt(link: Link): number {
    switch (link.phase) {
      case 'down':
        return NEVER;
      case 'opening':
        return link.at + CLIENT_LIMITS.openMs;
      case 'greeting':
        return link.at + CLIENT_LIMITS.greetMs;
      case 'ready': {
        const asked = link.pingedAt > link.heardAt;
        const sentAt = this.#publishing.unansweredSince(link.conn);
        const idleAt = link.heardAt + LIMITS.clientPingMs + (asked ? LIMITS.clientPongMs : 0);
        if (sentAt === undefined) return idleAt;
        const doubtAt = Math.max(sentAt, link.heardAt) + CLIENT_LIMITS.suspectMs;
        return Math.min(idleAt, asked ? Math.max(doubtAt, link.pingedAt + CLIENT_LIMITS.suspectGraceMs) : doubtAt);
      }
    }
  }

  #check(link: Link, now: number): void {
    if (link.phase === 'ready' && link.pingedAt <= link.heardAt) {
      link.pingedAt = now;
      return this.#ports.send(link.conn, { type: 'ping' });
    }
    this.#ports.close(link.conn, CLOSE.timeout, 'no answer in time');
    this.closed(link.conn, CLOSE.timeout, 'no answer in time', now);
  }

  /** From whoever is connected, else from the given addresses in turn. */
  #fetch(_now: number): void {
    if (this.#fetching || this.#closed) return;
    this.#fetching = true;
    const ready = [...this.#links.values()].filter((link) => link.phase === 'ready').map((link) => link.url);
    const urls = [...new Set([...ready, ...this.#options.urls, ...(this.#table?.nodes.map((node) => node.url) ?? [])])];
    this.#ports.fetchTable(urls[this.#fetchTurn % urls.length]!);
  }

  #askToken(): void {
    if (this.#tokenWanted || this.#options.token !== 'asked') return;
    this.#tokenWanted = true;
    this.#ports.needToken();
  }
}
