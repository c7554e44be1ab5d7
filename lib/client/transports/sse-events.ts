/** Reads server-sent events from bytes as they come: pure, so that any cut of the bytes gives the same events. */

export interface SseEvent {
  readonly event: string;
  readonly data: string;
}

/** Characters of one event; a node sends none near it. */
const EVENT_CHARS_MAX = 4 * 1_024 * 1_024;

export class SseParser {
  readonly #decoder = new TextDecoder();
  #rest = '';
  #event = '';
  #data: string[] = [];
  #chars = 0;

  /** @throws RangeError where an event has no end */
  push(bytes: Uint8Array): SseEvent[] {
    const events: SseEvent[] = [];
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    let start = 0;
    for (;;) {
      const end = text.indexOf('\n', start);
      if (end < 0) break;
      const line = text.slice(start, text[end - 1] === '\r' && end > start ? end - 1 : end);
      start = end + 1;
      if (line === '') this.#dispatch(events);
      else this.#field(line);
    }
    this.#rest = text.slice(start);
    if (this.#rest.length + this.#chars > EVENT_CHARS_MAX) throw new RangeError('an event without end');
    return events;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    // a comment: a sign of life
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    this.#chars += line.length;
    if (name === 'event') this.#event = value;
    else if (name === 'data') this.#data.push(value);
  }

  #dispatch(events: SseEvent[]): void {
    if (this.#data.length > 0) events.push({ event: this.#event, data: this.#data.join('\n') });
    this.#event = '';
    this.#data = [];
    this.#chars = 0;
  }
}
