/**
 * The node: membership, table, channels, feeds, publishes and sessions, wired to each other and to the outside through
 * `NodePorts`. It is pure: production, tests and the simulator run this very class.
 */
import type { After } from '../wire/client.js';
import { CLOSE } from '../wire/errors.js';
import type { Boot, NodeId, Slot } from '../wire/ids.js';
import { decodeMembership, encodeMembership } from '../wire/membership.js';
import { decodeReplication, encodeReplication } from '../wire/replication.js';
import { decodeRouting, type Element, encodeRouting, type RoutingMessage } from '../wire/routing.js';
import type {
  Answer,
  ClusterInfo,
  HistoryResult,
  Location,
  NodeCore,
  NodePorts,
  NodeState,
  SessionHandle,
} from './api.js';
import { Asks } from './asks.js';
import { Channels } from './channel/channels.js';
import type { Mutation } from './channel/mutations.js';
import type { ChannelsOptions } from './channel/options.js';
import { JournalError, type Restored } from './channel/ports.js';
import { InvariantBroken } from './channel/store.js';
import type { AppendRequest } from './channel/types.js';
import { Feeds } from './feed/feeds.js';
import { PeerReaders } from './feed/peer-readers.js';
import type { FeedPorts } from './feed/ports.js';
import { Life } from './life.js';
import { Membership } from './membership/membership.js';
import type { MembershipOptions } from './membership/options.js';
import { decodeFrame, Outbox } from './outbox.js';
import { Placement } from './placement.js';
import { Publishes } from './routing/publishes.js';
import { Moves } from './session/moves.js';
import { Sessions, type SessionsPorts } from './session/sessions.js';
import type { SessionRequest, SessionSink } from './session/types.js';
import type { TableParameters } from './table/types.js';

export interface CoreOptions {
  readonly membership: Omit<MembershipOptions, 'state'>;
  readonly table: TableParameters;
  readonly channels: ChannelsOptions;
  readonly relay: boolean;
  /** Sessions a second that this node lets in. */
  readonly sessionsPerSecond: number;
  readonly drainTimeoutMs: number;
  readonly renderHistory: SessionsPorts['renderHistory'];
  /** Bugs that the simulator plants to prove that its checkers see them; never set anywhere else. */
  readonly mutations?: ReadonlySet<Mutation>;
}

/** What a node says of itself to those it is linked with. */
const LOAD_MS = 2_000;

export class Core implements NodeCore {
  readonly id: NodeId;
  readonly boot: Boot;
  readonly membership: Membership;
  readonly channels: Channels;
  readonly sessions: Sessions;
  readonly feeds: Feeds;
  readonly publishes: Publishes;
  readonly moves: Moves;
  readonly placement: Placement;

  readonly #options: CoreOptions;
  readonly #ports: NodePorts;
  readonly #outbox = new Outbox();
  readonly #peerReaders: PeerReaders;
  readonly #asks: Asks;
  readonly #life: Life;
  /** Peers whose link broke and that were not heard of since. */
  readonly #broken = new Set<NodeId>();
  readonly #linked = new Set<NodeId>();
  /** Members that had not failed or left when the table was last adopted. */
  #live: readonly NodeId[] = [];
  readonly #loads = new Map<NodeId, number>();
  #viewChanged = true;
  #ownershipChanged = false;
  #flushWanted = false;
  #planKey = '';
  /** An iteration of this node's that a peer was seen to have as well. */
  #agreedIteration = '';
  #loadAt = 0;
  #idCount = 0;
  #idPrefix: string;

  constructor(options: CoreOptions, ports: NodePorts) {
    this.#options = options;
    this.#ports = ports;
    this.id = options.membership.id;
    this.boot = options.membership.boot;
    this.#idPrefix = ports.random.name(9);
    const alone = options.membership.seeds.length === 0;
    this.membership = this.#createMembership(alone);
    this.placement = new Placement(options.table, { members: () => this.membership.members() }, this.id);
    this.channels = this.#createChannels(alone);
    const feedPorts = this.#feedPorts();
    this.feeds = new Feeds(feedPorts);
    this.#peerReaders = new PeerReaders(feedPorts, this.feeds);
    this.publishes = new Publishes({
      ...feedPorts,
      owns: (slot) => this.channels.owns(slot),
      append: (request, now) => this.channels.append(request, now),
      forward: (to, publish, req, ageMs) => {
        this.#outbox.forward(to, publish, req, ageMs);
        this.#wantFlush();
      },
      answer: (to, req, id, result, onceHeld) => {
        this.#outbox.answer(to, req, id, result, onceHeld);
        this.#wantFlush();
      },
      holds: (lid, s) => this.channels.holds(lid, s) || options.mutations?.has('answerUnheld') === true,
    });
    this.sessions = new Sessions(this.#sessionsPorts(), options.sessionsPerSecond);
    this.moves = this.#createMoves();
    this.#asks = new Asks({
      ...feedPorts,
      serves: feedPorts.owns,
      latest: (channel, limit) => this.channels.latest(channel, limit),
      peers: () => this.#livePeers().map((m) => m.id),
      usersOf: (channel) => this.sessions.usersOf(channel),
    });
    this.#life = this.#createLife(alone);
  }

  get state(): NodeState {
    return this.#life.state;
  }

  // life

  restore(records: Iterable<Uint8Array>, now: number): Restored {
    return this.channels.restore(records, now);
  }

  start(now: number): void {
    this.membership.start(now);
    this.#life.start(now);
    this.#adopt(now);
    this.#step(now);
  }

  tick(now: number): void {
    this.membership.tick(now);
    this.channels.tick(now);
    this.publishes.tick(now);
    this.feeds.tick(now);
    this.#peerReaders.tick(now);
    this.#asks.tick(now);
    this.sessions.tick(now);
    this.moves.tick(now);
    this.#life.tick(now);
    if (now >= this.#loadAt) this.#tellLoad(now);
    this.#step(now);
  }

  nextWakeAt(): number {
    return this.#wakeAt;
  }

  #wakeAt = 0;

  drain(now: number): void {
    this.#life.drain(now);
    this.#step(now);
  }

  flush(now: number): void {
    // all that is sent from here on leaves below
    this.#flushWanted = true;
    // what one round commits may answer publishes and feed peers, whose messages belong into the same frames
    for (let round = 0; round < 3 && this.channels.needsFlush; round++) this.channels.flush(now);
    if (this.#ownershipChanged) this.#followOwnership(now);
    this.#peerReaders.flush();
    this.#flushWanted = false;
    // first what a message waits for elsewhere, then those that are here, then the answers to who published
    this.#sendFrames('urgent');
    this.#ports.deliver();
    this.#sendFrames('all');
    if (this.channels.needsFlush) this.#wantFlush();
    this.#schedule(now);
  }

  // links

  onLinkUp(peer: NodeId, boot: Boot, now: number, dialled?: string): void {
    this.#linked.add(peer);
    this.#broken.delete(peer);
    this.#resetPeer(peer, now);
    this.channels.onPeerUp(peer, boot, now);
    this.membership.onLinkUp(peer, boot, now, dialled);
    this.#step(now);
  }

  onLinkDown(peer: NodeId, why: 'closed' | 'refused' | 'timeout' | 'idle', now: number): void {
    this.#linked.delete(peer);
    if (this.membership.get(peer) === undefined) this.#loads.delete(peer);
    else if (why !== 'idle') this.#broken.add(peer);
    this.#outbox.drop(peer);
    this.channels.onPeerDown(peer, now);
    this.#resetPeer(peer, now);
    this.membership.onLinkDown(peer, why, now);
    this.#step(now);
  }

  onDialFailed(url: string, why: 'refused' | 'timeout' | 'rejected' | 'self', now: number): void {
    this.membership.onDialFailed(url, why, now);
    this.#step(now);
  }

  onFrame(peer: NodeId, bytes: Uint8Array, now: number): void {
    try {
      const frame = decodeFrame(bytes);
      for (const element of frame.elements) this.#dispatch(peer, element, now);
      this.membership.onDigest(peer, frame.viewDigest, now);
      if (frame.iteration === this.placement.table.iteration) this.#agreedIteration = frame.iteration;
      else if (frame.elements.some((element) => (element[0] as number) >= 40))
        this.membership.compareNotes(peer, frame.viewDigest, now);
      this.#broken.delete(peer);
    } catch (error) {
      if (error instanceof InvariantBroken || error instanceof JournalError) throw error;
      this.#ports.closeLink(peer, 'misbehaved', error instanceof Error ? error.message : String(error));
    }
    this.#step(now);
  }

  #dispatch(from: NodeId, element: Element, now: number): void {
    const number = element[0] as number;
    if (number < 20) return this.membership.onMessage(from, decodeMembership(element), now);
    if (number < 40) return this.channels.onMessage(from, decodeReplication(element), now);
    this.#onRouting(from, decodeRouting(element), now);
  }

  #onRouting(from: NodeId, m: RoutingMessage, now: number): void {
    switch (m.type) {
      case 'forwards':
        return this.publishes.onForwards(from, m.bytes, now);
      case 'answers':
        return this.publishes.onAnswers(from, m.bytes);
      case 'interest':
        return this.#peerReaders.onInterest(from, m, now);
      case 'interest-drop':
        return this.#peerReaders.onDrop(from, m.channel, m.serial);
      case 'interest-renew':
        return this.#peerReaders.onRenew(from, m.items, now);
      case 'feed-start':
      case 'feed-entries':
      case 'feed-gap':
      case 'feed-position':
      case 'feed-end':
        return this.feeds.onMessage(from, m, now);
      case 'read':
        this.#peerReaders.flushChannel(from, m.channel);
        return this.#asks.onRead(from, m, now);
      case 'read-answer':
        if (!this.#asks.onReadAnswer(from, m, now)) this.feeds.onReadAnswer(from, m, now);
        return;
      case 'presence-ask':
        return this.#asks.onPresenceAsk(from, m.req, m.channel);
      case 'presence-answer':
        return this.#asks.onPresenceAnswer(from, m.req, m.users);
      case 'move-ask':
        return this.moves.onAsk(from, m.waiting, now);
      case 'move-grant':
        return this.moves.onGrant(from, m.count, m.spreadMs, now);
      case 'load':
        this.#loads.set(from, m.connections);
        return;
    }
  }

  /** Whatever was under way over a link is lost or unknown once it broke, and once it is new. */
  #resetPeer(peer: NodeId, now: number): void {
    this.feeds.onPeerReset(peer, now);
    this.#peerReaders.onPeerReset(peer);
    this.publishes.onPeerReset(peer);
    this.#asks.onPeerReset(peer, now);
  }

  // clients and apps

  openSession(sink: SessionSink, request: SessionRequest, now: number): SessionHandle {
    const session = this.sessions.open(sink, request, now);
    this.#wantFlush();
    return session;
  }

  publish(request: AppendRequest, now: number): void {
    this.publishes.publish(request, now);
    this.#wantFlush();
  }

  history(channel: string, after: After, limit: number, answer: Answer<HistoryResult>, now: number): void {
    this.#asks.history(channel, after, limit, answer, now);
    this.#wantFlush();
  }

  presence(channel: string, answer: Answer<readonly string[]>, now: number): void {
    this.#asks.presence(channel, answer, now);
    this.#wantFlush();
  }

  homeOf(channel: string): { readonly self: boolean; readonly id: NodeId; readonly url: string } {
    const { home } = this.placement;
    const owner = home.ownerOf(home.slotOf(channel));
    const member = owner === undefined || owner === this.id ? undefined : this.membership.get(owner);
    // a node that may be gone is no place to send anybody
    if (member === undefined || member.state !== 'alive' || this.#broken.has(member.id)) {
      return { self: true, id: this.id, url: this.membership.self.url };
    }
    return { self: false, id: member.id, url: member.record.url };
  }

  locate(channel: string): Location {
    const { table } = this.placement;
    const slot = table.slotOf(channel);
    const holders = table.holdersOf(slot).map((id) => ({ id, url: this.membership.get(id)?.record.url ?? '' }));
    const [owner, ...copies] = holders;
    return {
      channel,
      slot,
      iteration: table.iteration,
      owner: owner ?? { id: this.id, url: this.membership.self.url },
      copies,
    };
  }

  cluster(): ClusterInfo {
    const { table } = this.placement;
    const { membership, table: parameters, channels } = this.#options;
    const members = this.membership.members();
    const indexOf = new Map(members.map((m, i) => [m.id, i]));
    const nodeOf = table.members.map((m) => indexOf.get(m.id) ?? -1);
    const owners = Array.from(table.owners, (index) => (index < 0 ? -1 : nodeOf[index]!));
    const slots = new Array<number>(members.length).fill(0);
    for (const node of owners) if (node >= 0) slots[node]!++;
    return {
      cluster: membership.cluster,
      iteration: table.iteration,
      slots: parameters.slots,
      copies: channels.copies,
      acks: channels.acks,
      self: this.id,
      moveRate: this.#options.sessionsPerSecond,
      historyBytes: this.channels.bytes,
      nodes: members.map(({ id, state, record }, i) => ({
        id,
        boot: record.boot,
        url: record.url,
        state,
        weight: record.weight,
        zone: record.zone,
        slots: slots[i]!,
        connections: id === this.id ? this.sessions.all.size : (this.#loads.get(id) ?? -1),
        version: record.version,
      })),
      owners,
    };
  }

  // composition

  #createMembership(alone: boolean): Membership {
    const ports = this.#ports;
    const options: MembershipOptions = { ...this.#options.membership, state: alone ? 'alive' : 'joining' };
    return new Membership(options, {
      send: (to, url, message) => {
        if (this.membership.get(to) === undefined) ports.sendFrame(to, url, this.#frameOf(encodeMembership(message)));
        else this.#send(to, encodeMembership(message), 64);
      },
      dial: (url) => ports.dial(url),
      close: (peer) => ports.closeLink(peer, 'unneeded', 'no longer needed'),
      refuse: (peer, why) => ports.closeLink(peer, 'misbehaved', why),
      sign: (bytes) => ports.sign(bytes),
      verify: (key, bytes, signature) => ports.verify(key, bytes, signature),
      idOf: (key) => ports.idOf(key),
      random: ports.random,
      changed: () => {
        this.#viewChanged = true;
      },
      superseded: (boot) => ports.superseded(boot),
      transition: (id, from, to, _record, because) => {
        ports.log('member', `${id} ${from ?? 'new'} → ${to}: ${because}`);
        if (to !== 'forgotten') return;
        this.#loads.delete(id);
        this.#broken.delete(id);
      },
    });
  }

  #createChannels(founded: boolean): Channels {
    const ports = this.#ports;
    return new Channels(
      this.#options.channels,
      { id: this.id, boot: this.boot, founded },
      {
        send: (to, message) =>
          this.#send(to, encodeReplication(message), message.type === 'push' ? message.bytes.length : 256),
        random: ports.random,
        journal: ports.journal,
        wallNow: () => ports.wallNow(),
        ordered: (channel, entries, now) => this.feeds.onOrdered(channel, entries, now),
        gapped: (channel, gap) => this.feeds.onGapped(channel, gap),
        moved: (channel, position) => this.feeds.onMoved(channel, position),
        ownershipChanged: () => {
          this.#ownershipChanged = true;
        },
        log: (topic, text) => ports.log(topic, text),
      },
      this.#options.mutations,
    );
  }

  #feedPorts(): FeedPorts {
    return {
      self: this.id,
      send: (to, message) => this.#send(to, encodeRouting(message), sizeOf(message)),
      slotOf: (channel) => this.placement.slotOf(channel),
      ownerOf: (slot: Slot) => this.placement.table.ownerOf(slot),
      owns: (slot) => this.channels.serves(slot),
      read: (channel, after, limit, now) => this.channels.read(channel, after, limit, now),
      head: (channel) => this.channels.head(channel),
      lateGaps: this.#options.mutations?.has('gapAfterMessage') ?? false,
    };
  }

  #sessionsPorts(): SessionsPorts {
    return {
      feeds: this.feeds,
      homeOf: (channel) => this.homeOf(channel),
      nextUrls: (channel) => this.#nextUrls(channel),
      heirs: () => this.#livePeers().length,
      publish: (request, now) => this.publishes.publish(request, now),
      history: (...args) => this.#asks.history(...args),
      presence: (...args) => this.#asks.presence(...args),
      renderHistory: this.#options.renderHistory,
      newId: () => this.newId(),
      touched: () => this.#wantFlush(),
      self: this.id,
      url: this.#options.membership.url,
      iteration: () => this.placement.table.iteration,
      relay: this.#options.relay,
    };
  }

  #createMoves(): Moves {
    return new Moves(
      {
        random: this.#ports.random,
        send: (to, message) => this.#send(to, encodeRouting(message), 16),
        homeOf: (channel) => this.homeOf(channel),
        sessions: () => this.sessions.all,
        waiting: () => this.sessions.waiting,
      },
      this.#options.sessionsPerSecond,
    );
  }

  #createLife(alone: boolean): Life {
    return new Life(
      {
        self: this.id,
        alone,
        members: () => this.membership.members(),
        joined: (now) => this.membership.joined(now),
        adopted: () => this.#agreedIteration === this.placement.table.iteration && this.placement.has(this.id),
        setState: (state, now) => this.membership.setState(state, now),
        sessions: () => this.sessions.all.size,
        closeSessions: (now) => {
          for (const session of [...this.sessions.all]) session.close(CLOSE.draining, 'this node is leaving', now);
        },
        changed: (state) => this.#ports.stateChanged(state),
        progress: (progress) => this.#ports.drained(progress),
      },
      this.channels,
      this.placement,
      this.moves,
      this.#options.drainTimeoutMs,
    );
  }

  /** Ids for messages whose publisher gave none: unique by their random prefix, cheap by their counter. */
  newId(): string {
    return `${this.#idPrefix}${(++this.#idCount).toString(36)}`;
  }

  // after every input

  #step(now: number): void {
    if (this.#viewChanged) this.#followView(now);
    if (this.membership.tableDue(now)) this.#adopt(now);
    if (this.#ownershipChanged) this.#followOwnership(now);
    this.#wantFlush();
  }

  #schedule(now: number): void {
    this.#wakeAt = Math.min(
      this.membership.nextWakeAt(),
      this.channels.nextWakeAt(),
      this.publishes.nextWakeAt(now),
      this.feeds.nextWakeAt(now),
      this.#asks.nextWakeAt(),
      this.sessions.nextWakeAt(now),
      this.moves.nextWakeAt(),
      this.#life.nextWakeAt(),
      now + LOAD_MS,
    );
  }

  #followView(_now: number): void {
    this.#viewChanged = false;
    const key = this.membership
      .members()
      .filter((m) => m.state === 'joining' || m.state === 'draining')
      .map((m) => `${m.id}${m.state}`)
      .join();
    if (key !== this.#planKey) this.#plan(key, _now);
  }

  #plan(key: string, now: number): void {
    this.#planKey = key;
    this.placement.plan();
    this.channels.setNext(this.placement.next, now);
    this.moves.onTable();
    this.sessions.onTable(now);
  }

  #adopt(now: number): void {
    const before = this.placement.table.iteration;
    this.placement.adopt();
    const { table } = this.placement;
    const live = this.membership
      .members()
      .filter((m) => m.state === 'alive' || m.state === 'suspect' || m.state === 'draining' || m.state === 'joining')
      .map((m) => ({ id: m.id, boot: m.record.boot }));
    this.channels.setTable(table, live, now);
    this.channels.setNext(this.placement.next, now);
    // links drop in silence what is sent to a peer that was just found unreachable: it will not be answered
    for (const id of this.#live) if (!live.some((m) => m.id === id)) this.#resetPeer(id, now);
    this.#live = live.map((m) => m.id);
    if (table.iteration === before) return;
    this.#ports.log('table', `iteration ${table.iteration}: ${table.members.length} members`);
    this.#ownershipChanged = true;
    this.publishes.onTable(now);
    this.moves.onTable();
    this.sessions.onTable(now);
  }

  #followOwnership(now: number): void {
    this.#ownershipChanged = false;
    this.#peerReaders.onTable();
    this.feeds.onTable(now);
  }

  #tellLoad(now: number): void {
    this.#loadAt = now + LOAD_MS;
    const element = encodeRouting({ type: 'load', connections: this.sessions.all.size });
    for (const peer of this.#linked) this.#send(peer, element, 4);
  }

  #livePeers() {
    return this.membership.members().filter((m) => m.id !== this.id && m.state === 'alive');
  }

  #nextUrls(channel: string): string[] {
    if (channel === '')
      return this.#livePeers()
        .slice(0, this.#options.channels.copies)
        .map((m) => m.record.url);
    const { home } = this.placement;
    const urls: string[] = [];
    for (const id of home.holdersOf(home.slotOf(channel))) {
      const member = id === this.id ? undefined : this.membership.get(id);
      if (member?.state === 'alive') urls.push(member.record.url);
    }
    return urls;
  }

  #send(to: NodeId, element: Element, bytes: number): void {
    this.#outbox.add(to, element, bytes);
    this.#wantFlush();
  }

  #sendFrames(what: 'urgent' | 'all'): void {
    this.#outbox.flush(what, this.membership.digest(), this.placement.table.iteration, (to, frame) => {
      const url = this.membership.get(to)?.record.url;
      if (url !== undefined) this.#ports.sendFrame(to, url, frame);
    });
  }

  /** A frame of its own, for someone who is not in the view yet. */
  #frameOf(element: Element): Uint8Array {
    const outbox = new Outbox();
    let bytes = new Uint8Array();
    outbox.add(this.id, element, 0);
    outbox.flush('all', this.membership.digest(), this.placement.table.iteration, (_, frame) => {
      bytes = new Uint8Array(frame);
    });
    return bytes;
  }

  #wantFlush(): void {
    if (this.#flushWanted) return;
    this.#flushWanted = true;
    this.#ports.flushSoon();
  }
}

function sizeOf(message: RoutingMessage): number {
  if (message.type !== 'feed-entries' && message.type !== 'read-answer') return 64;
  let bytes = 64;
  for (const entry of message.entries) bytes += entry.data.length + 64;
  return bytes;
}
