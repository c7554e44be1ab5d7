/**
 * The page of the demo. It is a client like any other: it connects with halod/client, served by the node it was loaded
 * from, reads the rooms and the demo's pulse as channels, and asks any live node for the table.
 */

import { Control } from './control.js';
import { Crowd } from './crowd.js';
import { Halo } from './halo.js';
import { hueOf } from './palette.js';
import { type ChatData, PULSE_CHANNEL, type Pulse, type PulseNode, roomChannel } from './pulse.js';
import { RoomView } from './rooms.js';
import { startTheme } from './theme.js';
import { showEvents, showTotals } from './totals.js';

type ClientModule = typeof import('../../../lib/client/index.js');

interface Cluster {
  readonly iteration: string;
  readonly slots: number;
  readonly nodes: readonly {
    readonly id: string;
    readonly url: string;
    readonly state: string;
    readonly slots: number;
  }[];
  readonly owners: readonly number[];
}

/** Who looks at the page is one of the users. */
const VISITOR_DOT = 'you';
const CLUSTER_EVERY_MS = 400;
/** Served by every node beside its console, so that pages need no bundler. */
const CLIENT_MODULE = '/console/client/index.js';

const byId = (id: string): HTMLElement => document.getElementById(id)!;

const { connect } = (await import(CLIENT_MODULE)) as ClientModule;
const control = Control.fromLocation();
const halo = new Halo(byId('halo') as HTMLCanvasElement);
const crowd = new Crowd(byId('stage'), {
  add: control && (() => control.post('add')),
  drain: async (node) => control?.post(`drain/${node}`),
  kill: async (node) => control?.post(`kill/${node}`),
});
startTheme(byId('theme'), () => halo.forgetColours());

const visitor = `guest-${Math.random().toString(36).slice(2, 6)}`;
const client = connect([location.origin], { user: visitor });
let pulse: Pulse | undefined;
let cluster: Cluster | undefined;
let servedBy = '';
const rooms = new Map<string, { readonly view: RoomView; slot: number }>();

client.on('state', (state) => {
  const status = byId('status');
  status.dataset['state'] = state.state;
  if (state.state === 'connected') servedBy = state.url;
  showStatus(state.state);
});

const pulses = client.subscribe(PULSE_CHANNEL, { after: 'now' });
pulses.on('message', (message) => {
  pulse = message.data as Pulse;
  for (const room of pulse.rooms) if (!rooms.has(room)) openRoom(room);
  showTotals(pulse.totals);
  showEvents(byId('events'), pulse.events);
  showCluster();
});

function openRoom(room: string): void {
  const channel = roomChannel(room);
  const view = new RoomView(room, async (text) => {
    await client.publish(channel, { nick: visitor, text } satisfies ChatData);
  });
  rooms.set(room, { view, slot: -1 });
  byId('rooms').append(view.element);
  const subscription = client.subscribe(channel, { after: 'start' });
  const openedAt = performance.now();
  subscription.on('message', (message) => {
    const data = message.data as ChatData;
    view.say(data);
    // What is read from history at the start does not light up.
    if (performance.now() - openedAt < 1_500) return;
    halo.flash(rooms.get(room)!.slot);
    crowd.speaks(data.nick);
  });
  subscription.on('gap', (gap) => {
    if (performance.now() - openedAt > 1_500) view.hole(gap.reason);
  });
  void locate(room);
}

async function locate(room: string): Promise<void> {
  const answer = await ask<{ slot: number; owner: { id: string } }>(
    `/v1/locate/${encodeURIComponent(roomChannel(room))}`,
  );
  const entry = rooms.get(room);
  if (!answer || !entry) return;
  entry.slot = answer.slot;
  entry.view.located(numberOf(answer.owner.id), answer.slot);
}

function numberOf(id: string): number {
  return pulse?.nodes.find((node) => node.id === id)?.number ?? 0;
}

function showCluster(): void {
  if (!pulse || !cluster) return;
  const { nodes, owners, slots } = cluster;
  const numbers = nodes.map((node) => numberOf(node.id));
  halo.show(owners.map((owner) => (owner < 0 ? 0 : (numbers[owner] ?? 0))));
  const slotsOf = new Map(nodes.map((node) => [node.id, node.slots]));
  const you = { name: VISITOR_DOT, room: '', node: pulse.nodes.find((node) => node.url === servedBy)?.number ?? 0 };
  crowd.show(pulse.nodes, [...pulse.users, you], slotsOf, slots, servedBy || location.origin);
  const live = pulse.nodes.filter((node) => node.status === 'serving' || node.status === 'draining').length;
  byId('node-count').textContent = String(live);
  byId('node-word').textContent = live === 1 ? 'node' : 'nodes';
  byId('slot-count').textContent = `${slots.toLocaleString('en')} slots · ${cluster.iteration.slice(0, 6)}`;
  showStatus(byId('status').dataset['state'] ?? '');
}

function showStatus(state: string): void {
  const node = pulse?.nodes.find((candidate) => candidate.url === servedBy);
  const status = byId('status');
  if (node) status.dataset['node'] = hueOf(node.number);
  byId('status-text').textContent =
    state === 'connected' && servedBy !== ''
      ? `this page is on ${node ? `node ${node.number}, ` : ''}${new URL(servedBy).host}`
      : state;
}

/** Asks the node that serves this page, and the others when it is gone. */
async function ask<T>(path: string): Promise<T | undefined> {
  const others = (pulse?.nodes ?? []).filter(isUp).map((node) => node.url);
  for (const url of new Set([servedBy || location.origin, ...others])) {
    try {
      const response = await fetch(url + path, { signal: AbortSignal.timeout(1_500) });
      if (response.ok) return (await response.json()) as T;
    } catch {
      // The next one may answer.
    }
  }
  return undefined;
}

function isUp(node: PulseNode): boolean {
  return node.status === 'serving' || node.status === 'draining';
}

async function watchCluster(): Promise<void> {
  for (;;) {
    const answer = await ask<Cluster>('/v1/cluster');
    if (answer) {
      const changed = answer.iteration !== cluster?.iteration;
      cluster = answer;
      showCluster();
      if (changed) for (const room of rooms.keys()) void locate(room);
    }
    await new Promise((resolve) => setTimeout(resolve, CLUSTER_EVERY_MS));
  }
}

void watchCluster();
