/**
 * A card for each node, and every user as a dot that sits on the card of the node which serves that user. A user who is
 * moved travels; one whose node was killed hovers in the halo until the next node has taken over.
 */

import { hueOf, initials } from './palette.js';
import type { NodeStatus, PulseNode, PulseUser } from './pulse.js';

const DOT = 32;
const GAP = 6;
/** Cards of nodes that are gone stay so long, so that one sees who left. */
const GONE_MS = 12_000;

const STATUS_WORDS: Readonly<Record<NodeStatus, string>> = {
  starting: 'starting',
  serving: 'serving',
  draining: 'draining',
  killed: 'killed',
  left: 'left',
};

export interface NodeActions {
  /** undefined where this page may not change the cluster. */
  readonly add: (() => Promise<void>) | undefined;
  readonly drain: (node: number) => Promise<void>;
  readonly kill: (node: number) => Promise<void>;
}

interface Card {
  readonly element: HTMLElement;
  readonly seats: HTMLElement;
  readonly drain: HTMLButtonElement;
  readonly kill: HTMLButtonElement;
  goneAt: number;
}

export class Crowd {
  readonly #stage: HTMLElement;
  readonly #cards = new Map<number, Card>();
  readonly #dots = new Map<string, HTMLElement>();
  readonly #layer: HTMLElement;
  readonly #list: HTMLElement;
  readonly #add: HTMLButtonElement;
  readonly #actions: NodeActions;
  #users: readonly PulseUser[] = [];

  constructor(stage: HTMLElement, actions: NodeActions) {
    this.#stage = stage;
    this.#list = stage.querySelector('#cards')!;
    this.#layer = stage.querySelector('#dots')!;
    this.#add = stage.querySelector('#add')!;
    this.#actions = actions;
    this.#add.addEventListener('click', () => void once(this.#add, async () => actions.add?.()));
    new ResizeObserver(() => this.#seat()).observe(stage);
  }

  /** `slotsOf` and `slots` come from the table; `mine` is the node that serves this page. */
  show(
    nodes: readonly PulseNode[],
    users: readonly PulseUser[],
    slotsOf: ReadonlyMap<string, number>,
    slots: number,
    mine: string,
  ): void {
    const now = performance.now();
    const live = nodes.filter((node) => node.status === 'serving');
    for (const node of nodes) {
      const gone = node.status === 'killed' || node.status === 'left';
      const known = this.#cards.get(node.number);
      if (gone && !known) continue;
      const card = known ?? this.#addCard(node);
      card.goneAt ||= gone ? now : 0;
      const owned = gone ? 0 : (slotsOf.get(node.id) ?? 0);
      const here = node.url === mine && !gone;
      card.element.dataset['status'] = node.status;
      card.element.classList.toggle('mine', here);
      text(card.element, '.state', here && node.status === 'serving' ? 'serves this page' : STATUS_WORDS[node.status]);
      text(card.element, '.slots', `${owned} slots`);
      text(card.element, '.people', countOf(users.filter((user) => user.node === node.number).length, 'user'));
      card.element.querySelector<HTMLElement>('.share i')!.style.transform =
        `scaleX(${slots === 0 ? 0 : owned / slots})`;
      // Two nodes are the fewest that can store each message twice.
      const may = this.#actions.add !== undefined && node.status === 'serving' && live.length > 2;
      for (const button of [card.drain, card.kill]) {
        button.disabled = !may;
        button.title = may ? '' : live.length <= 2 ? 'two nodes stay, so that each message has two copies' : '';
      }
      if (card.goneAt > 0 && now - card.goneAt > GONE_MS) {
        card.element.remove();
        this.#cards.delete(node.number);
      }
    }
    this.#add.disabled = this.#actions.add === undefined || live.length >= 8;
    this.#add.title =
      this.#actions.add === undefined ? 'open the address that the demo printed to change the cluster' : '';
    this.#users = users;
    this.#seat();
  }

  speaks(nick: string): void {
    const dot = this.#dots.get(nick);
    if (!dot) return;
    dot.classList.remove('speaks');
    // Reading a size makes the browser start the animation anew.
    void dot.offsetWidth;
    dot.classList.add('speaks');
  }

  #addCard(node: PulseNode): Card {
    const element = document.createElement('article');
    element.className = 'card';
    element.dataset['node'] = hueOf(node.number);
    const header = tag('header');
    const title = tag('h3');
    title.textContent = `node ${node.number}`;
    header.append(tag('i'), title, tag('span', 'state'));
    const share = tag('div', 'share');
    share.append(tag('i'));
    const facts = tag('div', 'facts');
    const address = tag('span');
    address.textContent = `:${new URL(node.url).port}`;
    address.title = node.url;
    facts.append(address, tag('span', 'slots'), tag('span', 'people'));
    const seats = tag('div', 'seats');
    const buttons = tag('div', 'buttons');
    const drain = tag('button') as HTMLButtonElement;
    drain.textContent = 'Drain';
    drain.addEventListener('click', () => void once(drain, () => this.#actions.drain(node.number)));
    const kill = tag('button', 'kill') as HTMLButtonElement;
    kill.textContent = 'kill −9';
    kill.addEventListener('click', () => void once(kill, () => this.#actions.kill(node.number)));
    drain.type = 'button';
    kill.type = 'button';
    buttons.append(drain, kill);
    element.append(header, share, facts, seats, buttons);
    this.#list.append(element);
    const card = { element, seats, drain, kill, goneAt: 0 };
    this.#cards.set(node.number, card);
    return card;
  }

  /** Gives every user a place. */
  #seat(): void {
    const stage = this.#stage.getBoundingClientRect();
    const names = new Set(this.#users.map((user) => user.name));
    for (const [name, dot] of this.#dots) {
      if (names.has(name)) continue;
      dot.remove();
      this.#dots.delete(name);
    }
    const taken = new Map<number, number>();
    for (const user of this.#users) {
      const card = this.#cards.get(user.node);
      const number = card && card.goneAt === 0 ? user.node : 0;
      const index = taken.get(number) ?? 0;
      taken.set(number, index + 1);
      const { x, y } =
        number === 0 ? this.#hover(index, stage) : seatIn(card!.seats.getBoundingClientRect(), index, stage);
      const dot = this.#dots.get(user.name) ?? this.#addDot(user.name);
      dot.style.transform = `translate(${x}px, ${y}px)`;
      dot.classList.toggle('away', number === 0);
      dot.dataset['node'] = hueOf(number);
    }
  }

  #hover(index: number, stage: DOMRect): { x: number; y: number } {
    const halo = this.#stage.querySelector('.halo')!.getBoundingClientRect();
    // On a circle between the text in the middle and the inner edge of the halo.
    const angle = (index / 12) * 2 * Math.PI;
    const radius = halo.width * (0.255 - 0.035 * Math.floor(index / 12));
    return {
      x: halo.left - stage.left + halo.width / 2 + Math.cos(angle) * radius - DOT / 2,
      y: halo.top - stage.top + halo.height / 2 + Math.sin(angle) * radius - DOT / 2,
    };
  }

  #addDot(name: string): HTMLElement {
    const dot = tag('div', 'dot');
    dot.textContent = name === 'you' ? name : initials(name);
    dot.classList.toggle('you', name === 'you');
    this.#layer.append(dot);
    this.#dots.set(name, dot);
    return dot;
  }
}

function seatIn(box: DOMRect, index: number, stage: DOMRect): { x: number; y: number } {
  const columns = Math.max(1, Math.floor((box.width + GAP) / (DOT + GAP)));
  const rows = Math.max(1, Math.floor((box.height + GAP) / (DOT + GAP)));
  // A full card stacks its dots closer instead of spilling over.
  const row = Math.floor(index / columns);
  const squeeze = row < rows ? row * (DOT + GAP) : Math.min(box.height - DOT / 2, row * (DOT / 2));
  return { x: box.left - stage.left + (index % columns) * (DOT + GAP), y: box.top - stage.top + squeeze };
}

async function once(button: HTMLButtonElement, action: () => Promise<void>): Promise<void> {
  button.disabled = true;
  try {
    await action();
  } catch (error) {
    button.title = error instanceof Error ? error.message : String(error);
  }
}

function tag(name: string, className = ''): HTMLElement {
  const element = document.createElement(name);
  if (className !== '') element.className = className;
  return element;
}

function text(inside: HTMLElement, selector: string, value: string): void {
  const element = inside.querySelector(selector)!;
  if (element.textContent !== value) element.textContent = value;
}

function countOf(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}
