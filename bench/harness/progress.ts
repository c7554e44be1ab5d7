/** One line that says where the benchmark is; in a terminal it is rewritten in place, elsewhere a line per run. */

export class Progress {
  readonly #total: number;
  readonly #startedMs = performance.now();
  #done = 0;
  #label = '';

  constructor(total: number) {
    this.#total = total;
  }

  begin(label: string): void {
    this.#label = label;
    this.step('start');
  }

  step(what: string): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${this.#head()} ${this.#label}: ${what}`);
  }

  end(summary: string): void {
    const head = this.#head();
    this.#done++;
    process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${head} ${this.#label}: ${summary}\n`);
  }

  #head(): string {
    const elapsedS = (performance.now() - this.#startedMs) / 1e3;
    const leftS = this.#done === 0 ? undefined : (elapsedS / this.#done) * (this.#total - this.#done);
    const left =
      leftS === undefined ? '' : `, ${leftS < 90 ? `${Math.ceil(leftS)} s` : `${Math.ceil(leftS / 60)} min`} left`;
    return `[${this.#done + 1}/${this.#total}${left}]`;
  }
}
