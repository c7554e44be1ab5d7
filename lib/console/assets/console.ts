/**
 * The console of a node: who is in the cluster, who owns which slots, how much passes through, and any channel live.
 * It uses what every client and app may use: `GET /v1/cluster`, `/metrics` and halod/client. Text only enters as text.
 */

import { drawBar, nodeVariable } from './bar.js';
import { apiHeaders, startKeyForm } from './key.js';
import { readRates } from './rates.js';
import { startViewer } from './viewer.js';

interface ClusterNode {
  readonly id: string;
  readonly url: string;
  readonly state: string;
  readonly weight: number;
  readonly zone: string;
  readonly slots: number;
  readonly connections: number;
  readonly version: string;
}

interface Cluster {
  readonly cluster: string;
  readonly iteration: string;
  readonly slots: number;
  readonly copies: number;
  readonly self: string;
  readonly nodes: readonly ClusterNode[];
  readonly owners: readonly number[];
}

const REFRESH_MS = 1_000;
const LIVE = new Set(['alive', 'suspect', 'draining', 'joining']);

const byId = (id: string): HTMLElement => document.getElementById(id)!;
const bar = byId('bar') as HTMLCanvasElement;
let cluster: Cluster | undefined;

async function refresh(): Promise<void> {
  try {
    const answer = await fetch('/v1/cluster', { headers: apiHeaders(), signal: AbortSignal.timeout(5_000) });
    byId('key').hidden = answer.status !== 401;
    if (!answer.ok) throw new Error(await reasonOf(answer));
    cluster = (await answer.json()) as Cluster;
    show(cluster);
    byId('trouble').textContent = '';
  } catch (error) {
    byId('trouble').textContent =
      `this node does not answer: ${error instanceof Error ? error.message : String(error)}`;
  }
  const rates = await readRates();
  byId('figure-published').textContent = rates ? format(rates.published) : '–';
  byId('figure-delivered').textContent = rates ? format(rates.delivered) : '–';
}

function show({ cluster: name, nodes, slots, copies, iteration, owners, self }: Cluster): void {
  const live = nodes.filter((node) => LIVE.has(node.state));
  byId('cluster-name').textContent = name;
  byId('figure-nodes').textContent =
    live.length === nodes.length ? String(live.length) : `${live.length} of ${nodes.length}`;
  byId('figure-clients').textContent = format(nodes.reduce((sum, node) => sum + Math.max(0, node.connections), 0));
  byId('figure-slots').textContent = format(slots);
  byId('figure-copies').textContent = String(copies);
  byId('figure-iteration').textContent = iteration;
  drawBar(bar, owners);
  byId('nodes').replaceChildren(...nodes.map((node, index) => row(node, index, slots, node.id === self)));
}

function row(node: ClusterNode, index: number, slots: number, self: boolean): HTMLTableRowElement {
  const light = document.createElement('i');
  light.style.background = `var(${nodeVariable(index)})`;
  const id = cell('', 'id');
  id.append(light, node.id, self ? ' (this node)' : '');
  const address = cell('');
  const link = document.createElement('a');
  link.textContent = node.url;
  // Peers name their own address, so only those that can be nothing but one become a link.
  if (/^https?:\/\//.test(node.url)) link.href = `${node.url}/console`;
  address.append(link);
  const tone = node.state === 'alive' ? 'good' : LIVE.has(node.state) ? 'warn' : 'bad';
  const line = document.createElement('tr');
  line.append(
    id,
    address,
    cell(node.state, tone),
    cell(format(node.slots), 'n'),
    cell(`${((100 * node.slots) / slots).toFixed(1)} %`, 'n'),
    cell(node.connections < 0 ? '?' : format(node.connections), 'n'),
    cell(String(node.weight), 'n'),
    cell(node.zone),
    cell(node.version),
  );
  return line;
}

function cell(text: string, className = ''): HTMLTableCellElement {
  const element = document.createElement('td');
  element.textContent = text;
  element.className = className;
  return element;
}

function format(n: number): string {
  return n.toLocaleString('en', { maximumFractionDigits: n < 10 ? 1 : 0 });
}

async function reasonOf(answer: Response): Promise<string> {
  try {
    return ((await answer.json()) as { error: { message: string } }).error.message;
  } catch {
    return `status ${answer.status}`;
  }
}

async function keepRefreshing(): Promise<void> {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
  }
}

new ResizeObserver(() => cluster && drawBar(bar, cluster.owners)).observe(bar);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => cluster && drawBar(bar, cluster.owners));
startKeyForm(byId('key') as HTMLFormElement, byId('key-value') as HTMLInputElement);
startViewer();
void keepRefreshing();
