/** The chat rooms: what was said, by whom, and a line to say something oneself. Text only ever enters as text. */

import { hueOf, initials, personHue } from './palette.js';
import type { ChatData } from './pulse.js';

/** Older lines leave the page. */
const LINES_KEPT = 80;

export class RoomView {
  readonly element = document.createElement('article');
  readonly #list = document.createElement('ol');
  readonly #where = document.createElement('span');
  #lastNick = '';

  constructor(name: string, say: (text: string) => Promise<void>) {
    const header = document.createElement('header');
    const title = document.createElement('h2');
    title.textContent = name;
    this.#where.className = 'where';
    header.append(title, this.#where);
    this.element.className = 'room';
    this.element.append(header, this.#list, this.#form(name, say));
  }

  say(data: ChatData): void {
    const item = document.createElement('li');
    const more = data.nick === this.#lastNick && data.action !== true;
    item.className = `said${more ? ' more' : ''}${data.action === true ? ' action' : ''}`;
    if (data.nick === '===') {
      item.className = 'said event';
      item.textContent = data.text;
    } else {
      item.append(
        avatar(data.nick),
        line('b', data.nick),
        line('p', data.action === true ? `${data.nick} ${data.text}` : data.text),
      );
    }
    this.#lastNick = data.action === true ? '' : data.nick;
    this.#append(item);
  }

  /** What the subscription says of a hole; never silent. */
  hole(reason: string): void {
    const item = document.createElement('li');
    item.className = 'said hole';
    item.append(line('p', `messages are missing here (${reason})`));
    this.#lastNick = '';
    this.#append(item);
  }

  /** Who owns the room's slot. */
  located(nodeNumber: number, slot: number): void {
    const light = document.createElement('i');
    this.#where.dataset['node'] = hueOf(nodeNumber);
    this.#where.replaceChildren(light, `slot ${slot}, node ${nodeNumber}`);
  }

  #append(item: HTMLLIElement): void {
    const list = this.#list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    list.append(item);
    while (list.children.length > LINES_KEPT) list.firstElementChild!.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  #form(name: string, say: (text: string) => Promise<void>): HTMLFormElement {
    const form = document.createElement('form');
    const input = document.createElement('input');
    input.placeholder = 'Say something';
    input.ariaLabel = `Say something in ${name}`;
    input.maxLength = 400;
    input.enterKeyHint = 'send';
    form.append(input);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (text === '') return;
      input.value = '';
      say(text).catch((error: unknown) => {
        input.value = text;
        input.placeholder = error instanceof Error ? error.message : String(error);
      });
    });
    return form;
  }
}

function avatar(nick: string): HTMLElement {
  const element = line('span', initials(nick));
  const hue = personHue(nick);
  element.className = 'avatar';
  element.style.background = `hsl(${hue} 55% 72%)`;
  element.style.color = `hsl(${hue} 60% 18%)`;
  return element;
}

function line(tag: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}
