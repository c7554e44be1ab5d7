/** Appends the events of this process to its history file, with the machine's monotonic clock that all processes share. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { formatEvent, type HistoryBody, type HistoryEvent } from '../../../lib/sim/checkers/history.js';

const FLUSH_CHARACTERS = 64 * 1024;

/** Both read CLOCK_MONOTONIC, so the offset never changes; performance.now() is the cheaper one. */
const OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export function monotonicMs(): number {
  return Math.round((performance.now() + OFFSET_MS) * 1_000) / 1_000;
}

export interface Recorder {
  record(body: HistoryBody): void;
}

export class HistoryFile implements Recorder {
  readonly path: string;
  #file: number;
  #text = '';
  #isClosed = false;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'a');
  }

  record(body: HistoryBody): void {
    if (this.#isClosed) return;
    this.#text += formatEvent({ t: monotonicMs(), ...body } as HistoryEvent);
    if (this.#text.length >= FLUSH_CHARACTERS) this.flush();
  }

  flush(): void {
    if (this.#text === '') return;
    writeSync(this.#file, this.#text);
    this.#text = '';
  }

  close(): void {
    this.flush();
    this.#isClosed = true;
    closeSync(this.#file);
  }
}
