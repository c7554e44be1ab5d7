/** The nodes a bare reader tries: one after the other, with a pause that grows and is drawn at random. */

const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 1_000;

export class Addresses {
  readonly #urls: readonly string[];
  #next: number;
  #tries = 0;

  constructor(urls: readonly string[], first: number) {
    this.#urls = urls;
    this.#next = first;
  }

  get url(): string {
    return this.#urls[this.#next++ % this.#urls.length]!;
  }

  worked(): void {
    this.#tries = 0;
  }

  async pause(): Promise<void> {
    const cap = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** this.#tries++);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MIN_MS + Math.random() * cap));
  }
}
