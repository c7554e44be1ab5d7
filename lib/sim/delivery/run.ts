/**
 * Runs a scenario with the real node core and the real client core: chaos first, then every fault ends, every node
 * comes back, and after a calm time all promises are checked over the recorded history.
 */
import { ALL_DEFENCES, type ClientDefences } from '../../client/core/ports.js';
import type { Mutation } from '../../core/channel/mutations.js';
import { TIMINGS } from '../../core/membership/options.js';
import { decodeFrame } from '../../core/outbox.js';
import { HistoryChecker } from '../checkers/checker.js';
import type { HistoryBody, HistoryEvent } from '../checkers/history.js';
import type { Counts } from '../checkers/verdict.js';
import { LAN } from '../network-options.js';
import { type Process, World } from '../world.js';
import { BareProgram } from './bare-program.js';
import type { CallMessage } from './calls.js';
import { ClientProgram, type ClientWorld } from './client-program.js';
import { NodeProgram, type StreamMessage } from './node-program.js';
import { CLIENTS_MS, type DeliveryScenario } from './scenario.js';

export interface DeliveryViolation {
  readonly rule: string;
  readonly what: string;
}

export interface DeliveryOutcome {
  readonly scenario: DeliveryScenario;
  readonly violations: readonly DeliveryViolation[];
  readonly hash: string;
  readonly counts: Counts;
  /** Faults that took effect, and moments of the protocol that came about. */
  readonly happened: ReadonlyMap<string, number>;
}

export interface DeliveryTweaks {
  readonly mutations?: ReadonlySet<Mutation>;
  readonly defences?: ClientDefences;
  readonly line?: (line: string) => void;
  readonly event?: (event: HistoryEvent) => void;
  /** Gets the whole history of the run that is judged. */
  readonly history?: HistoryEvent[];
}

const NAMES = new Map([
  [20, 'push'],
  [21, 'have'],
  [22, 'digest'],
  [23, 'acquire'],
  [24, 'acquired'],
  [55, 'forward'],
  [56, 'forwarded'],
]);
/** The rarest moment in a frame names it. */
const BY_RARITY = [24, 23, 22, 56, 55, 21, 20];

/** Publishing goes on for so long after the last fault. */
const AFTERMATH_MS = 1_000;
/** Nearly always everything is well by then. Where it is not, the run is made again with all the time it may take. */
const SOON_MS = 5_000;
/** A node that leaves has gone by then. */
const LEAVING_MS = 9_000;

export function runDelivery(scenario: DeliveryScenario, tweaks: DeliveryTweaks = {}): DeliveryOutcome {
  if (tweaks.line === undefined && tweaks.event === undefined && scenario.calmMs > SOON_MS) {
    const outcome = runOnce({ ...scenario, calmMs: SOON_MS }, tweaks);
    if (outcome.violations.length === 0) return { ...outcome, scenario };
    if (tweaks.history !== undefined) tweaks.history.length = 0;
  }
  return runOnce(scenario, tweaks);
}

function runOnce(scenario: DeliveryScenario, tweaks: DeliveryTweaks): DeliveryOutcome {
  const violations: DeliveryViolation[] = [];
  const happened = new Map<string, number>();
  // what was removed, the nodes tell
  const checker = new HistoryChecker(scenario.smallHistory ? { retention: {} } : {});
  const { nodes, clients } = scenario;
  const limit = scenario.channels.history.messages;
  const hosts = nodes + clients.length;
  let publishing = true;
  const record = (body: HistoryBody): void => {
    const event: HistoryEvent = { t: world.now, ...(scenario.leaky ? withoutReach(body) : body) };
    tweaks.event?.(event);
    tweaks.history?.push(event);
    checker.on(event);
  };
  const urls = Array.from({ length: nodes }, (_, i) => `http://10.0.0.${i}:7400`);
  const world: World = new World({
    seed: scenario.seed,
    hosts,
    network: {
      ...LAN,
      lossMode: 'break',
      // only what nodes say to clients: between nodes a lost frame breaks the seal of the link
      ...(scenario.leaky ? { leaky: (from: number, to: number) => from < nodes && to >= nodes } : {}),
      killLosesSuffix: true,
      typeOf: scenario.triggers.length > 0 ? typeOf : () => 'message',
    },
    faults: scenario.faults,
    triggers: scenario.triggers,
    ...(tweaks.line === undefined ? {} : { line: tweaks.line }),
    program: (ports) => {
      if (ports.host < nodes) {
        return new NodeProgram(
          {
            slots: scenario.slots,
            channels: scenario.channels,
            timing: TIMINGS.local,
            seeds: urls,
            sessionsPerSecond: 200,
            journal: scenario.journal ?? false,
            mutations: tweaks.mutations ?? new Set(),
            log: (host, topic, text) => {
              happened.set(topic, (happened.get(topic) ?? 0) + 1);
              if (topic === 'misbehaved') violations.push({ rule: topic, what: `node ${host}: ${text}` });
              record({ kind: 'node', node: `${host}`, event: topic, detail: text });
            },
            stored: ({ channel, lid, s, data }) => {
              const { p, n } = JSON.parse(data as string) as { p: string; n: number };
              record({ kind: 'stored', ch: channel, p, n, at: `${lid}.${s.toString(36)}` });
            },
            removed: (host, { channel, lid, s, left = limit }) => {
              // elsewhere nothing may be removed, so that nothing justifies a gap
              if (scenario.smallHistory) record({ kind: 'evict', ch: channel, lid, s });
              if (left < limit)
                violations.push({
                  rule: 'removed-early',
                  what: `node ${host} has ${left} messages of ${channel} left`,
                });
            },
          },
          ports,
        );
      }
      const plan = clients[ports.host - nodes]!;
      const clientWorld: ClientWorld = {
        urls: [urls[ports.host % nodes]!, ...urls],
        defences: tweaks.defences ?? ALL_DEFENCES,
        publishDeadlineMs: 15_000,
        now: () => world.now,
        publishing: () => publishing,
        record,
      };
      return new (plan.bare === undefined ? ClientProgram : BareProgram)(plan, clientWorld, ports);
    },
  });

  for (let i = 0; i < nodes; i++) world.at(i * 20, () => world.start(i));
  for (let i = nodes; i < hosts; i++) world.at(CLIENTS_MS + i, () => world.start(i));
  try {
    world.run(scenario.chaosMs);
    calm(world, nodes);
    record({ kind: 'calm' });
    world.run(world.now + AFTERMATH_MS);
    publishing = false;
    world.run(world.now + scenario.calmMs - AFTERMATH_MS);
    atRest(world, scenario, violations);
  } catch (error) {
    violations.push({ rule: 'crash', what: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
  const verdict = checker.finish();
  for (const { kind, detail } of verdict.violations) {
    if (!scenario.leaky || !EXCUSED_WHERE_LEAKY.has(kind)) violations.push({ rule: kind, what: detail });
  }
  for (const [name, times] of world.happened) happened.set(name, times);
  return { scenario, violations, hash: world.trace.hash, counts: verdict.counts, happened };
}

/**
 * A client that asked for a lost frame again and again in vain tells of a gap from where it is: how far the hole reaches
 * it cannot know, so there a gap counts for all that was published before.
 */
function withoutReach(body: HistoryBody): HistoryBody {
  if (body.kind !== 'gap') return body;
  const { position: _, ...rest } = body;
  return rest;
}

/** Every fault ends; who is down, or still leaves, comes back, with nothing it held. */
function calm(world: World, nodes: number): void {
  world.disarm();
  world.conditions.clear();
  const startMissing = (): void => {
    for (let i = 0; i < nodes; i++) if (world.hosts[i]!.process === undefined) world.start(i);
  };
  startMissing();
  for (let at = 500; at <= LEAVING_MS; at += 500) world.at(world.now + at, startMissing);
}

function programs<T>(world: World, type: abstract new (...args: never[]) => T): T[] {
  return world.hosts
    .map((host) => (host.process as Process | undefined)?.program)
    .filter((program) => program instanceof (type as never)) as T[];
}

/**
 * A frame lost inside a stream that goes on: the last ones are never missed, and what fills a hole comes from before it.
 * No transport of the product does this; the client's own checks must keep its order all the same.
 */
const EXCUSED_WHERE_LEAKY: ReadonlySet<string> = new Set(['lost', 'disagreed', 'position-back', 'unjustified-gap']);

/** Liveness: one table, everyone serves, nobody waits for an answer any more, and copies are whole. */
function atRest(world: World, scenario: DeliveryScenario, violations: DeliveryViolation[]): void {
  const { nodes } = scenario;
  const running = programs(world, NodeProgram);
  const iterations = new Set(running.map((n) => n.core.placement.table.iteration));
  if (running.length !== nodes) violations.push({ rule: 'liveness', what: `${running.length} of ${nodes} nodes run` });
  if (iterations.size > 1) violations.push({ rule: 'liveness', what: `${iterations.size} tables at rest` });
  for (const node of running) {
    if (node.core.state !== 'serving') violations.push({ rule: 'liveness', what: `${node.id} is ${node.core.state}` });
  }
  for (const client of programs(world, ClientProgram)) {
    if (client.pending > 0)
      violations.push({ rule: 'liveness', what: `${client.id} waits for ${client.pending} answers` });
    if (client.state !== 'connected') violations.push({ rule: 'liveness', what: `${client.id} is ${client.state}` });
  }
  for (const client of programs(world, BareProgram)) {
    if (client.pending > 0)
      violations.push({ rule: 'liveness', what: `${client.id} waits for ${client.pending} answers` });
    if (!client.isReading) violations.push({ rule: 'liveness', what: `${client.id} was never told where it is` });
  }
  if (violations.length === 0) copiesAtRest(running, scenario.channels.acks, violations);
}

/** The white box: each message once in its owner's order, every strand passed to its end, copies enough of each entry. */
function copiesAtRest(running: readonly NodeProgram[], acks: number, violations: DeliveryViolation[]): void {
  const holders = new Map<string, number>();
  for (const { core } of running) {
    for (const { lid, s } of core.channels.inspection.entries()) {
      const name = `${lid}.${s.toString(36)}`;
      holders.set(name, (holders.get(name) ?? 0) + 1);
    }
  }
  const due = Math.min(acks, running.length);
  for (const { core, id } of running) {
    for (const { channel, strandsBehind } of core.channels.inspection.served()) {
      if (strandsBehind > 0)
        violations.push({
          rule: 'stuck',
          what: `${id}: ${strandsBehind} lineages of ${channel} are not passed to the end`,
        });
      const known = new Set<string>();
      for (const entry of core.channels.inspection.orderOf(channel)) {
        const name = `${entry.lid}.${entry.s.toString(36)}`;
        const copies = holders.get(name) ?? 0;
        if (copies < due)
          violations.push({ rule: 'under-replicated', what: `${name} of ${channel}: ${copies} copies` });
        const message = entry.publisher === '' ? entry.id : `${entry.publisher} ${entry.seq}`;
        if (known.has(message)) violations.push({ rule: 'ordered-twice', what: `${message} in ${channel} at ${id}` });
        known.add(message);
      }
    }
  }
}

function typeOf(message: unknown): string {
  if (!(message instanceof Uint8Array)) {
    const stream = message as StreamMessage | CallMessage;
    if ('call' in stream) return 'published' in stream ? 'published' : 'call';
    return 'text' in stream ? (/^\{"type":"([a-z]+)"/.exec(stream.text)?.[1] ?? 'text') : 'close';
  }
  const numbers = new Set(decodeFrame(message).elements.map((e) => e[0] as number));
  const rarest = BY_RARITY.find((number) => numbers.has(number));
  return rarest === undefined ? 'gossip' : NAMES.get(rarest)!;
}
