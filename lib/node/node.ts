/**
 * A running node: the core with its clock, its chance, its links and its port. The core is called from here and from
 * transports, never from inside a step of its own; what it wants sent leaves once a turn of the event loop.
 */
import { EventEmitter } from 'node:events';
import { completeOptions } from '../config/complete.js';
import type { NodeOptions } from '../config/options.js';
import type { NodeCore, NodePorts, NodeState } from '../core/api.js';
import type { Restored } from '../core/channel/ports.js';
import { Core } from '../core/node.js';
import type { Boot, NodeId } from '../wire/ids.js';
import { Gate } from './auth/gate.js';
import { Origins } from './auth/origin.js';
import { clusterTerms, coreOptions } from './core-options.js';
import type { Driver } from './driver.js';
import type { CloseOptions, NodeEvents } from './events.js';
import { Listener } from './http/listener.js';
import { type Identity, idOfKey, loadIdentity, verifySignature } from './identity.js';
import type { Self } from './links/handshake.js';
import { Links } from './links/links.js';
import { stretchSecret } from './links/seal.js';
import { listenUrl } from './listen-url.js';
import { createLog, type Log } from './log.js';
import { CryptoRandom } from './random.js';
import { Stats } from './stats.js';
import { HistoryError, Store } from './store/store.js';
import { Expiry } from './transports/expiry.js';
import { WriteQueue } from './transports/outbox.js';
import { Pinger } from './transports/pinger.js';
import { Turns } from './turns.js';
import { Warnings } from './warnings.js';

export type CreateCore = (options: NodeOptions, identity: Identity, url: string, ports: NodePorts) => NodeCore;

/** A node inside your own process. Resolves once it serves. */
export async function createNode(options: Partial<NodeOptions> = {}): Promise<Node> {
  return startNode(completeOptions(options), (complete, identity, url, ports) => {
    return new Core(coreOptions(complete, identity, url), ports);
  });
}

/** With another core: tests bring a small one. */
export async function startNode(options: NodeOptions, createCore: CreateCore): Promise<Node> {
  const node = new Node(options, createCore);
  await node.start();
  return node;
}

/** A node this young that hears of a later boot of itself was given too low a boot number; an older one was replaced. */
const YOUNG_MS = 10_000;
/** A drain that did not end by then is ended. */
const DRAIN_PATIENCE_MS = 5_000;

export class Node extends EventEmitter<NodeEvents> {
  readonly options: NodeOptions;
  readonly stats = new Stats();
  readonly #createCore: CreateCore;
  readonly #random = new CryptoRandom();
  readonly #pinger = new Pinger();
  readonly #expiry = new Expiry();
  readonly #listener = new Listener();
  readonly #gate: Gate;
  readonly #turns: Turns;
  readonly #writes: WriteQueue;
  readonly #warnings: Warnings;
  #identity!: Identity;
  #url = '';
  #core!: NodeCore;
  #links!: Links;
  #log!: Log;
  #secret!: Uint8Array;
  /** Null where history is kept in memory only. */
  #store: Store | null = null;
  #restored: Restored | null = null;
  #failure: HistoryError | null = null;
  #startedAt = 0;
  #startedOver = false;
  #wasReplaced = false;
  #draining: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: NodeOptions, createCore: CreateCore) {
    super();
    this.options = options;
    this.#createCore = createCore;
    this.#gate = new Gate(options, this.stats);
    this.#turns = new Turns(
      () => this.#flush(),
      (now) => this.#orStop(() => this.#core.tick(now)),
      (stalledMs) => this.#stalled(stalledMs),
    );
    this.#warnings = new Warnings(this, this.#turns.now, (text) => this.#log('node', text));
    this.#writes = new WriteQueue(this.stats, () => this.#turns.touch());
  }

  get id(): NodeId {
    return this.#identity.id;
  }

  get url(): string {
    return this.#url;
  }

  get core(): NodeCore {
    return this.#core;
  }

  get state(): NodeState {
    return this.#stopping === null ? this.#core.state : 'left';
  }

  /** What it found on disk when it started; null where it keeps none. */
  get restored(): Restored | null {
    return this.#restored;
  }

  /** Serves what arrives at a port that several workers of this host share, besides its own. */
  share(host: string, port: number): Promise<void> {
    return this.#listener.share(host, port);
  }

  /** @throws Error where the port is taken, a file cannot be read … */
  async start(): Promise<void> {
    const { options } = this;
    try {
      const [identity, port] = await Promise.all([
        loadIdentity(options),
        this.#listener.listen(options.host, options.port),
        this.#gate.ready(),
      ]);
      this.#identity = identity;
      this.#url = options.advertise === '' ? listenUrl(options.host, port) : options.advertise.replace(/\/+$/, '');
      this.#secret = stretchSecret(options.clusterSecret, options.cluster);
      this.#log = createLog(identity.id, (text) => this.#warnings.alarm(text, identity.id));
      if (options.data !== '') this.#store = await this.#openStore();
      await this.#listener.prepare(this.#createDriver(), { accept: (ws, request) => this.#links.accept(ws, request) });
    } catch (error) {
      await this.#store?.close();
      await this.#listener.close();
      this.#pinger.stop();
      throw error;
    }
    await this.#startCore();
  }

  /** Hands over slots and clients, leaves the cluster, and stops. */
  drain(): Promise<void> {
    this.#draining ??= this.#drainNow();
    return this.#draining;
  }

  async close({ drain = true }: CloseOptions = {}): Promise<void> {
    const state = (this.#core as NodeCore | undefined)?.state;
    if (drain && (state === 'serving' || state === 'draining') && this.#hasPeers()) return this.drain();
    return this.#stop();
  }

  // the core and its surroundings

  async #startCore(): Promise<void> {
    const serving = new Promise<void>((resolve, reject) => {
      const onState = (state: NodeState): void => {
        if (state !== 'serving' && state !== 'left') return;
        this.off('state', onState);
        this.off('failed', reject);
        resolve();
      };
      this.on('state', onState);
      this.on('failed', reject);
    });
    this.#links = this.#createLinks();
    this.#core = this.#createCore(this.options, this.#identity, this.#url, this.#createPorts());
    this.#startedAt = this.#turns.now();
    this.#orStop(() => {
      if (this.#store !== null) this.#restored = this.#store.restore(this.#core, this.#startedAt);
      this.#core.start(this.#startedAt);
      this.#turns.start();
      this.#listener.serve();
    });
    this.#log('node', `${this.id} boot ${this.#identity.boot} at ${this.#url}`);
    await serving;
  }

  #openStore(): Promise<Store> {
    const watch = {
      warn: (text: string, isAlarm: boolean) => (isAlarm ? this.#log('alarm', text) : this.#warnings.warn(text)),
      failed: (error: HistoryError) => this.#failed(error),
    };
    return Store.open(this.options.data, this.options, watch, this.stats);
  }

  #createPorts(): NodePorts {
    return {
      random: this.#random,
      ...(this.#store === null ? {} : { journal: this.#store }),
      sendFrame: (peer, url, bytes) => {
        this.stats.framesOut++;
        this.stats.frameBytesOut += bytes.length;
        this.#links.sendFrame(peer, url, bytes);
      },
      closeLink: (peer, why, reason) => this.#links.close(peer, why, reason),
      dial: (url) => this.#links.dial(url),
      flushSoon: () => this.#turns.touch(),
      deliver: () => this.#writes.flush(),
      sign: (bytes) => this.#identity.sign(bytes),
      verify: verifySignature,
      idOf: idOfKey,
      wallNow: Date.now,
      stateChanged: (state) => {
        this.#log('node', state);
        // listeners may call the core: not inside its step
        setImmediate(() => this.emit('state', state));
      },
      drained: (progress) => void setImmediate(() => this.emit('drain', progress)),
      superseded: (boot) => void setImmediate(() => this.#superseded(boot)),
      log: (topic, text) => this.#log(topic, text),
    };
  }

  #createLinks(): Links {
    const { options } = this;
    const self: Self = {
      identity: this.#identity,
      terms: clusterTerms(options),
      url: this.#url,
      secret: this.#secret,
      sealed: options.clusterSecret !== '',
    };
    const step = (act: (now: number) => void): void => {
      if (this.#stopping !== null || this.#failure !== null) return;
      this.#orStop(() => act(this.#turns.now()));
      this.#turns.touch();
    };
    return new Links(
      self,
      {
        onUp: (peer, boot, dialled) => step((now) => this.#core.onLinkUp(peer, boot, now, dialled)),
        onDown: (peer, why) => step((now) => this.#core.onLinkDown(peer, why, now)),
        onDialFailed: (url, why, text) => {
          if (why !== 'self') this.#warnings.warn(`${url}: ${text}`);
          step((now) => this.#core.onDialFailed(url, why, now));
        },
        onFrame: (peer, bytes) => {
          if (this.#turns.look()) return;
          this.stats.framesIn++;
          this.stats.frameBytesIn += bytes.length;
          step((now) => this.#core.onFrame(peer, bytes, now));
        },
        onTwin: (boot) => {
          if (boot > this.#identity.boot) this.#replaced(boot);
        },
      },
      this.#log,
    );
  }

  #createDriver(): Driver {
    const node = this;
    const nodeUrls = (): string[] => this.#core.cluster().nodes.map((each) => each.url);
    return {
      get core() {
        return node.#core;
      },
      options: this.options,
      url: this.#url,
      stats: this.stats,
      gate: this.#gate,
      origins: new Origins(this.options, this.#gate.wantsTokens, this.#gate.isOpen, nodeUrls),
      random: this.#random,
      writes: this.#writes,
      pinger: this.#pinger,
      expiry: this.#expiry,
      log: this.#log,
      now: () => this.#turns.now(),
      touch: () => this.#turns.touch(),
      wasStalled: () => this.#turns.look(),
      drainAndStop: () => {
        this.emit('draining');
        void this.drain();
      },
    };
  }

  // turns of the event loop

  #flush(): number {
    const now = this.#turns.now();
    this.#writes.collect();
    this.#orStop(() => this.#core.flush(now));
    return this.#core.nextWakeAt();
  }

  /** A step ends where it cannot write down what it brought, and the node with it. */
  #orStop(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof HistoryError)) throw error;
      this.#failed(error);
    }
  }

  #stalled(stalledMs: number): void {
    this.#log('alarm', `stalled for ${Math.round(stalledMs)} ms, all connections are cut`);
    this.#cutAll();
  }

  #cutAll(): void {
    this.#pinger.abandon();
    this.#listener.cut();
    this.#links.cut();
  }

  // the end

  async #drainNow(): Promise<void> {
    const left = new Promise<void>((resolve) => {
      this.on('state', (state) => {
        if (state === 'left') resolve();
      });
      this.once('closed', resolve);
      setTimeout(resolve, this.options.drainTimeoutMs + DRAIN_PATIENCE_MS).unref();
    });
    this.#core.drain(this.#turns.now());
    this.#turns.touch();
    if (this.#core.state !== 'left') await left;
    await this.#stop();
  }

  #stop(): Promise<void> {
    this.#stopping ??= this.#stopNow();
    return this.#stopping;
  }

  async #stopNow(): Promise<void> {
    this.#pinger.shutDown();
    this.#turns.stop();
    // a node that is closed while it starts has none yet
    (this.#links as Links | undefined)?.stop();
    await this.#listener.close();
    this.#pinger.stop();
    this.#expiry.stop();
    await this.#store?.close();
    (this.#log as Log | undefined)?.('node', 'closed');
    // whoever waits for the end hears first why it came
    if (this.#wasReplaced) this.emit('superseded');
    if (this.#failure !== null) this.emit('failed', this.#failure);
    this.emit('closed');
  }

  /** What was not written must not be confirmed, delivered or answered: from here on nothing leaves. */
  #failed(error: HistoryError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#turns.stop();
    this.#log('alarm', error.message);
    // this may be a step of the core
    setImmediate(() => {
      if (this.#stopping !== null) return;
      // first: what is closed in order writes what waits for it
      this.#cutAll();
      void this.#stop();
    });
  }

  /** The process that took over this identity is alive. */
  #replaced(boot: Boot): void {
    if (this.#stopping !== null) return;
    this.#log('alarm', `replaced by a later start of this node (boot ${boot})`);
    this.#wasReplaced = true;
    void this.#stop();
  }

  /** Others remember a later boot of this node, which may be long gone. */
  #superseded(boot: Boot): void {
    if (this.#stopping !== null) return;
    // twice means that another process does the same
    if (this.#startedOver || this.#turns.now() - this.#startedAt > YOUNG_MS) return this.#replaced(boot);
    this.#startedOver = true;
    this.#log('node', `starting over above boot ${boot}`);
    this.#pinger.shutDown();
    this.#links.stop();
    this.#turns.pause();
    this.#identity
      .raiseBoot(boot)
      .then((identity) => {
        this.#identity = identity;
        return this.#startCore();
      })
      .catch((error: Error) => {
        if (!(error instanceof HistoryError)) this.#warnings.warn(error.message);
        return this.#stop();
      });
  }

  #hasPeers(): boolean {
    const { nodes, self } = this.#core.cluster();
    return nodes.some((node) => node.id !== self && node.state !== 'left' && node.state !== 'failed');
  }
}
