/** The counters and the last things that happened. */

import { hueOf } from './palette.js';
import type { PulseEvent, PulseTotals } from './pulse.js';

const LINES = 3;

export function showTotals(totals: PulseTotals): void {
  number('published', totals.published);
  number('delivered', totals.delivered);
  for (const [id, n] of [
    ['missing', totals.missing],
    ['repeated', totals.repeated],
  ] as const) {
    number(id, n);
    document.getElementById(id)!.parentElement!.classList.toggle('wrong', n > 0);
  }
  if (totals.p50Ms >= 0) {
    const unit = document.createElement('small');
    unit.textContent = ` ms · p99 ${shortMs(totals.p99Ms)} ms`;
    document.getElementById('latency')!.replaceChildren(shortMs(totals.p50Ms), unit);
  }
}

export function showEvents(list: HTMLElement, events: readonly PulseEvent[]): void {
  const newest = events.slice(-LINES).reverse();
  const key = newest.map((event) => `${event.time}${event.text}`).join();
  if (list.dataset['key'] === key) return;
  list.dataset['key'] = key;
  list.replaceChildren(
    ...newest.map((event) => {
      const item = document.createElement('li');
      const time = document.createElement('time');
      time.textContent = new Date(event.time).toLocaleTimeString('en-GB');
      const light = document.createElement('i');
      item.dataset['node'] = hueOf(event.node);
      const text = document.createElement('span');
      text.textContent = event.text;
      item.append(time, light, text);
      return item;
    }),
  );
}

function number(id: string, n: number): void {
  const element = document.getElementById(id)!;
  const text = n.toLocaleString('en');
  if (element.textContent !== text) element.textContent = text;
}

function shortMs(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : Math.round(ms).toLocaleString('en');
}
